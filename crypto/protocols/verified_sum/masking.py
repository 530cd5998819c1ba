"""Verified sums by masks: `VerifiedDoubleMasking`, `VerifiedPairwiseMasking`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from crypto.encoding.residues import IntegerVector
from crypto.errors import ProtocolError
from crypto.norm_proofs.parameters import NormBound
from crypto.parties import ClientId, Party
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.masking.masking_sum import MaskingSum
from crypto.protocols.masking.roles import MaskServer
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.stages import Stage as MaskStage
from crypto.protocols.masking.unmasking import Unmasked
from crypto.protocols.pairwise_masking.session import PairwiseMasking
from crypto.protocols.verified_sum.messages import MessageType, VerifiedInvitation
from crypto.protocols.verified_sum.publication import Signers, publish_sum
from crypto.protocols.verified_sum.server import VerifyingServer
from crypto.protocols.verified_sum.stages import with_verification
from crypto.protocols.verified_sum.terms import Terms, least_modulus_bits
from crypto.session.faults import Fault
from crypto.session.messages import RoundInvitation
from crypto.session.opened_rounds import Journal
from crypto.session.runner import StageRunner
from crypto.session.secure_sum import SumResult
from crypto.session.sum_roles import AnyChannel, Session, SessionPlan, check_norm_bound


class VerifyingMaskServer(VerifyingServer):
    """The server of a masking protocol in one verified session."""

    inner: MaskServer

    @property
    def findings(self) -> Sequence[tuple[Party, ProtocolError]]:
        """As `MaskServer.findings`."""
        return self.inner.findings

    def unmask(self) -> Unmasked:
        """Close the protocol; `publish` comes after."""
        return self.inner.unmask()


class VerifiedMasking(MaskingSum):
    """What verification adds to a masking protocol; a class of both names it first."""

    centred = True

    def __init__(self, *args: Any, norm_bound: int | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.norm_bound = norm_bound
        self.stages = with_verification(self.stages, MaskStage.MASKED_INPUT)
        self.message_types = (*self.message_types, MessageType)
        self._signers = Signers(self.consortium, self._randomness)

    def sum(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        modulus_bits: int,
        *,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
        binding: bytes = b"",
        norm: NormBound | None = None,
    ) -> SumResult:
        """Run one session; see `SecureSum.sum`, and the class for what this protocol allows.

        Args:
            vectors: as there.
            modulus_bits: likewise.
            round_id: likewise.
            dropouts: likewise.
            faults: likewise.
            binding: likewise.
            norm: a bound on the norm of the vectors' ends, which clients prove with their
                commitments; who does not is left out. None if there is none.
        """
        check_norm_bound(norm, self.norm_bound)
        plan = SessionPlan(round_id, dropouts, faults, binding, norm)
        return self._sum(vectors, modulus_bits, plan)

    @property
    def verify_keys(self) -> Mapping[ClientId, VerifyKey]:
        """What the clients' commitments and receipts are checked with."""
        return self._signers.registry

    def least_bits(self, num_clients: int) -> int:
        """Return the smallest k that it takes."""
        return least_modulus_bits(num_clients)

    def remember(self, client: ClientId, journal: Journal) -> None:
        """Have a client keep the rounds that it opened in a journal, before its first session."""
        self._inner_client(client).remember(journal)

    def read_invitation(self, client: ClientId, data: bytes) -> RoundInvitation:
        """Read the protocol's invitation to a client, within that to a verified sum."""
        kind: type[RoundInvitation] = self._inner_client(client).INVITATION
        return kind.from_bytes(VerifiedInvitation.from_bytes(data).inner)

    def _inner_client(self, client: ClientId) -> Any:
        verifying: Any = self.client(client)
        return verifying.inner

    def _make_client(self, client: ClientId, identity: SigningIdentity | None) -> Any:
        return self._signers.client(client, super()._make_client(client, identity))  # type: ignore[safe-super]

    def _open(
        self, cohort: tuple[ClientId, ...], agreed: Any, plan: SessionPlan, channel: AnyChannel
    ) -> Session[Any]:
        terms = Terms(cohort, agreed.length, agreed.modulus_bits, norm_bound=plan.norm)
        padded = replace(agreed, length=terms.padded_length)
        session: Session[Any] = super()._open(cohort, padded, plan, channel)
        inner: MaskServer = session.server
        server = VerifyingMaskServer(
            inner,
            inner.invitation.to_bytes(),
            agreed.length,
            identity=self._signers.server,
            registry=self._signers.registry,
            norm=plan.norm,
        )
        return replace(session, server=server)

    def _result(self, runner: StageRunner, session: Session[Any]) -> SumResult:
        return publish_sum(runner, session.server, super()._result(runner, session))


class VerifiedDoubleMasking(VerifiedMasking, DoubleMasking):
    """Double masking whose sums clients check; arguments as of `DoubleMasking`.

    Vectors are integers of which n cannot leave -2^(k-1)..2^(k-1)-1: -(2^(k-1) // n) to
    (2^(k-1) - 1) // n. Others are refused with a `ParameterError`, and k below `least_bits`.
    """


class VerifiedPairwiseMasking(VerifiedMasking, PairwiseMasking):
    """Pairwise masking whose sums clients check; arguments as of `PairwiseMasking`.

    Commitments and receipts are signed, with identities of their own if the protocol has none.
    Vectors as of `VerifiedDoubleMasking`.
    """
