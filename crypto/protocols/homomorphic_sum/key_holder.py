"""The clients' key holder: it makes the key, and decrypts one sum a session."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from crypto.errors import (
    ConsistencyError,
    DecodingError,
    ForeignMessageError,
    PolicyError,
    ReplayError,
    WrongContentError,
    blaming,
)
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.homomorphic_sum.messages import (
    DecryptedSum,
    DecryptionOrder,
    KeyAnnouncement,
    KeyedInvitation,
    Readiness,
)
from crypto.randomness import SYSTEM, Randomness
from crypto.session.signing import SIGNED_MESSAGE
from crypto.session.thresholds import MIN_CLIENTS
from crypto.vector_schemes.scheme import EncryptedVector, PublicVectorKey, VectorScheme

KEY_PURPOSE = "homomorphic key"
"""Purpose of the key holder's signatures."""


class KeyHolder:
    """The holder of one private key.

    Args:
        scheme: of the key.
        identity: signs the key; None only if all parties follow the protocol.
        registry: the clients' verify keys; None in sessions without signatures.
        randomness: where the key comes from.
        epoch: the number of its key, later than that of every key that this identity has signed;
            it must outlive a restart.

    Raises:
        ParameterError: for an impossible epoch.

    Attributes:
        announcement: what clients learn of the key.
        signature: of the announcement; empty without identity.
    """

    def __init__(
        self,
        scheme: VectorScheme,
        identity: SigningIdentity | None,
        registry: Mapping[ClientId, VerifyKey] | None,
        randomness: Randomness = SYSTEM,
        epoch: int = 1,
    ) -> None:
        self._private = scheme.generate(randomness)
        key = self._private.public_key.to_bytes()
        self.announcement = KeyAnnouncement(epoch, scheme.name, key)
        self.signature = b""
        if identity is not None:
            self.signature = identity.sign(KEY_PURPOSE, self.announcement.to_bytes())
        self._registry = registry
        self._decrypted: set[bytes] = set()

    @property
    def public_key(self) -> PublicVectorKey:
        """The public key."""
        return self._private.public_key

    def decrypt(self, data: bytes) -> bytes:
        """Decrypt the sum of one session, once.

        Args:
            data: a `DecryptionOrder`.

        Returns:
            A `DecryptedSum`.

        Raises:
            MalformedMessageError: if it is none, or carries what are no ciphertexts.
            ForeignMessageError: for a session under another key, or of clients unknown here.
            PolicyError: for a cohort of fewer than three, or a session without signatures.
            ConsistencyError: for a sum over fewer than all clients or of another plan.
            WrongContentError: naming nobody, if it is no sum of vectors in range.
            SignatureError: if a client did not consent to the session.
            ReplayError: if the session had its sum.

        Guarantees: a refused order decrypts nothing, except that a sum out of range is found out
        by decrypting it; errors name the server, but for that one: a client may have encrypted
        what is out of range, or the server may have changed it.
        """
        with blaming(SERVER):
            order = DecryptionOrder.from_bytes(data)
            invitation, total = order.invitation, order.total
            session_id = self._check_session(invitation, order.consents)
            if total.plan != invitation.plan or total.addends != len(invitation.cohort):
                raise ConsistencyError("not the sum over all clients of the session")
            self._admit(session_id, [total])
        (values,) = self._open([total])
        return DecryptedSum.of(session_id, values).to_bytes()

    def _check_session(self, invitation: KeyedInvitation, consents: Sequence[bytes]) -> bytes:
        """Check all but the sums; return the session."""
        session_id = invitation.session_id()
        if invitation.announcement != self.announcement:
            raise ForeignMessageError("a session under another key")
        if len(invitation.cohort) < MIN_CLIENTS:
            raise PolicyError(f"a sum over {len(invitation.cohort)} clients")
        if invitation.signed != (self._registry is not None):
            raise PolicyError("a session that is signed and should not be, or the reverse")
        if session_id in self._decrypted:
            raise ReplayError("a second sum in one session")
        if self._registry is not None:
            for client, signature in zip(invitation.cohort, consents, strict=True):
                if client not in self._registry:
                    raise ForeignMessageError(f"client {client} is not known here")
                consent = Readiness(session_id, client).to_bytes()
                self._registry[client].verify(SIGNED_MESSAGE, consent, signature)
        return session_id

    def _admit(self, session_id: bytes, totals: Sequence[EncryptedVector]) -> None:
        """Check that these are ciphertexts; from here on, the session has had its sum."""
        for total in totals:
            self.public_key.check(total)
        self._decrypted.add(session_id)

    def _open(self, totals: Sequence[EncryptedVector]) -> list[NDArray[np.int64]]:
        """Decrypt what was admitted."""
        try:
            return [self._private.decrypt(total) for total in totals]
        except DecodingError as error:
            raise WrongContentError(
                f"{error}: a client encrypted a number out of range, or the server changed one; it "
                "cannot be told which"
            ) from error
