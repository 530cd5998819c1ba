"""Sums by threshold ElGamal from end to end: the roles, the channel between them, the result.

`ElGamalSum` is what runtimes call. Its clients live as long as it does: identities and the system
key stay, everything else is new in each session.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from crypto.elgamal.discrete_log import MAX_BOUND, DiscreteLog
from crypto.encoding.residues import IntegerVector, check_range, check_vector
from crypto.errors import ParameterError
from crypto.groups.base import Element, Group
from crypto.groups.secp256k1 import SECP256K1
from crypto.parties import ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.elgamal_sum.authority import KeyDelivery
from crypto.protocols.elgamal_sum.client import ElGamalClient
from crypto.protocols.elgamal_sum.key_setup import AuthorityKeys, GeneratedKeys, KeySource
from crypto.protocols.elgamal_sum.messages import MessageType
from crypto.protocols.elgamal_sum.parameters import (
    MAX_VALUE,
    ElGamalParameters,
    ElGamalPolicy,
)
from crypto.protocols.elgamal_sum.run import ElGamalSession, KeySetupResult
from crypto.protocols.elgamal_sum.server import (
    ElGamalServer,
    Stage,
)
from crypto.randomness import SYSTEM, Randomness
from crypto.session.channel import Channel
from crypto.session.faults import Fault
from crypto.session.opened_rounds import OncePerRound
from crypto.session.secure_sum import SecureSum, SessionAbortedError, SumResult
from crypto.session.thresholds import MIN_CLIENTS, ChooseHelpers, choose_at_random, plan_threshold

MAX_MODULUS_BITS: Final = MAX_VALUE.bit_length()

KeySetup: TypeAlias = Literal["authority", "dkg"]


class ElGamalSum(SecureSum):
    """Secure sums by threshold ElGamal (the paper's sum of qualities, scheme V).

    The sum is over the integers, found by a discrete logarithm. `sum` reduces it modulo 2^k as
    every `SecureSum` does, but the server learns the integer: the carry too. `integer_sum` returns
    it as it is. Every coordinate costs a ciphertext: meant for a few values, not for models.

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

    Raises:
        ParameterError: for an unknown key setup or a threshold below 2.
    """

    stages = tuple(stage.value for stage in Stage)
    opens_at = Stage.DECRYPTION.value

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
    ) -> None:
        if threshold is not None and threshold < MIN_CLIENTS:
            raise ParameterError(f"threshold={threshold} must be at least {MIN_CLIENTS}")
        self.group = group
        self._threshold = threshold
        self._proofs = proofs
        self._signed = signed
        self._cache_dir = cache_dir
        self._randomness = randomness
        self._clock = clock
        self._choose_helpers = choose_helpers
        self._keys = _key_source(key_setup, group, signed, randomness, clock)
        self._policy = ElGamalPolicy(signed, threshold, MIN_CLIENTS)
        self._registry: dict[ClientId, VerifyKey] = {}
        self._clients: dict[ClientId, ElGamalClient[Any]] = {}
        self._delivery: KeyDelivery | None = None
        self._once = OncePerRound()
        self._logarithms: dict[int, DiscreteLog[Any]] = {}

    def sum(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        modulus_bits: int,
        *,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
        binding: bytes = b"",
    ) -> SumResult:
        """Run one session; see `SecureSum.sum`. k is at most 32, and clients 256 at k = 32.

        The server learns the sum of the residues 0 to 2^k - 1 before reduction: up to log2 n bits
        more than the result says.
        """
        if not 1 <= modulus_bits <= MAX_MODULUS_BITS:
            raise ParameterError(
                f"modulus_bits={modulus_bits} must lie in 1..{MAX_MODULUS_BITS}: the sum is found "
                "by a discrete logarithm; use double masking for larger moduli"
            )
        length = _length_of(vectors)
        for vector in vectors.values():
            check_vector(vector, length, modulus_bits)
        mask = np.uint64((1 << modulus_bits) - 1)
        residues = {client: vector.astype(np.uint64) & mask for client, vector in vectors.items()}
        result = self.integer_sum(
            residues,
            int(mask),
            round_id=round_id,
            dropouts=dropouts,
            faults=faults,
            binding=binding,
        )
        return replace(result, sum=result.sum & mask)

    def integer_sum(
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
            vectors: for every client of the cohort a vector of shape (m,), dtype uint64 or int64,
                values 0 to `max_value`.
            max_value: the public range, 1 to 2^32 - 1; with proofs, the server refuses what is
                not shown to be inside. Times the number of clients it must not exceed 2^40.
            round_id: as in `SecureSum.sum`.
            dropouts: likewise. A client that drops out in "key setup" takes no part in a
                distributed key generation.
            binding: likewise.
            faults: likewise. They do not touch the messages of a distributed key generation.

        Returns:
            The sum over the survivors, not reduced.

        Raises:
            ParameterError: for too few clients, an impossible range or vectors that do not fit.
            SessionAbortedError: if too few clients are left, or the sum does not decrypt.
        """
        cohort = tuple(sorted(vectors))
        threshold = plan_threshold(len(cohort), self._threshold, signed=self._signed)
        length = _length_of(vectors)
        parameters = ElGamalParameters(length, max_value, threshold, self._proofs, self._signed)
        for vector in vectors.values():
            check_range(vector, length, max_value)
        logarithms = self._logarithms_up_to(len(cohort) * max_value)
        for client in cohort:
            self._enrol(client)
        names = {kind.value: kind.name.lower().replace("_", " ") for kind in MessageType}
        channel = Channel(self.stages, names, dropouts, faults, self._clock)
        setup = self._key_for(cohort, threshold, channel)
        server = ElGamalServer(
            cohort,
            parameters,
            round_id,
            setup.delivery,
            logarithms,
            self._registry,
            self._randomness,
            self._choose_helpers,
            binding,
        )
        session = ElGamalSession(server, self._clients, vectors, channel, setup, binding)
        try:
            with self._once.session(round_id, vectors, 64):
                return session.run()
        finally:
            self._forget_delivered(server.ready)

    def _logarithms_up_to(self, bound: int) -> DiscreteLog[Any]:
        if bound > MAX_BOUND:
            raise ParameterError(f"sums up to {bound} are beyond 2^40, the largest to be found")
        bits = bound.bit_length()  # cohorts of about the same size share a table
        if bits not in self._logarithms:
            largest = min((1 << bits) - 1, MAX_BOUND)
            self._logarithms[bits] = DiscreteLog(self.group, largest, self._cache_dir)
        return self._logarithms[bits]

    def _enrol(self, client: ClientId) -> None:
        """Give a new client its identity, and all clients its verify key."""
        if client in self._clients:
            return
        identity = SigningIdentity.generate(self._randomness) if self._signed else None
        if identity is not None:
            self._registry[client] = identity.verify_key
        self._clients[client] = ElGamalClient(
            client,
            self.group,
            identity,
            self._registry,
            self._keys.authority,
            self._policy,
            self._randomness,
        )

    def _key_for(
        self, cohort: Sequence[ClientId], threshold: int, channel: Channel
    ) -> "KeySetupResult":
        """Return the present system key, or a new one if it does not cover the cohort."""
        present = self._delivery
        if (
            present is not None
            and present.announcement.threshold == threshold
            and present.holders.issuperset(cohort)
        ):
            return KeySetupResult(present)
        clients = {client: self._clients[client] for client in cohort}
        absent = frozenset(c for c in cohort if not channel.is_present(c, Stage.KEY_SETUP))
        try:
            delivery, costs, refusals = self._keys.make_key(clients, threshold, absent)
        except SessionAbortedError as error:
            costs = error.costs.within(Stage.KEY_SETUP)
            raise SessionAbortedError(
                Stage.KEY_SETUP, error.reason, costs, error.refusals
            ) from error
        self._delivery = delivery
        return KeySetupResult(delivery, costs.within(Stage.KEY_SETUP), refusals)

    def _forget_delivered(self, ready: set[ClientId]) -> None:
        """Keep sealed shares only for those who have not got theirs."""
        if self._delivery is not None:
            waiting = {
                client: sealed
                for client, sealed in self._delivery.sealed_shares.items()
                if client not in ready
            }
            self._delivery = replace(self._delivery, sealed_shares=waiting)


def _length_of(vectors: Mapping[ClientId, IntegerVector]) -> int:
    return int(np.size(next(iter(vectors.values())))) if vectors else 0


def _key_source(
    kind: KeySetup,
    group: Group[Element],
    signed: bool,
    randomness: Randomness,
    clock: Callable[[], float],
) -> KeySource[Element]:
    if kind == "authority":
        return AuthorityKeys(group, signed, randomness)
    if kind == "dkg":
        return GeneratedKeys(group, signed, randomness, clock)
    raise ParameterError(f"key_setup={kind!r} must be 'authority' or 'dkg'")
