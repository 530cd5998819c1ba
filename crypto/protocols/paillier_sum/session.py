"""Sums by Paillier encryption from end to end; `PaillierSum` is what runtimes call."""

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from crypto.encoding.residues import IntegerVector, check_range, common_length
from crypto.errors import ParameterError, WrongContentError, WrongTimeError, blaming
from crypto.paillier.phe_keys import KEY_BITS
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.paillier_sum.authorities import (
    AuthorityApart,
    AuthorityAtHand,
    KeyWanted,
)
from crypto.protocols.paillier_sum.authority import PaillierAuthority
from crypto.protocols.paillier_sum.client import PaillierClient
from crypto.protocols.paillier_sum.messages import MAX_MODULUS_BITS, MessageType
from crypto.protocols.paillier_sum.server import PaillierServer
from crypto.randomness import SYSTEM, Randomness
from crypto.session.apart.channel import ApartChannel
from crypto.session.apart.delivery import check_receivers
from crypto.session.apart.participant import Call, Task
from crypto.session.client_session import Part
from crypto.session.consortium import Consortium
from crypto.session.helped_sum import HelpedSum, Stage
from crypto.session.runner import StageRunner
from crypto.session.secure_sum import SumResult
from crypto.session.sum_roles import AnyChannel, Session, SessionPlan, Total
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
        consortium: the identities of clients and authority; None: new ones, made here.
        last_epoch: of the last key that the authority's identity has signed; 0: it signed none.

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
        consortium: Consortium | None = None,
        last_epoch: int = 0,
    ) -> None:
        if key_bits < self.LEAST_KEY_BITS:
            raise ParameterError(f"key_bits={key_bits} must be at least {self.LEAST_KEY_BITS}")
        super().__init__(threshold, signed, randomness, clock, choose_helpers, consortium)
        self._key_bits = key_bits
        self._authority_identity = self.consortium.new_identity() if signed else None
        self._epoch = last_epoch
        self._authority: PaillierAuthority | None = None

    def _run_up_to(
        self, vectors: Mapping[ClientId, IntegerVector], max_value: int, plan: SessionPlan
    ) -> SumResult:
        length = common_length(vectors)
        for vector in vectors.values():
            check_range(vector, length, max_value)
        threshold = plan_threshold(len(vectors), self._threshold, signed=self._signed)
        return self._run(vectors, (length, max_value, threshold), plan, 64)

    def _agree_on(self, num_clients: int, length: int, bits: int) -> Any:
        threshold = plan_threshold(num_clients, self._threshold, signed=self._signed)
        self._check_bound(num_clients, (1 << bits) - 1)
        return length, (1 << bits) - 1, threshold

    def _open(
        self, cohort: tuple[ClientId, ...], agreed: Any, plan: SessionPlan, channel: AnyChannel
    ) -> Session[PaillierServer]:
        length, max_value, threshold = agreed
        authority = self._reach_authority(cohort, threshold, channel)
        with channel.work(SERVER, Stage.KEY_SETUP):
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
        return Session(server, max_value=max_value, helper=authority)

    def _finish(self, runner: StageRunner, session: Session[PaillierServer]) -> Total:
        server = session.server
        order = runner.close(server.order_decryption)
        decrypted = session.helper.decrypt(order, runner)
        values = runner.close(lambda: _read_sum(server, decrypted, session.max_value))
        return Total(np.array([value % 2**64 for value in values], np.uint64), server.survivors)

    def _reach_authority(
        self, cohort: tuple[ClientId, ...], threshold: int, channel: AnyChannel
    ) -> AuthorityAtHand | AuthorityApart:
        if isinstance(channel, ApartChannel):
            return AuthorityApart(channel, KeyWanted(cohort, threshold), self._trusted)
        with channel.work(SERVER, Stage.KEY_SETUP):
            return AuthorityAtHand(self._authority_of(cohort, threshold))

    def _authority_tasks(self) -> dict[str, Task]:
        return {"announce": self._announce, "decrypt": self._decrypt_apart}

    def _announce(self, call: Call) -> bytes:
        """Return the key for some clients, signed if the sessions are."""
        with blaming(SERVER):
            wanted = KeyWanted.from_bytes(call.data)
            check_receivers(wanted.clients, self.consortium)
        authority = self._authority_of(wanted.clients, wanted.threshold)
        return authority.announcement.to_bytes() + authority.signature

    def _decrypt_apart(self, call: Call) -> bytes:
        if self._authority is None:
            raise WrongTimeError("a sum under a key that was not made yet", SERVER)
        return self._authority.decrypt(call.data)

    def _authority_of(self, cohort: tuple[ClientId, ...], threshold: int) -> PaillierAuthority:
        """Return the present authority, or a new one if its key does not cover the cohort."""
        present = self._authority
        if (
            present is None
            or present.announcement.threshold != threshold
            or not {*cohort} <= {*present.announcement.clients}
        ):
            self._epoch += 1
            present = PaillierAuthority(
                cohort,
                threshold,
                self._authority_identity,
                self.registry,
                self._key_bits,
                self._epoch,
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
        return self.client(client).join(data, self._trusted, binding)


def _read_sum(server: PaillierServer, decrypted: bytes, max_value: int) -> tuple[int, ...]:
    values, largest = server.read_sum(decrypted), len(server.survivors) * max_value
    if max(values, default=0) > largest:
        raise WrongContentError(
            f"a sum above {largest}: a client encrypted a number out of range; it cannot be "
            "told which"
        )
    return values
