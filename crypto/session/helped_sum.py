"""What sums have in common whose survivors help to decrypt: in three stages, the last for a few.

    stage        server to client        client to server
    key setup    the invitation          readiness
    upload       who takes part          an encrypted vector
    decryption   what all have uploaded  help, or consent

In "decryption" the server asks as many survivors as the threshold, chosen at random, and others in
their place if they do not answer.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from crypto.encoding.residues import IntegerVector
from crypto.errors import ConsistencyError, ParameterError, ThresholdError
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.randomness import Randomness
from crypto.session.admission import Kinds
from crypto.session.client_session import ClientSession
from crypto.session.consortium import Consortium
from crypto.session.exchange import Opening as StageOpening
from crypto.session.faults import Fault
from crypto.session.messages import ClientMessage, RoundInvitation
from crypto.session.opened_rounds import Opening
from crypto.session.secure_sum import SumResult
from crypto.session.signing import verify_relayed
from crypto.session.staged_server import StagedServer
from crypto.session.staged_sum import IntegerSums
from crypto.session.sum_roles import SessionPlan
from crypto.session.thresholds import MIN_CLIENTS, ChooseHelpers

_Client = TypeVar("_Client")


class Stage(StrEnum):
    """A message from the server to each client and the client's answer."""

    KEY_SETUP = "key setup"
    UPLOAD = "upload"
    DECRYPTION = "decryption"


class HelpedSum(IntegerSums[_Client]):
    """Sums over the integers that survivors help to decrypt.

    Args:
        threshold: how many survivors help; None for the default of `plan_threshold`.
        signed: whether clients sign their messages.
        randomness: where identities come from, and keys.
        clock: seconds, for the times in the record of costs.
        choose_helpers: which survivors help.
        consortium: the identities of its clients; None: new ones, made here.

    Raises:
        ParameterError: for a threshold below three.
    """

    stages = tuple(stage.value for stage in Stage)
    opens_at = Stage.DECRYPTION.value

    def __init__(
        self,
        threshold: int | None,
        signed: bool,
        randomness: Randomness,
        clock: Callable[[], float],
        choose_helpers: ChooseHelpers,
        consortium: Consortium | None = None,
    ) -> None:
        if threshold is not None and threshold < MIN_CLIENTS:
            raise ParameterError(f"threshold={threshold} must be at least {MIN_CLIENTS}")
        super().__init__(signed=signed, randomness=randomness, clock=clock, consortium=consortium)
        self._threshold = threshold
        self._signed = signed
        self._choose_helpers = choose_helpers

    def sum_up_to(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        max_value: int,
        *,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
        binding: bytes = b"",
    ) -> SumResult:
        """Run one session and return the sum over the integers: the paper's sum of qualities.

        Args:
            vectors: for every client of the cohort a vector of shape (m,), integers of 32 or 64
                bits, values 0 to `max_value`.
            max_value: the public range, as the class allows it.
            round_id: as in `SecureSum.sum`.
            dropouts: likewise. A client that drops out in "key setup" takes no part in a
                distributed key generation.
            faults: likewise. They do not touch the messages of a distributed key generation.
            binding: likewise.

        Returns:
            The sum over the survivors, not reduced.

        Raises:
            ParameterError: for too few clients, an impossible range or vectors that do not fit.
            SessionAbortedError: if too few clients are left, or the sum does not decrypt.
        """
        self._check_bound(len(vectors), max_value)
        return self._run_up_to(vectors, max_value, SessionPlan(round_id, dropouts, faults, binding))

    def _check_bound(self, num_clients: int, max_value: int) -> None:
        """Refuse a sum that could not be returned as it is."""
        if not max_value >= 1 or max_value * num_clients >= 2**64:
            raise ParameterError(f"max_value={max_value} times {num_clients} must be below 2^64")


class HelpedServer(StagedServer):
    """The server's part in one session.

    Args:
        invitation: opens the session.
        client_messages: stage -> the message that ends it for a client.
        threshold: how many survivors must help.
        registry: the verify keys of the clients; None in sessions without signatures.
        randomness: what helpers are drawn with.
        choose: which survivors help.

    Attributes:
        UPLOAD_REQUEST: the message with the clients that take part.
        HELP_REQUEST: the message with what they uploaded, and their signatures of it.
        cohort: the clients asked.
        threshold: as given.
    """

    UPLOAD_REQUEST: ClassVar[Any]
    HELP_REQUEST: ClassVar[Any]

    def __init__(
        self,
        invitation: RoundInvitation,
        client_messages: Kinds,
        threshold: int,
        registry: Mapping[ClientId, VerifyKey] | None,
        randomness: Randomness,
        choose: ChooseHelpers,
    ) -> None:
        super().__init__(invitation.session_id(), client_messages, threshold, registry)
        self.cohort = invitation.cohort
        self.threshold = threshold
        self._randomness = randomness
        self._choose = choose
        self._asked: set[ClientId] = set()
        self._uploads: dict[ClientId, tuple[Any, bytes]] = {}

    @property
    def survivors(self) -> tuple[ClientId, ...]:
        """The clients in the sum."""
        return tuple(sorted(self._uploads))

    def openings(self) -> Iterator[tuple[str, StageOpening]]:
        """Return what opens each stage; "decryption" is opened again while help is missing."""
        yield Stage.KEY_SETUP, self.invite
        yield Stage.UPLOAD, self.request_uploads
        yield Stage.DECRYPTION, self._request_help
        while self._candidates() and self._missing() > 0:
            yield Stage.DECRYPTION, self._request_more

    @abstractmethod
    def invite(self) -> dict[ClientId, bytes]:
        """Open the session; return an invitation for each client of the cohort."""

    def request_uploads(self) -> dict[ClientId, bytes]:
        """Close key setup; return a request for each client that is ready."""
        present = tuple(sorted(self._advance(Stage.KEY_SETUP, Stage.UPLOAD)))
        return dict.fromkeys(present, self.UPLOAD_REQUEST(self.session_id, present).to_bytes())

    def _request_help(self) -> dict[ClientId, bytes]:
        """Close the upload; return requests for the first helpers."""
        self._door.close(Stage.UPLOAD)
        self._door.open(Stage.DECRYPTION, frozenset())
        return self._request_more()

    def _request_more(self) -> dict[ClientId, bytes]:
        """Return requests for as many survivors as are missing; none if none are, or none left."""
        chosen = self._choose(self._candidates(), max(self._missing(), 0), self._randomness)
        self._asked.update(chosen)
        self._door.await_more(frozenset(chosen))
        kept = (self._uploads[client] for client in self.survivors)
        uploads, signatures = zip(*kept, strict=True)
        request = self.HELP_REQUEST(self.session_id, uploads, signatures).to_bytes()
        return dict.fromkeys(sorted(chosen), request)

    def _missing(self) -> int:
        return self.threshold - len(self.present)

    def _candidates(self) -> list[ClientId]:
        return sorted(self._uploads.keys() - self._asked)


@dataclass(frozen=True)
class Joined:
    """It joined the session."""


@dataclass(frozen=True)
class Uploaded:
    """Its vector is encrypted and gone."""


class HelpingClientSession(ClientSession[Joined | Uploaded]):
    """One client in one session, in which it uploads once and helps once.

    That it helps once a session, whatever it is asked, keeps the sum the only thing decrypted.

    Args:
        client_id: the client.
        invitation: to the session.
        threshold: fewest clients in a sum.
        opening: what it asks before it uploads, and tells before it helps.
        identity: signs its messages; None in sessions without signatures.
        registry: the verify keys of the clients.
        randomness: where its secrets come from.
    """

    READINESS: ClassVar[type[ClientMessage]]

    def __init__(
        self,
        client_id: ClientId,
        invitation: RoundInvitation,
        threshold: int,
        opening: Opening,
        *,
        identity: SigningIdentity | None,
        registry: Mapping[ClientId, VerifyKey],
        randomness: Randomness,
    ) -> None:
        cohort = invitation.cohort
        super().__init__(client_id, invitation.session_id(), Joined(), len(cohort), identity)
        self._cohort = frozenset(cohort)
        self._threshold = threshold
        self._opening = opening
        self._registry = registry
        self._randomness = randomness
        self._participants: frozenset[ClientId] = frozenset()
        self._own = b""

    def first_answer(self) -> bytes:
        """Return that it is ready."""
        return self._answer(self.READINESS)

    def _check_participants(self, clients: Iterable[ClientId]) -> None:
        """Keep who takes part, or refuse a list that cannot be."""
        participants = frozenset(clients)
        if self.client_id not in participants or not participants <= self._cohort:
            raise ConsistencyError("participants that were never invited, or not this one", SERVER)
        self._require(len(participants), "participants")
        self._participants = participants

    def _check_uploads(
        self,
        uploads: Sequence[ClientMessage],
        signatures: Sequence[bytes],
        content: Callable[[Any], bytes],
    ) -> None:
        """Refuse to help with a sum unless it is over enough participants, and over its own upload.

        Args:
            uploads: what the server passed on.
            signatures: of their senders.
            content: what must be as this client made it.
        """
        senders = frozenset(upload.sender for upload in uploads)
        if not senders <= self._participants or self.client_id not in senders:
            raise ConsistencyError("a sum over others than the participants", SERVER)
        self._require(len(senders), "clients in the sum")
        registry = self._registry if self._identity is not None else None
        for upload, signature in zip(uploads, signatures, strict=True):
            if upload.sender == self.client_id and content(upload) != self._own:
                raise ConsistencyError("another upload under this client's name", SERVER)
            verify_relayed(upload, signature, registry)

    def _require(self, found: int, what: str) -> None:
        if found < self._threshold:
            raise ThresholdError(what, found, self._threshold)
