"""The client of sums by homomorphic encryption: across rounds, and in one session."""

import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from crypto.encoding.residues import IntegerVector, check_range
from crypto.errors import (
    CapacityError,
    PolicyError,
)
from crypto.parties import ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.homomorphic_sum.key_holder import KEY_PURPOSE
from crypto.protocols.homomorphic_sum.messages import (
    EncryptedUpload,
    Invitation,
    KeyAnnouncement,
    KeyedInvitation,
    Readiness,
    UploadRequest,
)
from crypto.randomness import SYSTEM, Randomness
from crypto.session.client_session import ClientSession, State
from crypto.session.key_epochs import NewestKeys
from crypto.session.opened_rounds import Opening
from crypto.session.sum_client import KnownClient
from crypto.session.thresholds import MIN_CLIENTS
from crypto.vector_schemes.scheme import PublicVectorKey, VectorPlan, VectorScheme

_I = TypeVar("_I", bound=KeyedInvitation)
_P = TypeVar("_P", bound="KeyedClientSession[Any]")


class KeyedClient(KnownClient[_P], Generic[_I, _P]):
    """A client with its identity, for any number of sessions under the key holder's key.

    Args:
        client_id: its number.
        scheme: the only one that it accepts.
        identity: signs its messages; None for sessions in which nobody signs.
        randomness: where the randomisers of its ciphertexts come from.
    """

    def __init__(
        self,
        client_id: ClientId,
        scheme: VectorScheme,
        identity: SigningIdentity | None = None,
        randomness: Randomness = SYSTEM,
    ) -> None:
        super().__init__(client_id, identity, randomness=randomness)
        self._scheme = scheme
        self._keys: dict[KeyAnnouncement, PublicVectorKey] = {}
        self._newest: NewestKeys[KeyAnnouncement] = NewestKeys()

    def join(
        self, data: bytes, key_holder: VerifyKey | None, binding: bytes = b""
    ) -> tuple[_P, bytes]:
        """Key setup: accept an invitation.

        Args:
            data: the invitation.
            key_holder: the key holder's verify key; None if nobody signs.
            binding: digest of what the server gave this client before; empty if it was nothing.

        Returns:
            The client's part in the session, and a `Readiness` for the server.

        Raises:
            MalformedMessageError, ForeignMessageError, SignatureError: as they say.
            ReplayError: if this client has joined that very session before, or for a key of an
                earlier epoch than another one of this key holder.
            ConsistencyError: for a second key of the same epoch.
            PolicyError: if the session is weaker than this client accepts, or cannot hold its sum.
            ConsistencyError: if the session is bound to something else than `binding`.
            OpenedRoundError: if this client has uploaded in another session of the same round.

        Guarantees: a refused invitation changes nothing; errors name the server.
        """
        return self._enter(data, binding, key_holder)

    def _part(self, invitation: _I, opening: Opening, *trusted: VerifyKey | None) -> _P:
        (key_holder,) = trusted
        self._check_policy(invitation, key_holder)
        self._newest.check(key_holder, invitation.announcement)
        key = self._key(invitation.announcement)
        try:
            part = self._begin(invitation, key, opening)
        except CapacityError as error:
            raise PolicyError(str(error)) from error
        self._newest.take(key_holder, invitation.announcement)
        return part

    @abstractmethod
    def _begin(self, invitation: _I, key: PublicVectorKey, opening: Opening) -> _P:
        """Return the client's part in the session; CapacityError if the key cannot hold the sum."""

    def _check_policy(self, invitation: KeyedInvitation, key_holder: VerifyKey | None) -> None:
        if len(invitation.cohort) < MIN_CLIENTS:
            raise PolicyError(f"a sum over {len(invitation.cohort)} clients")
        if invitation.announcement.scheme != self._scheme.name:
            raise PolicyError(f"a key of another scheme than {self._scheme.name}")
        if invitation.signed != (self.identity is not None):
            raise PolicyError("a session that is signed and should not be, or the reverse")
        if key_holder is not None:
            data = invitation.announcement.to_bytes()
            key_holder.verify(KEY_PURPOSE, data, invitation.key_signature)
        elif self.identity is not None:
            raise PolicyError("a key of an unknown key holder")

    def prepare(
        self,
        announcement: KeyAnnouncement,
        plan: VectorPlan,
        *,
        cores: int = 1,
        clock: Callable[[], float] = time.perf_counter,
    ) -> float:
        """Make ahead what the upload of one vector under a key would else wait for.

        It changes nothing but how long that takes; whether the key is to be trusted is asked when a
        session is joined. Arguments and result as of `PublicVectorKey.prepare`.
        """
        key = self._key(announcement)
        return key.prepare(plan, self._randomness, cores=cores, clock=clock)

    def _key(self, announcement: KeyAnnouncement) -> PublicVectorKey:
        """Return the key, with what it has computed beforehand if it was used before."""
        if announcement not in self._keys:
            self._keys[announcement] = self._scheme.read_key(announcement.key)
        return self._keys[announcement]


class KeyedClientSession(ClientSession[State]):
    """One client in one session under the key holder's key."""

    def first_answer(self) -> bytes:
        """Return that the client has the key and will encrypt."""
        return self._answer(Readiness)


@dataclass(frozen=True)
class Joined:
    """What a client needs to upload a vector."""

    key: PublicVectorKey
    plan: VectorPlan
    opening: Opening
    randomness: Randomness = field(repr=False)


class HomomorphicClient(KeyedClient[Invitation, "HomomorphicClientSession"]):
    """A client that encrypts whole vectors."""

    INVITATION = Invitation

    def _begin(
        self, invitation: Invitation, key: PublicVectorKey, opening: Opening
    ) -> "HomomorphicClientSession":
        key.check_plan(invitation.plan)
        start = Joined(key, invitation.plan, opening, self._randomness)
        session_id = invitation.session_id()
        return HomomorphicClientSession(self.client_id, session_id, start, identity=self.identity)


class HomomorphicClientSession(KeyedClientSession[Joined]):
    """One client in one session; made by `HomomorphicClient.join`. It uploads once."""

    def step(self, stage: str, data: bytes, given: IntegerVector) -> bytes:  # noqa: ARG002
        """Take the only step after the first: upload."""
        return self.upload(data, given)

    def upload(self, data: bytes, vector: IntegerVector) -> bytes:
        """Upload: encrypt the vector.

        Args:
            data: an `UploadRequest`.
            vector: shape (length,), integers of 32 or 64 bits, values 0 to 2^value_bits - 1.

        Returns:
            An `EncryptedUpload`.

        Raises:
            ParameterError: for a vector that does not fit; the step can be repeated.
            OpenedRoundError: if this client has uploaded in another session of the same round.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        start = self._at(Joined)
        plan = start.plan
        check_range(vector, plan.length, plan.max_value)
        start.opening.check()
        state, _ = self._take(Joined, UploadRequest, data)
        state.opening.take()
        encrypted = state.key.encrypt(vector, plan, state.randomness)
        return self._answer(EncryptedUpload, encrypted)
