"""A joint session from end to end: over any masking protocol, and any source of system keys."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crypto.elgamal.discrete_log import MAX_BOUND, DiscreteLog
from crypto.encoding.residues import IntegerVector
from crypto.errors import ParameterError
from crypto.groups.base import Group
from crypto.parties import ClientId
from crypto.protocols.masking.masking_sum import MaskingSum, noting_findings
from crypto.protocols.quality_sum.client import QualityClient
from crypto.protocols.quality_sum.key_sources import Disturbances, KeyReady, KeySource
from crypto.protocols.quality_sum.messages import MessageType
from crypto.protocols.quality_sum.parameters import Contribution, QualityParameters
from crypto.protocols.quality_sum.server import QualityServer, Totals
from crypto.protocols.quality_sum.stages import Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.channel import Channel
from crypto.session.client_session import SessionClients
from crypto.session.costs import Costs
from crypto.session.exchange import ChannelExchange
from crypto.session.faults import Fault
from crypto.session.opened_rounds import OncePerRound
from crypto.session.runner import Dealing, StageRunner
from crypto.session.secure_sum import Refusal
from crypto.wire import message_names


@dataclass(frozen=True)
class QualitySumResult:
    """Both sums of a joint session.

    Attributes:
        sum: shape (m,), uint64, 0 to 2^k - 1: the sum of the survivors' vectors modulo 2^k.
        quality_sum: the sum of the same survivors' qualities, over the integers.
        survivors: the clients in both sums, in increasing order.
        costs: what the session cost, with the key set-up if there was one.
        refusals: messages that roles did not accept; none if all went well.
    """

    sum: NDArray[np.uint64]
    quality_sum: int
    survivors: tuple[ClientId, ...]
    costs: Costs
    refusals: tuple[Refusal, ...] = ()


class JointSum:
    """Sums of vectors and of qualities in one session, over the same survivors.

    Clients live as long as this object, and so does the system key, until a cohort has members
    without a share of it or needs another threshold; all other keys are new in each session.

    Args:
        masking: the masking protocol, over the complete graph.
        keys: where system keys come from.
        group: where they live.
        phi: the paper's public factor, 0 to 2^62 - 1.
        proofs: whether qualities and partial decryptions are proven.
        checked: whether clients check what they help to decrypt; needs a protocol in which they
            sign, and agree on the survivors.
        table_cache: a folder in which the table for discrete logarithms is kept; None: in memory.
        randomness: where ciphertexts and proofs come from.
        clock: seconds, for the times in the record of costs; wall time by default.

    Raises:
        ParameterError: for an impossible phi, or checks in a protocol without signatures.

    Attributes:
        stages: names of its stages in their order, for plans of dropouts and faults. "key setup"
            takes place only when a cohort needs a new system key.
    """

    def __init__(
        self,
        masking: MaskingSum,
        keys: KeySource,
        group: Group[Any],
        *,
        phi: int = 1,
        proofs: bool = False,
        checked: bool = False,
        table_cache: Path | None = None,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        QualityParameters(phi, 1, proofs, checked)  # refuses an impossible phi at once
        if checked and masking.registry is None:
            raise ParameterError("clients that do not sign cannot check what they decrypt")
        self.stages = (Stage.KEY_SETUP.value, *masking.stages, Stage.DECRYPTION.value)
        self._masking = masking
        self._keys = keys
        self._group = group
        self._phi = phi
        self._proofs = proofs
        self._checked = checked
        self._table_cache = table_cache
        self._randomness = randomness
        self._clock = clock
        self._clients: dict[ClientId, QualityClient[Any]] = {}
        self._ready: KeyReady | None = None
        self._logarithms: DiscreteLog[Any] | None = None
        self._once = OncePerRound()

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
    ) -> QualitySumResult:
        """Run one session.

        Args:
            vectors: for every client of the cohort, also those that will drop out, its quality
                times its update, as residues: shape (m,), dtype uint64 or int64, values -2^(k-1)
                to 2^k - 1. The protocol adds phi times the quality, and takes it off the sum.
            qualities: for the same clients, integers 0 to `max_quality`.
            modulus_bits: k, 1 to 62.
            max_quality: the largest quality allowed, at least 1; times the number of clients at
                most 2^40. A small bound makes the discrete logarithm and the range proofs cheap.
            round_id: the training round, 0 to 2^64 - 1.
            dropouts: client -> the stage in which it no longer answers.
            faults: what happens to single messages.
            binding: as in `SecureSum.sum`.

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
        parameters = QualityParameters(self._phi, max_quality, self._proofs, self._checked)
        masking = self._masking.plan(vectors, modulus_bits)
        inputs = _join_inputs(vectors, qualities, parameters)
        cohort = tuple(sorted(inputs))
        logarithms = self._find_logarithms(len(cohort) * max_quality)
        names = message_names(*self._masking.message_types, MessageType)
        channel = Channel(self.stages, names, dropouts, faults, self._clock)
        clients = {client: self._client(client) for client in cohort}
        ready, is_new = self._ensure_key(
            cohort, masking.threshold, Disturbances(dropouts or {}, faults)
        )
        masks, dealing = self._masking.open(cohort, masking, round_id, binding)
        registry = self._masking.registry
        server = QualityServer(
            masks, ready.system, parameters, logarithms, registry, self._randomness
        )
        joined = SessionClients(
            lambda client, data: clients[client].join(data, binding), inputs, self.stages[1]
        )
        runner = StageRunner(
            ChannelExchange(channel, tuple(vectors), joined.answer, server.receive),
            earlier_costs=ready.costs if is_new else None,
            earlier_refusals=ready.refusals if is_new else (),
            opens_at=self._masking.opens_at,
        )
        once = self._once.session(round_id, vectors, modulus_bits)
        with once, runner.aborting(), noting_findings(runner, masks):
            totals = _run(runner, server, dealing)
        return QualitySumResult(
            totals.sum, totals.quality_sum, totals.survivors, runner.costs(), runner.refusals
        )

    def _ensure_key(
        self, cohort: tuple[ClientId, ...], threshold: int, disturbances: Disturbances
    ) -> tuple[KeyReady, bool]:
        """Return the system key, and whether it was made for this session."""
        ready = self._ready
        if (
            ready is not None
            and ready.system.key.threshold == threshold
            and ready.held.keys() >= set(cohort)
        ):
            return ready, False
        ready = self._ready = self._keys.make(cohort, threshold, disturbances)
        for client, held in ready.held.items():
            self._clients[client].hold(held)
        return ready, True

    def _find_logarithms(self, bound: int) -> DiscreteLog[Any]:
        """Return a search for sums up to a bound; it is kept, and grows when it must."""
        if bound > MAX_BOUND:
            raise ParameterError(f"sums of qualities up to {bound}: at most {MAX_BOUND} is allowed")
        if self._logarithms is None or self._logarithms.bound < bound:
            rounded = min(1 << bound.bit_length(), MAX_BOUND)
            self._logarithms = DiscreteLog(self._group, rounded, self._table_cache)
        return self._logarithms

    def _client(self, client: ClientId) -> QualityClient[Any]:
        masks = self._masking.client(client)
        if client not in self._clients:
            self._clients[client] = QualityClient(
                client,
                masks,
                proofs=self._proofs,
                checked=self._checked,
                identity=self._masking.identity(client),
                registry=self._masking.registry,
                randomness=self._randomness,
            )
        return self._clients[client]


def _run(runner: StageRunner, server: QualityServer[Any], dealing: Dealing | None) -> Totals:
    runner.run_stages(server.openings(), dealing)
    runner.close(server.unmask)
    while server.needs_help:
        runner.run_stage(Stage.DECRYPTION.value, server.request_help)
    return runner.close(server.totals)


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
