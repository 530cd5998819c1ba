"""Verified sums of vectors and qualities: `VerifiedQualitySum`, `VerifiedHardenedQualitySum`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crypto.parties import ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.masking.roles import MaskServer
from crypto.protocols.masking.stages import Stage as MaskStage
from crypto.protocols.quality_sum.joint import JointSum
from crypto.protocols.quality_sum.joint_roles import QualitySumResult
from crypto.protocols.quality_sum.server import QualityServer, Totals
from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum
from crypto.protocols.quality_sum.system_key import SystemKey
from crypto.protocols.verified_sum.client import VerifyingClient
from crypto.protocols.verified_sum.messages import MessageType, VerifiedInvitation
from crypto.protocols.verified_sum.publication import Signers, publish_sum
from crypto.protocols.verified_sum.server import VerifyingServer
from crypto.protocols.verified_sum.stages import with_verification
from crypto.protocols.verified_sum.terms import Terms, least_modulus_bits
from crypto.session.messages import RoundInvitation
from crypto.session.runner import Dealing, StageRunner
from crypto.session.sum_roles import AnyChannel, SessionPlan


class VerifyingQualityServer(VerifyingServer):
    """The server of a joint protocol in one verified session; its methods are the protocol's."""

    inner: QualityServer[Any]

    @property
    def masks(self) -> MaskServer:
        """The masking protocol's server."""
        return self.inner.masks

    @property
    def needs_help(self) -> bool:
        """As `QualityServer.needs_help`."""
        return self.inner.needs_help

    def unmask(self) -> None:
        """As `QualityServer.unmask`."""
        self.inner.unmask()

    def request_help(self) -> dict[ClientId, bytes]:
        """As `QualityServer.request_help`."""
        return self.inner.request_help()

    def totals(self) -> Totals:
        """As `QualityServer.totals`; `publish` comes after."""
        return self.inner.totals()


class VerifiedJoint(JointSum):
    """What verification adds to joint sums; a class of both names it first.

    Clients commit to their qualities as well, so that the sum of these is checked too.
    """

    centred = True

    def __init__(self, *args: Any, norm_bound: int | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.norm_bound = norm_bound
        self.stages = with_verification(self.stages, MaskStage.MASKED_INPUT)
        self.message_types = (*self.message_types, MessageType)
        self._signers = Signers(self._masking.consortium, self._randomness)
        self._verifying: dict[ClientId, VerifyingClient] = {}

    @property
    def verify_keys(self) -> Mapping[ClientId, VerifyKey]:
        """What the clients' commitments and receipts are checked with."""
        return self._signers.registry

    def least_bits(self, num_clients: int) -> int:
        """Return the smallest k that it takes."""
        return least_modulus_bits(num_clients)

    def _joins(self, client: ClientId) -> Any:
        role = self._client(client)
        if client not in self._verifying:
            self._verifying[client] = self._signers.client(client, role)
        return self._verifying[client]

    def _read_invitation(self, client: ClientId, data: bytes) -> RoundInvitation:
        return super()._read_invitation(client, VerifiedInvitation.from_bytes(data).inner)

    def _open(
        self,
        cohort: tuple[ClientId, ...],
        masking: MaskingParameters,
        max_quality: int,
        plan: SessionPlan,
        system: SystemKey[Any],
        channel: AnyChannel,
    ) -> tuple[Any, Dealing | None]:
        extra, bits = (len(cohort) * max_quality,), masking.modulus_bits
        terms = Terms(cohort, masking.length, bits, extra_largest=extra, norm_bound=plan.norm)
        padded = replace(masking, length=terms.padded_length)
        inner, dealing = super()._open(cohort, padded, max_quality, plan, system, channel)
        server = VerifyingQualityServer(
            inner,
            inner.invitation.to_bytes(),
            masking.length,
            identity=self._signers.server,
            registry=self._signers.registry,
            norm=plan.norm,
        )
        return server, dealing

    def _result(
        self, runner: StageRunner, server: Any, dealing: Dealing | None
    ) -> QualitySumResult:
        result = super()._result(runner, server, dealing)
        return publish_sum(runner, server, result, (result.quality_sum,))


class VerifiedQualitySum(VerifiedJoint, QualitySum):
    """Scheme V whose sums clients check; arguments as of `QualitySum`.

    Commitments and receipts are signed, with identities of their own. Vectors as of
    `VerifiedDoubleMasking`; phi times the quality is added after they were committed to.
    """


class VerifiedHardenedQualitySum(VerifiedJoint, HardenedQualitySum):
    """Hardened scheme V whose sums clients check; arguments as of `HardenedQualitySum`.

    Vectors as of `VerifiedQualitySum`.
    """
