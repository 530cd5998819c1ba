"""A joint session at hand from end to end: all roles in one process."""

from collections.abc import Mapping, Sequence

from crypto.encoding.residues import IntegerVector
from crypto.errors import ParameterError
from crypto.norm_proofs.parameters import NormBound
from crypto.parties import ClientId
from crypto.proofs.range_proof import seconds_of_proof
from crypto.protocols.quality_sum.joint_roles import JointRoles, QualitySumResult
from crypto.protocols.quality_sum.key_source import Disturbances
from crypto.protocols.quality_sum.parameters import Contribution, QualityParameters
from crypto.session.channel import Channel
from crypto.session.client_session import SessionClients
from crypto.session.exchange import ChannelExchange
from crypto.session.faults import Fault
from crypto.session.sum_roles import SessionPlan, check_norm_bound
from crypto.wire import message_names


class JointSum(JointRoles):
    """Sums of vectors and of qualities in one session, over the same survivors."""

    @property
    def cores(self) -> int:
        """As `StagedSum.cores`."""
        return self._masking.cores

    @cores.setter
    def cores(self, cores: int) -> None:
        self._masking.cores = cores

    def sum(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        qualities: Mapping[ClientId, int],
        modulus_bits: int,
        *,
        max_quality: int,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
        binding: bytes = b"",
        norm: NormBound | None = None,
    ) -> QualitySumResult:
        """Run one session.

        Args:
            vectors: for every client of the cohort, also those that will drop out, its quality
                times its update, as residues: shape (m,), integers of 32 or 64 bits, values
                -2^(k-1) to 2^k - 1. The protocol adds phi times the quality, and takes it off the
                sum.
            qualities: for the same clients, integers 0 to `max_quality`.
            modulus_bits: k, 1 to 62.
            max_quality: the largest quality allowed, at least 1; times the number of clients at
                most 2^40. A small bound makes the discrete logarithm and the range proofs cheap.
            round_id: the training round, 0 to 2^64 - 1.
            dropouts: client -> the stage in which it no longer answers.
            faults: what happens to single messages.
            binding: as in `SecureSum.sum`.
            norm: a bound on the norm of the vectors' ends, for each 1 of quality; only where there
                is a `norm_bound`.

        Returns:
            Both sums, over the clients whose upload arrived.

        Raises:
            ParameterError: for too few clients, an impossible k or bound, or inputs that do not
                fit.
            SessionAbortedError: if too few clients are left, or shares were false. If that happens
                in the stage "decryption", the server knows theta, the sum of the vectors with phi
                times the sum of the qualities on each coordinate, but neither sum alone; as in all
                sessions that `may_be_opened`, the round must not be run again.
        """
        check_norm_bound(norm, self.norm_bound)
        parameters = QualityParameters(self._phi, max_quality, self._proofs, self._checked)
        masking = self._masking.plan(vectors, modulus_bits)
        inputs = _join_inputs(vectors, qualities, parameters)
        cohort = tuple(sorted(inputs))
        self._find_logarithms(len(cohort) * max_quality)  # refuses what cannot be found
        names = message_names(*self.message_types)
        channel = Channel(self.stages, names, dropouts, faults, self._clock)
        clients = {client: self._joins(client) for client in cohort}
        plan = SessionPlan(round_id, dropouts, faults, binding, norm)
        disturbances = Disturbances(dropouts or {}, faults)
        ready, is_new = self._ensure_key(
            cohort,
            masking.threshold,
            lambda: self._keys.make(cohort, masking.threshold, disturbances),
        )
        server, dealing = self._open(cohort, masking, max_quality, plan, ready.system, channel)
        joined = SessionClients(
            lambda client, data: clients[client].join(data, binding), inputs, self.stages[1]
        )
        seconds = self._masking.client_seconds(len(cohort), masking.length)
        seconds += len(cohort) * seconds_of_proof(self._group) * self._proofs
        with (
            self._once.session(round_id, vectors, modulus_bits),
            self._masking.steps(channel, joined.answer, cohort, seconds) as steps,
        ):
            exchange = ChannelExchange(channel, tuple(vectors), steps, server.receive)
            runner = self._runner(exchange, ready if is_new else None)
            return self._result(runner, server, dealing)


def _join_inputs(
    vectors: Mapping[ClientId, IntegerVector],
    qualities: Mapping[ClientId, int],
    parameters: QualityParameters,
) -> dict[ClientId, Contribution]:
    if vectors.keys() != qualities.keys():
        raise ParameterError("vectors and qualities must be of the same clients")
    for quality in qualities.values():
        parameters.check_quality(quality)
    return {
        client: Contribution(vector, int(qualities[client])) for client, vector in vectors.items()
    }
