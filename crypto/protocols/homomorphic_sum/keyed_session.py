"""Sums under a key holder's key from end to end: what all of them have in common."""

import time
from abc import abstractmethod
from collections.abc import Callable, Collection
from typing import Any, ClassVar, Final

import numpy as np

from crypto.errors import ParameterError
from crypto.parties import AUTHORITY, SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.homomorphic_sum.client import KeyedClient
from crypto.protocols.homomorphic_sum.holders import HolderApart, HolderAtHand
from crypto.protocols.homomorphic_sum.key_holder import KeyHolder
from crypto.protocols.homomorphic_sum.messages import KeyedInvitation
from crypto.protocols.homomorphic_sum.server import KeyedServer
from crypto.protocols.homomorphic_sum.stages import Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.apart.channel import ApartChannel
from crypto.session.apart.participant import Task
from crypto.session.client_session import Part
from crypto.session.consortium import Consortium
from crypto.session.costs import ClientCost, Costs, WorkCost
from crypto.session.messages import NONCE_BYTES
from crypto.session.runner import StageRunner
from crypto.session.staged_sum import StagedSum
from crypto.session.sum_roles import AnyChannel, Session, SessionPlan, Total
from crypto.vector_schemes.packed_paillier import PackedPaillierScheme
from crypto.vector_schemes.scheme import PublicVectorKey, VectorPlan, VectorScheme

AHEAD: Final = "ahead of upload"
"""The name under which costs count what was made ahead; no stage."""


class KeyedSum(StagedSum[KeyedClient[Any, Any]]):
    """A sum that no dropout is tolerated in: a client that is missing ends the session.

    Args:
        scheme: packed Paillier encryption with 2048 bits by default.
        signed: whether clients and key holder sign their messages.
        randomness: where keys, nonces and randomisers come from, as far as the scheme lets us say.
        clock: seconds, for the times in the record of costs; the key holder's are the authority's.
        consortium: the identities of clients and key holder; None: new ones, made here.
        key_epoch: the number of the key that the key holder makes, later than that of every key
            that its identity has signed.

    Raises:
        ParameterError: for a scheme of less than 112 bits of strength.
    """

    stages = tuple(stage.value for stage in Stage)
    opens_at = Stage.UPLOAD.value
    LEAST_SECURITY_BITS: ClassVar[int] = 112
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
        consortium: Consortium | None = None,
        key_epoch: int = 1,
    ) -> None:
        self.scheme = scheme or PackedPaillierScheme()
        if self.scheme.security_bits < self.LEAST_SECURITY_BITS:
            raise ParameterError(
                f"{self.scheme.name} has {self.scheme.security_bits} bits of strength; "
                f"{self.LEAST_SECURITY_BITS} are needed"
            )
        super().__init__(signed=signed, randomness=randomness, clock=clock, consortium=consortium)
        self._authority_identity = self.consortium.new_identity() if signed else None
        self._key_epoch = key_epoch
        self._key_holder: KeyHolder | None = None
        self._read: dict[bytes, PublicVectorKey] = {}
        self._ahead = Costs()

    def prepare(self, cohort: Collection[ClientId], plan: VectorPlan) -> None:
        """Make ahead what clients encrypt with, such as while they train, on all `cores`.

        What it costs is counted in the next session, apart from its stages. Nothing is made twice:
        what is there already, and was not used, counts.

        Args:
            cohort: the clients of the next session.
            plan: of what each is to encrypt.
        """
        if self._key_holder is None:
            start = self._clock()
            self._holder()
            made = WorkCost(Stage.KEY_SETUP.value, "authority", 1, self._clock() - start)
            self._ahead += Costs(work=(made,))
        announcement = self._holder().announcement
        for client in sorted(cohort):
            seconds = self.client(client).prepare(
                announcement, plan, cores=self.cores, clock=self._clock
            )
            work = (WorkCost(AHEAD, "client", 1, seconds),)
            self._ahead += Costs(work=work, clients=(ClientCost(client, 0, 0, seconds),))

    @abstractmethod
    def _server(self, invitation: Any, key: PublicVectorKey) -> KeyedServer:
        """Return the server of a session; ParameterError if the key cannot hold its sum."""

    def _open(
        self, cohort: tuple[ClientId, ...], agreed: Any, plan: SessionPlan, channel: AnyChannel
    ) -> Session[KeyedServer]:
        length, value_bits = agreed
        holder = self._reach_holder(channel)
        with channel.work(SERVER, Stage.KEY_SETUP):
            invitation = self.INVITATION(
                self._randomness.bytes(NONCE_BYTES),
                plan.round_id,
                cohort,
                length,
                value_bits,
                self.registry is not None,
                holder.announcement,
                holder.signature,
                binding=plan.binding,
            )
            ahead, self._ahead = self._ahead, Costs()
            server = self._server(invitation, holder.public_key)
            return Session(server, costs=ahead, helper=holder)

    def _finish(self, runner: StageRunner, session: Session[KeyedServer]) -> Total:
        server = session.server
        order = runner.close(server.order_decryption)
        decrypted = session.helper.decrypt(order, runner)
        total = runner.close(lambda: server.read_sum(decrypted))
        return Total(total.astype(np.uint64), server.cohort, server.lone_share)

    def _reach_holder(self, channel: AnyChannel) -> "HolderAtHand | HolderApart":
        if isinstance(channel, ApartChannel):
            return HolderApart(channel, self.scheme, self._trusted, self._read)
        with channel.work(AUTHORITY, Stage.KEY_SETUP):
            return HolderAtHand(self._holder())

    def _authority_tasks(self) -> dict[str, Task]:
        return {
            "announce": lambda _: self._holder().announcement.to_bytes() + self._holder().signature,
            "decrypt": lambda call: self._holder().decrypt(call.data),
        }

    def _holder(self) -> KeyHolder:
        """Return the key holder; the first call makes its key."""
        if self._key_holder is None:
            self._key_holder = self.KEY_HOLDER(
                self.scheme,
                self._authority_identity,
                self.registry,
                self._randomness,
                self._key_epoch,
            )
        return self._key_holder

    def _make_client(
        self, client: ClientId, identity: SigningIdentity | None
    ) -> KeyedClient[Any, Any]:
        return self.CLIENT(client, self.scheme, identity, self._randomness)

    def _join(self, client: ClientId, data: bytes, binding: bytes) -> tuple[Part[Any], bytes]:
        return self.client(client).join(data, self._trusted, binding)
