"""The clients' key holder in sparse sums: it decrypts the distinct sums of a session, once."""

import numpy as np

from crypto.errors import ConsistencyError, blaming
from crypto.parties import SERVER
from crypto.protocols.homomorphic_sum.key_holder import KeyHolder
from crypto.protocols.sparse_sum.limbs import value_plan
from crypto.protocols.sparse_sum.messages import DecryptedSums, SumsOrder


class SparseKeyHolder(KeyHolder):
    """The holder of one private key."""

    def decrypt(self, data: bytes) -> bytes:
        """Decrypt the sums of one session, once.

        Args:
            data: a `SumsOrder`.

        Returns:
            `DecryptedSums`.

        Raises:
            ConsistencyError: for sums of another plan.
            WrongContentError: naming nobody, if they are no sums of values in range.
            MalformedMessageError, ForeignMessageError, PolicyError, SignatureError, ReplayError:
                as `KeyHolder.decrypt`.

        Guarantees: as there.
        """
        with blaming(SERVER):
            order = SumsOrder.from_bytes(data)
            invitation = order.invitation
            session_id = self._check_session(invitation, order.consents)
            plan = value_plan(self.public_key, invitation.value_bits, len(invitation.cohort))
            if any(total.plan != plan for total in order.sums):
                raise ConsistencyError("sums of another plan than the session's")
            self._admit(session_id, order.sums)
        limbs = self._open(order.sums)
        return DecryptedSums.of(
            session_id, np.concatenate([np.zeros(0, np.int64), *limbs])
        ).to_bytes()
