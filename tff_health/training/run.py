"""Trains one scheme on images that are shared out already, and writes what came of it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow_federated as tff

from models import STARTED_FROM
from tff_health.checking.check import MOST_IN_REPORTS, check
from tff_health.data.federated import FederatedImages
from tff_health.data.pack import pack_clients
from tff_health.hostile.success import success_of
from tff_health.hostile.uploads import Uploads
from tff_health.learning.local_only import LocalTraining
from tff_health.learning.process import SchemeProcess
from tff_health.local.model_weights import ModelWeights
from tff_health.local.task import Task
from tff_health.reporting.progress import Progress
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import BINDINGS
from tff_health.secure_aggregation.grouped_sums import GroupedSums, GroupRule
from tff_health.secure_aggregation.protocols import BoundProtocols, SumProtocol
from tff_health.secure_aggregation.secure_context import SecureContext
from tff_health.settings.config import RunConfig
from tff_health.training import report
from tff_health.training.config_json import config_json
from tff_health.training.description import RunDescription
from tff_health.training.hostility import attack_of
from tff_health.training.local_baseline import train_alone
from tff_health.training.loop import (
    ProgressFactory,
    Record,
    RoundLoop,
    metrics_columns,
    show_rounds,
)
from tff_health.training.mechanism import settle
from tff_health.training.metrics_log import MetricsLog
from tff_health.training.network_identity import NETWORK, check_same
from tff_health.training.normalisation import normalisation_of, with_learned_scaling
from tff_health.training.pace import COLUMNS
from tff_health.training.pace_of_run import build_pace
from tff_health.training.privacy_budget import Spending
from tff_health.training.run_model import load_builder
from tff_health.training.scheme_training import build_process, train_rounds
from tff_health.training.summary import summary_text
from tff_health.training.task import build_evaluator, build_task
from tff_health.workers.context import concurrency_for
from tff_health.workers.pool import open_pool


def show_packing(what: str, clients: int, done: int) -> Progress:
    """The progress of packing by itself."""
    return Progress(what, "client", clients, done)


def train(
    config: RunConfig,
    federated: FederatedImages,
    folder: ResultsFolder,
    workers: tuple[str, ...] = (),
    cache_dir: Path | None = None,
    progress_of: ProgressFactory = show_rounds,
    packing_progress: ProgressFactory = show_packing,
    announce: Callable[[str], None] = lambda _: None,
) -> str:
    """Runs the rounds that are missing, and writes all results into `folder`.

    Args:
        config: the settings.
        federated: the data.
        folder: takes the results.
        workers: "host:port" of TFF's executor services; none for one on this machine.
        cache_dir: where tables are kept; None for in memory only.
        progress_of: shows how far the rounds are.
        packing_progress: shows how far the packing of images is.
        announce: is told before the rounds how many colluders secure sums bear, and what clients
            say in the clear.

    Returns:
        what the run came to, in lines for people.

    Raises:
        ConfigError: if the model cannot be built, or the folder holds a run on other data.
        RunError: if the worker or the last state does not allow to go on.
    """
    started = time.monotonic()
    network = load_builder(config, federated.images).identity
    check_same(folder.path, folder.description, network)
    privacy = settle(config, federated)
    config = with_learned_scaling(config, federated, folder, workers)
    task = build_task(config, federated, folder.scratch, privacy)
    ledger = folder.path / "privacy.csv"
    spending = Spending(config, privacy, federated, ledger) if privacy else None
    class_names = federated.images.class_names
    evaluator = build_evaluator(task, federated, config)
    folder.scratch.mkdir(exist_ok=True)
    concurrency = concurrency_for(config.cohort.clients_per_round)
    with open_pool(workers, folder.scratch / "worker.log", concurrency) as pool:
        context = SecureContext(pool, build_protocol(config, cache_dir), _uploads(config))
        tff.framework.set_default_context(context)
        process = build_process(config.run.scheme, task)
        clear = in_the_clear(process, config, context)
        described = RunDescription.of(config, task, clear)
        parts = {"derived": described.as_json(), "data": federated.describe(), NETWORK: network}
        parts |= normalisation_of(config)
        pace = build_pace(config, federated, folder, task) if config.has_clock else None
        parts |= pace.described if pace else {}
        folder.describe(config_json(config, **parts))
        if described.sums and described.sums.bears:
            announce(f"secure sums: {described.sums.bears}")
        if weights := network.get(STARTED_FROM):
            announce(f"initial weights: {_told(weights, config)}")
        announce(f"clients tell the server in the clear: {clear}")
        pack(federated, folder.scratch / "clients", packing_progress)
        log = MetricsLog(
            folder.path / "metrics.csv", metrics_columns(class_names, COLUMNS if pace else ())
        )
        records: list[Record] = [*([spending.log] if spending else []), *([pace] if pace else [])]
        if isinstance(process, SchemeProcess) and process.memory is not None:
            records.append(process.memory)
        checkpoints = folder.scratch / "checkpoints"
        loop = RoundLoop(config, class_names, log, records, checkpoints, progress_of)
        if isinstance(process, LocalTraining):
            trained = train_alone(process, config, evaluator, loop)
        else:
            success = success_of(task.attack, task, federated, config.scaling)
            trained = train_rounds(
                *(process, task, config, evaluator, loop, context, spending, pace, success)
            )
    if trained.weights is not None:
        _save_model(task, trained.weights, folder.path / "model.weights.h5")
    facts = check(federated, config.partition.kind, cache_dir, MOST_IN_REPORTS)
    outcome = report.write(folder, config, described, federated, trained, facts)
    return summary_text(config, described, outcome, folder.path, time.monotonic() - started)


def _told(weights: dict[str, Any], config: RunConfig) -> str:
    anew = f"; anew: {', '.join(weights['started_anew'])}" if weights["started_anew"] else ""
    return (
        f"{weights['arrays']} arrays of {config.training.initial_weights}, matched by "
        f"{weights['matched_by']}{anew}"
    )


def build_protocol(config: RunConfig, cache_dir: Path | None = None) -> SumProtocol:
    """Returns what computes the secure sums of the scheme; for one without any, nothing does."""
    protocol = SCHEMES[config.run.scheme].protocol
    if protocol is None:
        return BoundProtocols()
    built = BINDINGS[protocol].build(config.protocol_settings(cache_dir))
    if not config.has_groups:
        return built
    robust = config.robust
    rule = GroupRule(
        robust.rule, robust.trimmed_share, config.sums.fraction_bits, robust.update_norm
    )
    return GroupedSums(built, robust.group_size, rule)


def _uploads(config: RunConfig) -> Uploads | None:
    attack = attack_of(config)
    return Uploads(attack, config.sums.fraction_bits) if attack else None


def in_the_clear(
    process: SchemeProcess | LocalTraining, config: RunConfig, context: SecureContext
) -> str:
    """Says what each client tells the server beside secure sums, as the processes have it."""
    if isinstance(process, LocalTraining):
        return "nothing"
    if SCHEMES[config.run.scheme].protocol is None:
        return (
            "updates, numbers of examples, metrics" if config.privacy.noise == "none" else "updates"
        )
    names = [
        *SCHEMES[config.run.scheme].leaks,
        *context.clear_values(process.training.next),
        *context.clear_values(process.validate),
    ]
    # A name is a path; positions in it tell people nothing.
    words = [next((part for part in name.split("/") if not part.isdigit()), name) for name in names]
    return ", ".join(dict.fromkeys(words)) or "nothing"


def pack(federated: FederatedImages, folder: Path, progress_of: ProgressFactory) -> None:
    """Packs the clients' examples."""
    with progress_of("packing images", len(federated.clients), 0) as progress:
        pack_clients(federated, folder, lambda done, _: progress.update(done))


def _save_model(task: Task, weights: tff.learning.models.ModelWeights, path: Path) -> None:
    model = task.build_model()
    ModelWeights(*weights).assign_to(model)
    model.save_weights(path)
