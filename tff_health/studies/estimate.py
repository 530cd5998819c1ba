"""How long the runs of a study may take: from clients' trainings, and a few small sums."""

import math
from collections.abc import Callable, Sequence

from tff_health.data.federated import FederatedImages
from tff_health.measurements.scheme_probe import ProbeTask, SchemeProbe, probe
from tff_health.reporting.progress import duration
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import BINDINGS
from tff_health.settings.config import RunConfig
from tff_health.studies.study import Part, Study
from tff_health.training import run_model
from tff_health.workers.service import num_processors

_START_SECONDS = 8.0  # building TFF's processes, starting a worker
_KEY_SECONDS = 3.0  # keys and tables of a scheme's protocol
_PROBE_LENGTH = 8000
_FEWEST_CLIENTS = 5
_PRIVATE_FACTOR = 2.0  # clipping takes up to that many times as long as a plain step


class Estimates:
    """Estimates for the parts of a study; what is measured is measured once.

    Args:
        study: has the data.
        parts: its runs.
    """

    def __init__(self, study: Study, parts: Sequence[Part]) -> None:
        self._study = study
        self._parts = parts
        self._probes: dict[str, SchemeProbe] = {}
        self._measured: dict[tuple[object, ...], float] = {}

    def seconds(self) -> dict[str, float]:
        """Returns what each part may take, by name, if nothing of it is done yet."""
        return {part.name: self._part_seconds(part.config) for part in self._parts}

    def probe(self, scheme: str) -> SchemeProbe:
        """Returns how a scheme's protocol behaves, by small sums over the study's clients."""
        if scheme not in self._probes:
            config = next(p.config for p in self._parts if p.config.run.scheme == scheme)
            self._probes[scheme] = _probe(config)
        return self._probes[scheme]

    def _part_seconds(self, config: RunConfig) -> float:
        # Imports TensorFlow, which takes seconds, and which much of this module's users do without.
        from tff_health.training import timing

        images, federated = self._study.images, self._study.federated(config)
        steps = _steps_of_client(config, federated)
        at_once = min(num_processors(), config.cohort.clients_per_round)
        images_change = config.preparation
        changes = (
            *(images_change.train_flips, images_change.train_rotations),
            bool(images_change.train_colours),
        )
        trained = self._once(
            (
                config.training.model,
                config.training.batch_size,
                bool(config.optimizer.client_momentum),
                *changes,
                steps,
                at_once,
            ),
            lambda: timing.client_seconds(images, config, steps, at_once),
        )
        judged = self._once(
            (
                config.training.model,
                config.preparation.test_flips,
                config.preparation.test_rotations,
            ),
            lambda: timing.evaluation_seconds(images, config),
        )
        models = config.cohort.num_clients if config.run.scheme == "local" else 1
        a_round = config.cohort.clients_per_round / at_once * trained
        a_round += models * len(federated.test) * judged / config.training.eval_every
        known = self.probe(config.run.scheme)
        if not known.survives:
            return _START_SECONDS + config.training.rounds * a_round
        numbers = self._once(
            (config.training.model,), lambda: run_model.num_parameters(config, images)
        )
        a_round += known.fixed_seconds + known.seconds_per_number * numbers
        return _START_SECONDS + _KEY_SECONDS + config.training.rounds * a_round

    def _once(self, key: tuple[object, ...], measure: Callable[[], float]) -> float:
        if key not in self._measured:
            self._measured[key] = measure()
        return self._measured[key]


def _steps_of_client(config: RunConfig, federated: FederatedImages) -> int:
    """How many steps of `--batch_size` the training of one client in a round is worth."""
    if config.draws_lots:
        examples = _PRIVATE_FACTOR * config.privacy.local_steps * config.privacy.lot_size
    else:
        held = sum(len(client.training) for client in federated.clients)
        examples = config.training.local_epochs * held / config.cohort.num_clients
    return math.ceil(examples / config.training.batch_size)


def _probe(config: RunConfig) -> SchemeProbe:
    protocol = SCHEMES[config.run.scheme].protocol
    if protocol is None:
        return SchemeProbe({}, "", 0.0, 0.0)
    weighs = SCHEMES[config.run.scheme].weighs_by_quality
    task = ProbeTask(
        length=_PROBE_LENGTH,
        # Of three clients, none may drop out whatever the scheme: two would see each other's sums.
        num_clients=max(config.cohort.num_clients, _FEWEST_CLIENTS),
        modulus_bits=config.modulus_bits,
        max_quality=config.max_update_weight if weighs else 0,
    )
    return probe(BINDINGS[protocol].build(config.protocol_settings()), task)


def dry_run_text(study: Study, parts: Sequence[Part]) -> str:
    """Says what would run and how long that may take, in lines for people."""
    seconds = Estimates(study, parts).seconds()
    lines, left = [], 0.0
    for part in parts:
        done = study.is_done(part)
        left += 0.0 if done else seconds[part.name]
        what = "done" if done else f"about {duration(seconds[part.name])}"
        config = part.config
        lines.append(
            f"  {part.name:24s} {config.training.rounds:4d} rounds, "
            f"{config.cohort.num_clients:3d} clients, {_sizes(config)}: {what}"
        )
    return "\n".join([f"{len(parts)} runs, about {duration(left)} left:", *lines])


def _sizes(config: RunConfig) -> str:
    if config.draws_lots:
        return f"{config.privacy.local_steps} lots of {config.privacy.lot_size}"
    return f"batches of {config.training.batch_size}"
