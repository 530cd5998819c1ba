"""A client of P5: what it makes sure of before it helps to decrypt, and the help itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from crypto.elgamal.encryption import Ciphertext, add_all
from crypto.elgamal.threshold import lagrange_base
from crypto.errors import (
    ConsistencyError,
    ForeignMessageError,
    ReplayError,
    WrongTimeError,
    blaming,
)
from crypto.groups.base import Element
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.proofs.equality import PowerProof, PowerStatement
from crypto.protocols.quality_sum.encryption import QualityEncryption
from crypto.protocols.quality_sum.messages import (
    CheckedHelpRequest,
    EncryptedQuality,
    HelpRequest,
    PartialDecryption,
)
from crypto.protocols.quality_sum.parameters import QualityParameters
from crypto.protocols.quality_sum.proof_contexts import decryption_context
from crypto.protocols.quality_sum.system_key import HeldKey
from crypto.randomness import SYSTEM, Randomness
from crypto.session.messages import SessionMessage
from crypto.session.signing import SIGNED_MESSAGE, split_signed

_R = TypeVar("_R", bound=SessionMessage)


@dataclass(frozen=True)
class Agreed:
    """What a client of a checked session holds a request against.

    Attributes:
        survivors: the clients for whose sum it gave its shares, in increasing order; None before.
        registry: the verify keys of the clients.
    """

    survivors: tuple[ClientId, ...] | None
    registry: Mapping[ClientId, VerifyKey]


class Helper(Generic[Element]):
    """One client that helps to decrypt the sum of one session.

    Args:
        client_id: the client.
        session_id: the session.
        held: its share of the system key.
        parameters: what is agreed about the qualities.
        randomness: where the nonces of its proofs come from.
    """

    def __init__(
        self,
        client_id: ClientId,
        session_id: bytes,
        held: HeldKey[Element],
        parameters: QualityParameters,
        randomness: Randomness = SYSTEM,
    ) -> None:
        self._client_id = client_id
        self._session_id = session_id
        self._held = held
        self._parameters = parameters
        self._encryption = QualityEncryption(session_id, held.system, parameters)
        self._randomness = randomness
        self._next_attempt = 0

    def help(self, data: bytes, agreed: Agreed) -> PartialDecryption:
        """Decryption: answer a request, each attempt once and in their order.

        Args:
            data: a `CheckedHelpRequest` if this session's helpers check what they decrypt, else a
                `HelpRequest`.
            agreed: what a checked request is held against.

        Returns:
            The answer, to be signed if the session is.

        Raises:
            ReplayError: if this attempt, or a later one, was answered before.
            MalformedMessageError, ForeignMessageError: for what is no request of this session.
            WrongTimeError, ConsistencyError, SignatureError, ProofError: in checked sessions, if
                the request is for anything but the agreed survivors' sum, or one of them did not
                sign or make its ciphertext.

        Guarantees: in checked sessions, helps only with the product of the ciphertexts of exactly
        the survivors that were agreed upon. In others the client cannot tell what it decrypts.

        Source: equation (21) of the paper.
        """
        if self._parameters.checked:
            checked = self._read(CheckedHelpRequest, data)
            self._take_turn(checked.attempt)
            return self._decrypt(checked.attempt, self._checked_base(checked, agreed))
        request = self._read(HelpRequest, data)
        with blaming(SERVER):
            base = self._held.system.group.decode(request.base)
        self._take_turn(request.attempt)
        return self._decrypt(request.attempt, base)

    def _read(self, kind: type[_R], data: bytes) -> _R:
        with blaming(SERVER):
            message = kind.from_bytes(data, len(self._held.system.holders))
            if message.session_id != self._session_id:
                raise ForeignMessageError("a message of another session")
        return message

    def _take_turn(self, attempt: int) -> None:
        if attempt < self._next_attempt:
            raise ReplayError("a request that was answered before", SERVER)
        self._next_attempt = attempt + 1

    def _decrypt(self, attempt: int, base: Element) -> PartialDecryption:
        group, share = self._held.system.group, self._held.share
        value = share.partially_decrypt(base, group)
        proof = b""
        if self._parameters.proofs:
            key = group.generator_power(share.value)
            statement = PowerStatement(group, key, (base,), (value,))
            context = decryption_context(self._session_id, self._client_id, attempt)
            made = PowerProof.make(statement, share.value, context, self._randomness)
            proof = made.to_bytes(group)
        return PartialDecryption(
            self._session_id, self._client_id, attempt, group.encode(value), proof
        )

    def _checked_base(self, request: CheckedHelpRequest, agreed: Agreed) -> Element:
        """Return c1^(delta_i), computed from what the agreed survivors signed."""
        if agreed.survivors is None:
            raise WrongTimeError("the survivors are not agreed upon", SERVER)
        system = self._held.system
        helpers = set(request.helpers)
        if len(helpers) != system.key.threshold or self._client_id not in helpers:
            raise ConsistencyError("helpers that are not as many as the threshold", SERVER)
        if not helpers <= set(agreed.survivors) & set(system.holders):
            raise ConsistencyError("helpers that are no survivors with a share", SERVER)
        total = add_all(self._open(request.qualities, agreed), system.group)
        points = [system.point(helper) for helper in request.helpers]
        return lagrange_base(total.c1, self._held.share.point, points, system.group)

    def _open(self, qualities: Sequence[bytes], agreed: Agreed) -> list[Ciphertext[Element]]:
        survivors = agreed.survivors or ()
        if len(qualities) != len(survivors):
            raise ConsistencyError("qualities of others than the survivors agreed upon", SERVER)
        ciphertexts = []
        for survivor, signed in zip(survivors, qualities, strict=True):
            with blaming(SERVER):
                message, body, signature = split_signed(EncryptedQuality, signed, signed=True)
                if message.session_id != self._session_id or message.sender != survivor:
                    raise ConsistencyError(f"not the quality of client {survivor}")
                agreed.registry[survivor].verify(SIGNED_MESSAGE, body, signature)
            ciphertexts.append(self._encryption.decode(message))
        return ciphertexts
