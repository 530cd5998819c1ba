"""What server and sites say to each other around the secure sums of a round."""

from dataclasses import dataclass, field
from typing import Final, Self

from crypto.codec import Record
from crypto.codings import ClientIds, Digest, Flag, Sized, Uint64
from crypto.domain import domain_hash
from crypto.errors import PolicyError, blaming
from crypto.parties import SERVER
from tff_health.federation.rounds.purpose import TRAINING, VALIDATION, Purpose

TASK: Final = "round"
"""The role of a site that trains."""
TRAIN, VALIDATE = TRAINING.stage, VALIDATION.stage
"""Its stages before secure sums."""
CLOSE, END = "close", "end"
"""Its stages after those of a round, and after the last round."""


@dataclass(frozen=True)
class RoundOffer(Record):
    """Server to site: train on this model, or measure it; the stage says which.

    Attributes:
        study: digest of the study.
        round_id: the training round, from 1.
        model: its weights, as `ModelWeights.to_bytes` writes them.
    """

    study: Digest
    round_id: Uint64
    model: Sized = field(repr=False)

    def binding(self, purpose: Purpose = TRAINING) -> bytes:
        """Returns the digest that the round's secure sums are bound to: of all that is said here.

        Sites that were shown different models have different ones, and so share no masks.

        Args:
            purpose: for which the model is offered.
        """
        return domain_hash(purpose.domain, self.to_bytes())


@dataclass(frozen=True)
class RoundReady(Record):
    """Site to server: it has computed, and waits for the secure sums.

    Attributes:
        round_id: of the offer.
        binding: of the offer.
    """

    round_id: Uint64
    binding: Digest


@dataclass(frozen=True)
class RoundClosed(Record):
    """Server to all: how a round ended.

    Attributes:
        round_id: the training round.
        binding: of its offer.
        survivors: the clients in its sum; none if it was lost.
        model: digest of the weights after the round.
        is_lost: whether the model stays what it was.
    """

    round_id: Uint64
    binding: Digest
    survivors: ClientIds
    model: Digest
    is_lost: Flag


@dataclass(frozen=True)
class StudyEnded(Record):
    """Server to all: there are no further rounds.

    Attributes:
        study: digest of the study.
        rounds: that there were.
        model: digest of the final weights.
    """

    study: Digest
    rounds: Uint64
    model: Digest

    @classmethod
    def of_study(cls, data: bytes, study: bytes) -> Self:
        """Reads the server's message.

        Raises:
            ProtocolError: naming the server, if it is none, or of another study.
        """
        with blaming(SERVER):
            ended = cls.from_bytes(data)
        if ended.study != study:
            raise PolicyError("the end of another study", SERVER)
        return ended
