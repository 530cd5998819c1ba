"""Sums under a key holder's key from end to end: what all of them have in common."""

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from crypto.encoding.residues import IntegerVector
from crypto.errors import ParameterError
from crypto.parties import AUTHORITY, SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.homomorphic_sum.client import KeyedClient
from crypto.protocols.homomorphic_sum.key_holder import KeyHolder
from crypto.protocols.homomorphic_sum.messages import KeyedInvitation
from crypto.protocols.homomorphic_sum.server import KeyedServer
from crypto.protocols.homomorphic_sum.stages import Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.channel import Channel
from crypto.session.client_session import JoinedParts
from crypto.session.faults import Fault
from crypto.session.messages import NONCE_BYTES
from crypto.session.opened_rounds import OncePerRound
from crypto.session.runner import StageRunner
from crypto.session.secure_sum import SecureSum, SumResult
from crypto.vector_schemes.packed_paillier import PackedPaillierScheme
from crypto.vector_schemes.scheme import PublicVectorKey, VectorScheme


class KeyedSum(SecureSum):
    """A sum that no dropout is tolerated in: a client that is missing ends the session.

    Args:
        scheme: packed Paillier encryption with 2048 bits by default.
        signed: whether clients and key holder sign their messages.
        randomness: where keys, nonces and randomisers come from, as far as the scheme lets us say.
        clock: seconds, for the times in the record of costs; the key holder's are the authority's.

    Raises:
        ParameterError: for a scheme of less than 112 bits of strength.
    """

    stages = tuple(stage.value for stage in Stage)
    opens_at = Stage.UPLOAD.value
    LEAST_SECURITY_BITS: ClassVar[int] = 112
    MESSAGE_NAMES: ClassVar[Mapping[int, str]]
    INVITATION: ClassVar[type[KeyedInvitation]]
    CLIENT: ClassVar[type[KeyedClient[Any, Any]]]
    KEY_HOLDER: ClassVar[type[KeyHolder]]

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
        self._clients: dict[ClientId, KeyedClient[Any, Any]] = {}
        self._key_holder: KeyHolder | None = None
        self._once = OncePerRound()

    @abstractmethod
    def _server(self, invitation: Any, key: PublicVectorKey) -> KeyedServer:
        """Return the server of a session; ParameterError if the key cannot hold its sum."""

    def _run(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        value_bits: int,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None,
        faults: Sequence[Fault],
        binding: bytes,
    ) -> SumResult:
        """Run one session over vectors that were checked."""
        cohort = tuple(sorted(vectors))
        channel = Channel(self.stages, self.MESSAGE_NAMES, dropouts, faults, self._clock)
        clients = {client: self._client(client) for client in cohort}
        with channel.work(AUTHORITY, Stage.KEY_SETUP):
            holder = self._holder()
        with channel.work(SERVER, Stage.KEY_SETUP):
            invitation = self.INVITATION(
                self._randomness.bytes(NONCE_BYTES),
                round_id,
                cohort,
                common_length(vectors),
                value_bits,
                self._registry is not None,
                holder.announcement,
                holder.signature,
                binding=binding,
            )
            server = self._server(invitation, holder.public_key)
        answers = _Answers(clients, vectors, self._identity, binding)
        runner = StageRunner(
            channel, cohort, answers.answer, server.receive, opens_at=self.opens_at
        )
        with self._once.session(round_id, vectors, value_bits), runner.aborting():
            runner.run_stage(Stage.KEY_SETUP, server.invite)
            runner.run_stage(Stage.UPLOAD, server.request_uploads)
            order = runner.close(server.order_decryption)
            with channel.work(AUTHORITY, Stage.UPLOAD):
                decrypted = holder.decrypt(order)
            total = runner.close(lambda: server.read_sum(decrypted))
        return SumResult(
            total.astype(np.uint64), cohort, channel.costs(), runner.refusals, server.lone_share
        )

    def _holder(self) -> KeyHolder:
        """Return the key holder; the first call makes its key."""
        if self._key_holder is None:
            self._key_holder = self.KEY_HOLDER(
                self.scheme, self._identity, self._registry, self._randomness
            )
        return self._key_holder

    def _client(self, client: ClientId) -> KeyedClient[Any, Any]:
        """Return a client; a new one gets its identity, and the key holder its verify key."""
        if client not in self._clients:
            identity = None
            if self._registry is not None:
                identity = SigningIdentity.generate(self._randomness)
                self._registry[client] = identity.verify_key
            self._clients[client] = self.CLIENT(client, self.scheme, identity, self._randomness)
        return self._clients[client]


def common_length(vectors: Mapping[ClientId, IntegerVector]) -> int:
    """Return the length of the first vector, which all must have."""
    return int(np.size(next(iter(vectors.values()), ())))


class _Answers:
    """The clients' steps in one session."""

    def __init__(
        self,
        clients: Mapping[ClientId, KeyedClient[Any, Any]],
        vectors: Mapping[ClientId, IntegerVector],
        key_holder: SigningIdentity | None,
        binding: bytes,
    ) -> None:
        self._clients = clients
        self._vectors = vectors
        self._binding = binding
        self._trusted = key_holder.verify_key if key_holder is not None else None
        self._parts: JoinedParts[Any] = JoinedParts()

    def answer(self, stage: str, client: ClientId, data: bytes) -> bytes:
        if stage == Stage.KEY_SETUP:
            joined = self._clients[client].join(data, self._trusted, self._binding)
            self._parts[client], answer = joined
            return answer
        uploaded: bytes = self._parts[client].upload(data, self._vectors[client])
        return uploaded
