"""Experiment `dropout`: how long rounds take that clients drop out of (Fig. 8 of the paper).

For each number of clients, the dropout rates take turns, so that what else the machine does meets
all of them. Every measured round starts from the same model and is a whole one: training of all
clients, then the scheme's protocol, message by message, while clients vanish.
"""

import dataclasses
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_federated as tff

from tff_health.data.client_data import client_keys
from tff_health.data.federated import FederatedImages, federate
from tff_health.data.pack import pack_clients
from tff_health.data.seeds import generator
from tff_health.errors import RunError
from tff_health.experiments import dropout_report
from tff_health.experiments.dropout_report import MeasuredRound
from tff_health.reporting.files import read_json, write_json
from tff_health.reporting.progress import Progress
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.secure_aggregation.secure_context import SecureContext
from tff_health.settings.config import Invocation, RunConfig
from tff_health.settings.images import load_images
from tff_health.studies.study import Part, part_config, validate
from tff_health.training.config_json import config_json
from tff_health.training.run import build_protocol
from tff_health.training.scheme_training import build_process
from tff_health.training.task import build_task
from tff_health.workers.context import concurrency_for
from tff_health.workers.pool import open_pool


def run(invocation: Invocation) -> None:
    """Measures, and leaves tables, a figure and a report in the results folder; prints a summary.

    Raises:
        TffHealthError: if settings, data, folder or worker do not allow it, or other clients
            survived a round than planned.
    """
    config = invocation.config
    parts = plan(config)
    with ResultsFolder(invocation.out_dir, config.as_dict()) as folder:
        if folder.is_finished:
            print(folder.finished_text())
            return
        images = load_images(config, invocation.data_dir, invocation.cache_dir)
        shared_out = {
            clients: federate(
                *(images, own.data.split, own.data.augment_copies, own.partition_spec, own.run.seed)
            )
            for clients, own in parts.items()
        }
        data = shared_out[config.study.client_counts[0]].describe()
        folder.describe(config_json(config, data=data))
        rounds = _measure_all(invocation, parts, shared_out, folder.scratch)
        text = dropout_report.write(folder, config, rounds)
        folder.remove_scratch()
    print(text)


def plan(config: RunConfig) -> dict[int, RunConfig]:
    """Returns the settings of training for each number of clients.

    Raises:
        ConfigError: if the scheme's rounds do not survive the dropouts, or a setting is wrong.
    """
    parts = {
        clients: part_config(
            config,
            config.run.scheme,
            config.run.seed,
            num_clients=clients,
            clients_per_round=clients,
            dropout_rate=max(config.study.dropout_rates),
            rounds=1,
        )
        for clients in config.study.client_counts
    }
    validate([Part(str(clients), "", own) for clients, own in parts.items()])
    return parts


def _measure_all(
    invocation: Invocation,
    parts: dict[int, RunConfig],
    shared_out: dict[int, FederatedImages],
    scratch: Path,
) -> list[MeasuredRound]:
    config = invocation.config
    total = len(parts) * config.study.turns * len(config.study.dropout_rates)
    measured: list[MeasuredRound] = []
    with Progress("measuring rounds", "round", total) as progress:
        for clients, own in parts.items():
            folder = scratch / f"{clients}-clients"
            paths = [folder / f"turn-{turn}.json" for turn in range(config.study.turns)]
            if not all(_measured(path) for path in paths):
                with _Rounds(own, shared_out[clients], folder, invocation) as rounds:
                    for turn, path in enumerate(paths):
                        if not _measured(path):
                            rounds.measure_turn(config.study.dropout_rates, turn, path)
                        progress.update(
                            len(measured) + (turn + 1) * len(config.study.dropout_rates),
                            f"{clients} clients",
                        )
            for path in paths:
                measured += _measured(path)
            progress.update(len(measured))
    return measured


def _measured(path: Path) -> list[MeasuredRound]:
    """Returns what an earlier turn measured; nothing if it is not there, or damaged."""
    try:
        return [MeasuredRound(**row) for row in read_json(path, "measure it again")]
    except (RunError, TypeError):
        return []


class _Rounds(ExitStack):
    """Rounds of one number of clients, all from the same model; use it as a context manager."""

    def __init__(
        self, config: RunConfig, federated: FederatedImages, folder: Path, invocation: Invocation
    ) -> None:
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        pack_clients(federated, folder / "clients", lambda *_: None)
        self._config = config
        task = build_task(config, federated, folder)
        concurrency = concurrency_for(config.cohort.num_clients)
        pool = self.enter_context(open_pool(invocation.workers, folder / "worker.log", concurrency))
        self._context = SecureContext(pool, build_protocol(config, invocation.cache_dir))
        tff.framework.set_default_context(self._context)
        process: Any = build_process(config.run.scheme, task)
        self._process = process
        training = process.training
        self._state = training.set_model_weights(training.initialize(), task.initial_weights)
        self._is_warm = False

    def measure_turn(self, rates: tuple[float, ...], turn: int, path: Path) -> None:
        """Measures a round at every rate, beginning with another one in each turn."""
        if not self._is_warm:
            # The first round compiles and makes keys that last; TFF prepares anew for each number
            # of survivors.
            for rate in rates:
                self._round(rate, turn)
            self._is_warm = True
        start = turn % len(rates)
        rows = [self._round(rate, turn) for rate in rates[start:] + rates[:start]]
        write_json(path, [dataclasses.asdict(row) for row in rows])

    def _round(self, rate: float, turn: int) -> MeasuredRound:
        config, clients = self._config, self._config.cohort.num_clients
        rng = generator(config.run.seed, f"dropouts of turn {turn} at {rate}")
        gone = rng.choice(clients, round(rate * clients), replace=False)
        stages = config.cohort.dropout_stages or self._context.stages
        dropouts = {int(c): stages[int(rng.integers(len(stages)))] for c in np.sort(gone)}
        self._context.plan_round(range(clients), dropouts)
        keys = client_keys(list(range(clients)), turn + 1)
        start = time.monotonic()
        self._process.training.next(self._state, keys)
        seconds = time.monotonic() - start
        done = self._context.last_round
        if done is None:
            raise RunError("the process of this scheme declares no secure sum")
        self._check(done.survivors, dropouts)
        return MeasuredRound(
            clients=clients,
            rate=rate,
            turn=turn,
            survivors=len(done.survivors),
            seconds_round=seconds,
            seconds_training=done.seconds_training,
            seconds_client=done.costs.client_seconds,
            seconds_server=done.costs.server_seconds,
            bytes_up=done.costs.bytes_up,
            bytes_down=done.costs.bytes_down,
        )

    def _check(self, survivors: tuple[int, ...], dropouts: dict[int, str]) -> None:
        """A client that vanishes before its upload arrived is not in the sum, and no other is."""
        upload = self._context.stages.index("masked input")
        lost = {c for c, stage in dropouts.items() if self._context.stages.index(stage) <= upload}
        wanted = tuple(c for c in range(self._config.cohort.num_clients) if c not in lost)
        if survivors != wanted:
            raise RunError(f"survivors were {survivors}, and {wanted} were expected")
