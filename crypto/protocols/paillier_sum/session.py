"""Sums by Paillier encryption from end to end; `PaillierSum` is what runtimes call."""

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from crypto.encoding.residues import IntegerVector, check_range, common_length
from crypto.errors import ParameterError, WrongContentError
from crypto.paillier.phe_keys import KEY_BITS
from crypto.parties import AUTHORITY, SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.paillier_sum.authority import PaillierAuthority
from crypto.protocols.paillier_sum.client import PaillierClient
from crypto.protocols.paillier_sum.messages import MAX_MODULUS_BITS, MessageType
from crypto.protocols.paillier_sum.server import PaillierServer
from crypto.randomness import SYSTEM, Randomness
from crypto.session.channel import Channel
from crypto.session.client_session import Part
from crypto.session.helped_sum import HelpedSum, Stage
from crypto.session.runner import StageRunner
from crypto.session.secure_sum import SumResult
from crypto.session.staged_sum import Session, SessionPlan, Total
from crypto.session.thresholds import MIN_CLIENTS, ChooseHelpers, choose_at_random, plan_threshold


class PaillierSum(HelpedSum[PaillierClient]):
    """Secure sums by Paillier encryption: drop-in for `ElGamalSum`, under one authority's key.

    The sum is over the integers. `sum` reduces it modulo 2^k as every `SecureSum` does, but server
    and authority learn the integer; `sum_up_to` returns it. Every coordinate costs a ciphertext
    of twice the modulus: meant for a few values. Sums that `sum_up_to` returns are below 2^64;
    clients are trusted to keep to the public range, as there are no range proofs here.

    Args:
        threshold: e, how many survivors must consent to the decryption; by default
            floor(2n/3) + 1 of n clients, a majority if they do not sign.
        signed: whether clients and authority sign their messages.
        key_bits: of the modulus, 2048 at least.
        randomness: where signing keys and nonces come from; Paillier's own come from the
            operating system.
        clock: seconds, for the times in the record of costs; the authority's work counts as the
            server's.
        choose_helpers: which survivors are asked to consent; a random choice by default.

    Raises:
        ParameterError: for short keys or a threshold below 2.
    """

    message_types = (MessageType,)
    MOST_BITS = MAX_MODULUS_BITS
    LEAST_KEY_BITS: ClassVar[int] = KEY_BITS

    def __init__(
        self,
        *,
        threshold: int | None = None,
        signed: bool = True,
        key_bits: int = KEY_BITS,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
        choose_helpers: ChooseHelpers = choose_at_random,
    ) -> None:
        if key_bits < self.LEAST_KEY_BITS:
            raise ParameterError(f"key_bits={key_bits} must be at least {self.LEAST_KEY_BITS}")
        super().__init__(threshold, signed, randomness, clock, choose_helpers)
        self._key_bits = key_bits
        self._identity = self.consortium.new_identity()
        self._authority: PaillierAuthority | None = None

    def _run_up_to(
        self, vectors: Mapping[ClientId, IntegerVector], max_value: int, plan: SessionPlan
    ) -> SumResult:
        length = common_length(vectors)
        for vector in vectors.values():
            check_range(vector, length, max_value)
        threshold = plan_threshold(len(vectors), self._threshold, signed=self._signed)
        return self._run(vectors, (length, max_value, threshold), plan, 64)

    def _open(
        self, cohort: tuple[ClientId, ...], agreed: Any, plan: SessionPlan, channel: Channel
    ) -> Session[PaillierServer]:
        length, max_value, threshold = agreed
        with channel.work(SERVER, Stage.KEY_SETUP):
            authority = self._authority_of(cohort, threshold)
            server = PaillierServer(
                cohort,
                length,
                plan.round_id,
                authority.announcement,
                authority.signature,
                self.registry,
                self._randomness,
                self._choose_helpers,
                plan.binding,
            )
        return Session(server, max_value=max_value)

    def _finish(self, runner: StageRunner, session: Session[PaillierServer]) -> Total:
        server = session.server
        authority = self._authority_of(server.cohort, server.threshold)
        order = runner.close(server.order_decryption)
        decrypted = runner.close(lambda: authority.decrypt(order), AUTHORITY)
        values = runner.close(lambda: _read_sum(server, decrypted, session.max_value))
        return Total(np.array([value % 2**64 for value in values], np.uint64), server.survivors)

    def _authority_of(self, cohort: tuple[ClientId, ...], threshold: int) -> PaillierAuthority:
        """Return the present authority, or a new one if its key does not cover the cohort."""
        present = self._authority
        if (
            present is None
            or present.announcement.threshold != threshold
            or not {*cohort} <= {*present.announcement.clients}
        ):
            epoch = 1 if present is None else present.announcement.epoch + 1
            present = PaillierAuthority(
                cohort, threshold, self._identity, self.registry, self._key_bits, epoch
            )
            self._authority = present
        return present

    def _make_client(self, client: ClientId, identity: SigningIdentity | None) -> PaillierClient:
        return PaillierClient(
            client,
            identity,
            self.registry,
            threshold=self._threshold,
            least_cohort=MIN_CLIENTS,
            least_key_bits=self.LEAST_KEY_BITS,
            randomness=self._randomness,
        )

    def _join(self, client: ClientId, data: bytes, binding: bytes) -> tuple[Part[Any], bytes]:
        trusted = self._identity.verify_key if self._identity is not None else None
        return self.client(client).join(data, trusted, binding)


def _read_sum(server: PaillierServer, decrypted: bytes, max_value: int) -> tuple[int, ...]:
    values, largest = server.read_sum(decrypted), len(server.survivors) * max_value
    if max(values, default=0) > largest:
        raise WrongContentError(
            f"a sum above {largest}: a client encrypted a number out of range; it cannot be "
            "told which"
        )
    return values
