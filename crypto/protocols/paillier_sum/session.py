"""Sums by Paillier encryption from end to end; `PaillierSum` is what runtimes call."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np

from crypto.encoding.residues import IntegerVector, check_range, check_vector
from crypto.errors import AbortError, ParameterError, ProtocolError, WrongContentError
from crypto.paillier.phe_keys import KEY_BITS
from crypto.parties import AUTHORITY, SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.paillier_sum.authority import PaillierAuthority
from crypto.protocols.paillier_sum.client import PaillierClient, PaillierClientSession
from crypto.protocols.paillier_sum.messages import MAX_MODULUS_BITS, MessageType
from crypto.protocols.paillier_sum.server import PaillierServer, Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.channel import Channel
from crypto.session.client_session import JoinedParts
from crypto.session.exchange import Exchange
from crypto.session.faults import Fault
from crypto.session.opened_rounds import OncePerRound
from crypto.session.secure_sum import SecureSum, SessionAbortedError, SumResult
from crypto.session.thresholds import MIN_CLIENTS, ChooseHelpers, choose_at_random, plan_threshold


class PaillierSum(SecureSum):
    """Secure sums by Paillier encryption: drop-in for `ElGamalSum`, under one authority's key.

    The sum is over the integers. `sum` reduces it modulo 2^k as every `SecureSum` does, but server
    and authority learn the integer; `integer_sum` returns it. Every coordinate costs a ciphertext
    of twice the modulus: meant for a few values.

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

    stages = tuple(stage.value for stage in Stage)
    opens_at = Stage.DECRYPTION.value
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
        if threshold is not None and threshold < MIN_CLIENTS:
            raise ParameterError(f"threshold={threshold} must be at least {MIN_CLIENTS}")
        self._threshold = threshold
        self._signed = signed
        self._key_bits = key_bits
        self._randomness = randomness
        self._clock = clock
        self._choose_helpers = choose_helpers
        self._identity = SigningIdentity.generate(randomness) if signed else None
        self._registry: dict[ClientId, VerifyKey] = {}
        self._clients: dict[ClientId, PaillierClient] = {}
        self._authority: PaillierAuthority | None = None
        self._once = OncePerRound()

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
        """Run one session; see `SecureSum.sum`. Server and authority learn the carry too."""
        if not 1 <= modulus_bits <= MAX_MODULUS_BITS:
            raise ParameterError(f"modulus_bits={modulus_bits} must lie in 1..{MAX_MODULUS_BITS}")
        length = _length_of(vectors)
        for vector in vectors.values():
            check_vector(vector, length, modulus_bits)
        mask = (1 << modulus_bits) - 1
        residues = {c: vector.astype(np.uint64) & np.uint64(mask) for c, vector in vectors.items()}
        return self._run(residues, mask, mask, round_id, dropouts, faults, binding)

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
        """Run one session and return the sum over the integers.

        Args:
            vectors: for every client of the cohort a vector of shape (m,), dtype uint64 or int64,
                values 0 to `max_value`.
            max_value: the public range; times the number of clients it must be below 2^64. Clients
                are trusted to keep to it: there are no range proofs here.
            round_id: as in `SecureSum.sum`.
            dropouts: likewise.
            faults: likewise.
            binding: likewise.

        Raises:
            ParameterError: for too few clients, an impossible range or vectors that do not fit.
            SessionAbortedError: if too few clients are left.
        """
        if not max_value >= 1 or max_value * len(vectors) >= 2**64:
            raise ParameterError(f"max_value={max_value} times {len(vectors)} must be below 2^64")
        length = _length_of(vectors)
        for vector in vectors.values():
            check_range(vector, length, max_value)
        return self._run(vectors, max_value, 2**64 - 1, round_id, dropouts, faults, binding)

    def _run(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        max_value: int,
        mask: int,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None,
        faults: Sequence[Fault],
        binding: bytes,
    ) -> SumResult:
        cohort = tuple(sorted(vectors))
        threshold = plan_threshold(len(cohort), self._threshold, signed=self._signed)
        for client in cohort:
            self._enrol(client)
        names = {kind.value: kind.name.lower().replace("_", " ") for kind in MessageType}
        channel = Channel(self.stages, names, dropouts, faults, self._clock)
        registry = self._registry if self._signed else None
        with channel.work(SERVER, Stage.KEY_SETUP):
            authority = self._authority_of(cohort, threshold)
            server = PaillierServer(
                cohort,
                _length_of(vectors),
                round_id,
                authority.announcement,
                authority.signature,
                registry,
                self._randomness,
                self._choose_helpers,
                binding,
            )
        trusted = self._identity.verify_key if self._identity is not None else None
        session = _Session(
            server, authority, self._clients, vectors, max_value, channel, trusted, binding
        )
        with self._once.session(round_id, vectors, 64):
            return session.run(mask)

    def _authority_of(self, cohort: tuple[ClientId, ...], threshold: int) -> PaillierAuthority:
        """Return the present authority, or a new one if its key does not cover the cohort."""
        present = self._authority
        if (
            present is None
            or present.announcement.threshold != threshold
            or not {*cohort} <= {*present.announcement.clients}
        ):
            registry = self._registry if self._signed else None
            epoch = 1 if present is None else present.announcement.epoch + 1
            present = PaillierAuthority(
                cohort, threshold, self._identity, registry, self._key_bits, epoch
            )
            self._authority = present
        return present

    def _enrol(self, client: ClientId) -> None:
        """Give a new client its identity, and all clients its verify key."""
        if client in self._clients:
            return
        identity = SigningIdentity.generate(self._randomness) if self._signed else None
        if identity is not None:
            self._registry[client] = identity.verify_key
        self._clients[client] = PaillierClient(
            client,
            identity,
            self._registry,
            threshold=self._threshold,
            least_cohort=MIN_CLIENTS,
            least_key_bits=self.LEAST_KEY_BITS,
            randomness=self._randomness,
        )


class _Session:
    """Runs the roles through their stages."""

    def __init__(
        self,
        server: PaillierServer,
        authority: PaillierAuthority,
        clients: Mapping[ClientId, PaillierClient],
        vectors: Mapping[ClientId, IntegerVector],
        max_value: int,
        channel: Channel,
        trusted: VerifyKey | None,
        binding: bytes,
    ) -> None:
        self._server = server
        self._authority = authority
        self._clients = clients
        self._vectors = vectors
        self._max_value = max_value
        self._channel = channel
        self._trusted = trusted
        self._binding = binding
        self._parts: JoinedParts[PaillierClientSession] = JoinedParts()
        self._may_be_opened = False
        self._exchange = Exchange(channel, tuple(vectors), self._answer, server.receive)

    def run(self, mask: int) -> SumResult:
        server, stage = self._server, Stage.KEY_SETUP
        try:
            self._step(stage, server.invite)
            stage = Stage.UPLOAD
            self._step(stage, server.request_uploads)
            stage = Stage.DECRYPTION
            waiting = self._step(stage, server.request_consents)
            while waiting:
                waiting = self._step(stage, server.request_more_consents)
            with self._channel.work(SERVER, stage):
                order = server.order_decryption()
            with self._channel.work(AUTHORITY, stage):
                decrypted = self._authority.decrypt(order)
            with self._channel.work(SERVER, stage):
                values = server.read_sum(decrypted)
                self._check(values)
        except (AbortError, ProtocolError) as error:
            refusals = tuple(self._exchange.refusals)
            raise SessionAbortedError(
                stage,
                error,
                self._channel.costs(),
                refusals,
                may_be_opened=self._may_be_opened,
            ) from error
        total = np.array([value & mask for value in values], np.uint64)
        refusals = tuple(self._exchange.refusals)
        return SumResult(total, server.survivors, self._channel.costs(), refusals)

    def _check(self, values: Sequence[int]) -> None:
        largest = len(self._server.survivors) * self._max_value
        if max(values, default=0) > largest:
            raise WrongContentError(
                f"a sum above {largest}: a client encrypted a number out of range; it cannot be "
                "told which"
            )

    def _step(self, stage: str, opening: Callable[[], Mapping[ClientId, bytes]]) -> bool:
        """Run one exchange; tell whether anybody was asked anything."""
        with self._channel.work(SERVER, stage):
            messages = opening()
        if stage == Stage.DECRYPTION:
            self._may_be_opened = True  # also if nobody answers: answers may come late
        self._exchange.carry(stage, messages)
        return bool(messages)

    def _answer(self, stage: str, client: ClientId, data: bytes) -> bytes:
        if stage == Stage.KEY_SETUP:
            joined = self._clients[client].join(data, self._trusted, self._binding)
            self._parts[client], answer = joined
            return answer
        if stage == Stage.UPLOAD:
            return self._parts[client].upload(data, self._vectors[client], self._max_value)
        return self._parts[client].consent(data)


def _length_of(vectors: Mapping[ClientId, IntegerVector]) -> int:
    return int(np.size(next(iter(vectors.values())))) if vectors else 0
