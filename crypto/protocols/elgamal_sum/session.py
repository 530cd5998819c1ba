"""Sums by threshold ElGamal from end to end: the roles, the channel between them, the result.

`ElGamalSum` is what runtimes call. Its clients live as long as it does: identities and the system
key stay, everything else is new in each session.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from crypto.elgamal.discrete_log import MAX_BOUND, DiscreteLog
from crypto.encoding.residues import IntegerVector, check_range, common_length
from crypto.errors import ParameterError
from crypto.groups.base import Group
from crypto.groups.secp256k1 import SECP256K1
from crypto.parties import ClientId
from crypto.primitives.signatures import SigningIdentity
from crypto.proofs.range_proof import seconds_of_proof
from crypto.protocols.dkg.session import KeyGenerations
from crypto.protocols.elgamal_sum.authority import KeyDelivery
from crypto.protocols.elgamal_sum.client import ElGamalClient
from crypto.protocols.elgamal_sum.key_setup import AuthorityKeys, GeneratedKeys, KeySource
from crypto.protocols.elgamal_sum.messages import MessageType
from crypto.protocols.elgamal_sum.parameters import MAX_VALUE, ElGamalParameters, ElGamalPolicy
from crypto.protocols.elgamal_sum.server import ElGamalServer
from crypto.randomness import SYSTEM, Randomness
from crypto.session.apart.channel import ApartChannel
from crypto.session.apart.participant import Task
from crypto.session.consortium import Consortium
from crypto.session.costs import Costs
from crypto.session.helped_sum import HelpedSum, Stage
from crypto.session.key_setup import KeySetup, check_key_setup
from crypto.session.runner import StageRunner
from crypto.session.secure_sum import Refusal, SessionAbortedError, SumResult
from crypto.session.sum_roles import AnyChannel, Session, SessionPlan, Total
from crypto.session.thresholds import MIN_CLIENTS, ChooseHelpers, choose_at_random, plan_threshold

MAX_MODULUS_BITS: Final = MAX_VALUE.bit_length()


class ElGamalSum(HelpedSum[ElGamalClient[Any]]):
    """Secure sums by threshold ElGamal (the paper's sum of qualities, scheme V).

    The sum is over the integers, found by a discrete logarithm. `sum` reduces it modulo 2^k as
    every `SecureSum` does, but the server learns the integer: the carry too. `sum_up_to` returns
    it as it is. Every coordinate costs a ciphertext: meant for a few values, not for models.

    k is at most 32, values at most 2^32 - 1, and sums at most 2^40, since they are found by a
    discrete logarithm; double masking has larger moduli. With proofs, the server refuses what is
    not shown to be in the public range.

    Args:
        group: where keys and ciphertexts live; secp256k1 is fastest, ffdhe2048 the paper's kind.
        threshold: e; by default floor(2n/3) + 1 of n clients, a majority if they do not sign. One
            below a majority, as in the paper, is for sessions without signatures.
        key_setup: who makes the system key, "authority" or "dkg".
        proofs: whether values are proved to be in range and partial decryptions to be right.
        signed: whether clients, and the authority, sign their messages.
        cache_dir: where tables of discrete logarithms are kept between runs; None: nowhere.
        randomness: where keys come from.
        clock: seconds, for the times in the record of costs; wall time by default.
        choose_helpers: which survivors decrypt; a random choice by default.
        consortium: the identities of clients and authority; None: new ones, made here.
        last_epoch: of the last system key that was made before, 0 if none.

    Raises:
        ParameterError: for an unknown key setup or a threshold below 2.
    """

    message_types = (MessageType,)
    MOST_BITS = MAX_MODULUS_BITS

    def __init__(
        self,
        group: Group[Any] = SECP256K1,
        *,
        threshold: int | None = None,
        key_setup: KeySetup = "authority",
        proofs: bool = True,
        signed: bool = True,
        cache_dir: Path | None = None,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
        choose_helpers: ChooseHelpers = choose_at_random,
        consortium: Consortium | None = None,
        last_epoch: int = 0,
    ) -> None:
        super().__init__(threshold, signed, randomness, clock, choose_helpers, consortium)
        self.group = group
        self._proofs = proofs
        self._cache_dir = cache_dir
        check_key_setup(key_setup)
        self._keys: KeySource[Any] = (
            self._authority_keys(last_epoch)
            if key_setup == "authority"
            else GeneratedKeys(
                KeyGenerations(group, self.identity, randomness, clock, last_epoch), randomness
            )
        )
        self._policy = ElGamalPolicy(signed, threshold, MIN_CLIENTS)
        self._delivery: KeyDelivery | None = None
        self._logarithms: dict[int, DiscreteLog[Any]] = {}

    def _authority_keys(self, last_epoch: int) -> AuthorityKeys[Any]:
        identity = self.consortium.new_identity() if self._signed else None
        return AuthorityKeys(self.group, identity, self._randomness, self.consortium, last_epoch)

    def client_seconds(self, num_clients: int, length: int) -> float:
        """Return about how long all clients of a session compute, of which proofs are the most."""
        return num_clients * length * seconds_of_proof(self.group) * self._proofs

    def _agree_on(self, num_clients: int, length: int, bits: int) -> Any:
        threshold = plan_threshold(num_clients, self._threshold, signed=self._signed)
        largest = (1 << bits) - 1
        parameters = ElGamalParameters(length, largest, threshold, self._proofs, self._signed)
        return parameters, self._logarithms_up_to(num_clients * largest)

    def other_tasks(self, client: ClientId) -> dict[str, Task]:
        """Return how a client gets its shares of system keys."""

        def least(num_clients: int) -> int:
            return plan_threshold(num_clients, self._threshold, signed=self._signed)

        return self._keys.member_tasks(self.client(client), least)

    def _authority_tasks(self) -> dict[str, Task]:
        return self._keys.authority_tasks()

    def _check_bound(self, num_clients: int, max_value: int) -> None:
        """Leave it to what is agreed upon."""

    def _run_up_to(
        self, vectors: Mapping[ClientId, IntegerVector], max_value: int, plan: SessionPlan
    ) -> SumResult:
        threshold = plan_threshold(len(vectors), self._threshold, signed=self._signed)
        length = common_length(vectors)
        parameters = ElGamalParameters(length, max_value, threshold, self._proofs, self._signed)
        for vector in vectors.values():
            check_range(vector, length, max_value)
        logarithms = self._logarithms_up_to(len(vectors) * max_value)
        return self._run(vectors, (parameters, logarithms), plan, 64)

    def _open(
        self, cohort: tuple[ClientId, ...], agreed: Any, plan: SessionPlan, channel: AnyChannel
    ) -> Session[ElGamalServer[Any]]:
        parameters, logarithms = agreed
        delivery, costs, refusals = self._key_for(cohort, parameters.threshold, channel)
        # Who gave no key to the authority has no place in a session under the key that it dealt.
        cohort = tuple(client for client in cohort if client in delivery.announcement.clients)
        server = ElGamalServer(
            cohort,
            parameters,
            plan.round_id,
            delivery,
            logarithms,
            self.registry,
            self._randomness,
            self._choose_helpers,
            plan.binding,
        )
        return Session(
            server, costs=costs, refusals=refusals, helper=isinstance(channel, ApartChannel)
        )

    def _play(self, runner: StageRunner, session: Session[ElGamalServer[Any]]) -> Total:
        try:
            return super()._play(runner, session)
        finally:
            self._forget_delivered(session.server.ready)
            if session.helper:
                self._forget_refusing(runner.refusals)

    def _finish(self, runner: StageRunner, session: Session[ElGamalServer[Any]]) -> Total:
        result = runner.close(session.server.decrypt)
        return Total(np.array(result.values, np.uint64), result.survivors)

    def _logarithms_up_to(self, bound: int) -> DiscreteLog[Any]:
        if bound > MAX_BOUND:
            raise ParameterError(f"sums up to {bound} are beyond 2^40, the largest to be found")
        bits = bound.bit_length()  # cohorts of about the same size share a table
        if bits not in self._logarithms:
            largest = min((1 << bits) - 1, MAX_BOUND)
            self._logarithms[bits] = DiscreteLog(self.group, largest, self._cache_dir)
        return self._logarithms[bits]

    def _make_client(
        self, client: ClientId, identity: SigningIdentity | None
    ) -> ElGamalClient[Any]:
        return ElGamalClient(
            client,
            self.group,
            identity,
            self.registry,
            self._keys.authority,
            self._policy,
            self._randomness,
        )

    def _key_for(
        self, cohort: Sequence[ClientId], threshold: int, channel: AnyChannel
    ) -> tuple[KeyDelivery, Costs, tuple[Refusal, ...]]:
        """Return the present system key, or a new one if it does not cover the cohort."""
        present = self._delivery
        if (
            present is not None
            and present.announcement.threshold == threshold
            and present.holders.issuperset(cohort)
        ):
            return present, Costs(), ()
        try:
            delivery, costs, refusals = self._make_key(cohort, threshold, channel)
        except SessionAbortedError as error:
            costs = error.costs.within(Stage.KEY_SETUP)
            raise SessionAbortedError(
                Stage.KEY_SETUP, error.reason, costs, error.refusals
            ) from error
        self._delivery = delivery
        return delivery, costs.within(Stage.KEY_SETUP), refusals

    def _make_key(
        self, cohort: Sequence[ClientId], threshold: int, channel: AnyChannel
    ) -> tuple[KeyDelivery, Costs, tuple[Refusal, ...]]:
        if isinstance(channel, ApartChannel):
            return self._keys.make_apart(cohort, threshold, channel, self.registry)
        clients = {client: self._clients[client] for client in cohort}
        absent = frozenset(c for c in cohort if not channel.is_present(c, Stage.KEY_SETUP))
        return self._keys.make_key(clients, threshold, absent)

    def _forget_refusing(self, refusals: Sequence[Refusal]) -> None:
        """Count no client as a holder that refused an invitation: it may have lost its share."""
        refusing = {r.by for r in refusals if r.stage == Stage.KEY_SETUP}
        if self._delivery is not None and refusing & self._delivery.holders:
            holders = frozenset(self._delivery.holders - refusing)
            self._delivery = replace(self._delivery, holders=holders)

    def _forget_delivered(self, ready: set[ClientId]) -> None:
        """Keep sealed shares only for those who have not got theirs."""
        if self._delivery is not None:
            waiting = {
                client: sealed
                for client, sealed in self._delivery.sealed_shares.items()
                if client not in ready
            }
            self._delivery = replace(self._delivery, sealed_shares=waiting)
