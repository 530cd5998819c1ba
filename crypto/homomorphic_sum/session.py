"""Sums by homomorphic encryption from end to end; `HomomorphicSum` is what runtimes call."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np

from crypto.channel import Channel
from crypto.cohorts import plan_threshold
from crypto.errors import ParameterError
from crypto.faults import Fault
from crypto.homomorphic import VectorPlan, VectorScheme
from crypto.homomorphic_sum.client import HomomorphicClient, HomomorphicClientRound
from crypto.homomorphic_sum.key_holder import KeyHolder
from crypto.homomorphic_sum.messages import MessageType
from crypto.homomorphic_sum.server import HomomorphicServer
from crypto.homomorphic_sum.stages import Stage
from crypto.parties import AUTHORITY, SERVER, ClientId
from crypto.randomness import SYSTEM, Randomness
from crypto.residues import check_range, check_vector
from crypto.secure_sum import IntegerSum, IntegerVector, SumResult
from crypto.signatures import SigningIdentity, VerifyKey
from crypto.stage_runner import StageRunner
from crypto.vector_schemes.packed_paillier import PackedPaillierScheme
from crypto.wire import message_names


class HomomorphicSum(IntegerSum):
    """Secure sums by homomorphic encryption (Fang et al.; the comparison's scheme IV).

    No dropout is tolerated: a client that is missing ends the session. The sum is over the
    integers; `sum` reduces it modulo 2^k, but server and key holder learn the integer.

    Args:
        scheme: packed Paillier encryption with 2048 bits by default.
        signed: whether clients and key holder sign their messages.
        randomness: where keys, nonces and randomisers come from, as far as the scheme lets us say.
        clock: seconds, for the times in the record of costs; the key holder's are the authority's.

    Raises:
        ParameterError: for a scheme of less than 112 bits of strength.
    """

    stages = tuple(stage.value for stage in Stage)
    LEAST_SECURITY_BITS: ClassVar[int] = 112

    def __init__(
        self,
        scheme: VectorScheme | None = None,
        *,
        signed: bool = True,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.scheme = scheme or PackedPaillierScheme()
        if self.scheme.security_bits < self.LEAST_SECURITY_BITS:
            raise ParameterError(
                f"{self.scheme.name} has {self.scheme.security_bits} bits of strength; "
                f"{self.LEAST_SECURITY_BITS} are needed"
            )
        self._randomness = randomness
        self._clock = clock
        self._identity = SigningIdentity.generate(randomness) if signed else None
        self._registry: dict[ClientId, VerifyKey] | None = {} if signed else None
        self._clients: dict[ClientId, HomomorphicClient] = {}
        self._key_holder: KeyHolder | None = None

    def sum(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        modulus_bits: int,
        *,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
    ) -> SumResult:
        """Run one session; see `SecureSum.sum`.

        Raises:
            ParameterError: as there; also if n (2^k - 1) has more than 62 bits, or is more than the
                scheme can hold.
            SessionAbortedError: if a client is missing in any stage.
        """
        length = _common_length(vectors)
        mask = np.uint64(VectorPlan(length, modulus_bits, len(vectors)).max_value)
        for vector in vectors.values():
            check_vector(vector, length, modulus_bits)
        residues = {client: vector.astype(np.uint64) & mask for client, vector in vectors.items()}
        result = self.sum_integers(
            residues, modulus_bits, round_id=round_id, dropouts=dropouts, faults=faults
        )
        return dataclasses.replace(result, sum=result.sum & mask)

    def sum_integers(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        value_bits: int,
        *,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
    ) -> SumResult:
        """Run one session over the integers; see `IntegerSum.sum_integers`.

        Raises:
            ParameterError: as there.
            SessionAbortedError: if a client is missing in any stage.
        """
        cohort = tuple(sorted(vectors))
        plan_threshold(len(cohort), None)
        plan = VectorPlan(_common_length(vectors), value_bits, len(cohort))
        for vector in vectors.values():
            check_range(vector, plan.length, plan.max_value)
        channel = Channel(self.stages, message_names(MessageType), dropouts, faults, self._clock)
        clients = {client: self._client(client) for client in cohort}
        with channel.work(AUTHORITY, Stage.KEY_SETUP):
            holder = self._holder()
        holder.public_key.check_plan(plan)
        with channel.work(SERVER, Stage.KEY_SETUP):
            server = HomomorphicServer(
                cohort,
                plan,
                round_id,
                holder.announcement,
                holder.signature,
                holder.public_key,
                self._registry,
                self._randomness,
            )
        answers = _Answers(clients, vectors, self._identity)
        runner = StageRunner(channel, cohort, answers.answer, server.receive)
        with runner.aborting():
            runner.run_stage(Stage.KEY_SETUP, server.invite)
            runner.run_stage(Stage.UPLOAD, server.request_uploads)
            order = runner.close(server.order_decryption)
            with channel.work(AUTHORITY, Stage.UPLOAD):
                decrypted = holder.decrypt(order)
            total = runner.close(lambda: server.read_sum(decrypted))
        return SumResult(total.astype(np.uint64), cohort, channel.costs(), runner.refusals)

    def _holder(self) -> KeyHolder:
        """Return the key holder; the first call makes its key."""
        if self._key_holder is None:
            self._key_holder = KeyHolder(
                self.scheme, self._identity, self._registry, self._randomness
            )
        return self._key_holder

    def _client(self, client: ClientId) -> HomomorphicClient:
        """Return a client; a new one gets its identity, and the key holder its verify key."""
        if client not in self._clients:
            identity = None
            if self._registry is not None:
                identity = SigningIdentity.generate(self._randomness)
                self._registry[client] = identity.verify_key
            self._clients[client] = HomomorphicClient(
                client, self.scheme, identity, self._randomness
            )
        return self._clients[client]


def _common_length(vectors: Mapping[ClientId, IntegerVector]) -> int:
    return int(np.size(next(iter(vectors.values()), ())))


class _Answers:
    """The clients' steps in one session."""

    def __init__(
        self,
        clients: Mapping[ClientId, HomomorphicClient],
        vectors: Mapping[ClientId, IntegerVector],
        key_holder: SigningIdentity | None,
    ) -> None:
        self._clients = clients
        self._vectors = vectors
        self._trusted = key_holder.verify_key if key_holder is not None else None
        self._parts: dict[ClientId, HomomorphicClientRound] = {}

    def answer(self, stage: str, client: ClientId, data: bytes) -> bytes:
        if stage == Stage.KEY_SETUP:
            self._parts[client], answer = self._clients[client].join(data, self._trusted)
            return answer
        return self._parts[client].upload(data, self._vectors[client])
