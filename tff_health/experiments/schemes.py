"""Experiment `schemes`: the paper's five schemes under the same conditions (Table 1, Figs. 5 to 7).

All schemes start from the same model, on the same split, with the same order of batches. Where a
scheme's cryptography is too slow for all rounds, it is run for the first ones, and its model is
checked, round by round, against that of a scheme which computes the same sums another way; the
other rounds are taken from there, and marked as simulated.
"""

import dataclasses

from tff_health.errors import RunError
from tff_health.experiments import schemes_report
from tff_health.experiments.schemes_findings import FIVE
from tff_health.settings.config import Invocation, RunConfig
from tff_health.studies.comparison import ComparedRun
from tff_health.studies.run import FinishedStudy, run_study
from tff_health.studies.study import Part, PartResult, part_config
from tff_health.training.metrics_log import Value

SLOW, ITS_TWIN = "fang", "bonawitz"
LOCAL, POOLED = "local only", "pooled"
_COSTS = ("bytes_", "seconds_")


def run(invocation: Invocation) -> None:
    """Runs what is missing, and leaves tables, figures and a report; prints a summary.

    Raises:
        TffHealthError: as experiment `train`, or if two schemes' models differ that must not.
    """
    run_study(invocation, plan(invocation.config), _write)


def _write(done: FinishedStudy) -> str:
    rounds = done.study.config.training.rounds
    runs = [compared(result.part, done.results, rounds) for result in done.results.values()]
    probes = {scheme: done.estimates.probe(scheme) for scheme in FIVE}
    config = done.study.config
    return schemes_report.write(done.folder, config, done.tested, runs, probes)


def plan(config: RunConfig) -> list[Part]:
    """Returns the runs: every scheme with every seed, and the baselines."""
    parts = []
    for seed in config.study.seeds:
        for scheme in FIVE:
            few = min(config.training.rounds, config.study.encrypted_rounds)
            rounds = few if scheme == SLOW else config.training.rounds
            own = part_config(config, scheme, seed, rounds=rounds)
            parts.append(Part(f"{scheme}-seed{seed}", scheme, own))
        if config.study.baselines:
            alone = part_config(config, "local", seed)
            pooled = part_config(
                config, "fedavg", seed, num_clients=1, clients_per_round=1, partition="iid"
            )
            parts.append(Part(f"local-seed{seed}", LOCAL, alone))
            parts.append(Part(f"pooled-seed{seed}", POOLED, pooled))
    return parts


def compared(part: Part, results: dict[str, PartResult], rounds: int) -> ComparedRun:
    """Returns what a part is compared by; a run that stopped early is continued by its twin.

    Raises:
        RunError: if the twin's model is another one.
    """
    own = results[part.name]
    if len(own.rows) == rounds:
        return ComparedRun(
            part.group, part.config, own.rows, own.outcome, rounds, {"crypto": "real"}
        )
    twin = results[f"{ITS_TWIN}-seed{part.config.run.seed}"]
    done = len(own.rows)
    check_twin(part.name, own.rows, twin.rows)
    rows = own.rows + [_without_costs(row, part.group) for row in twin.rows[done:]]
    outcome = dataclasses.replace(
        twin.outcome,
        scheme=part.group,
        bytes_up=round(own.outcome.bytes_up * rounds / done),
        bytes_down=round(own.outcome.bytes_down * rounds / done),
        seconds=own.outcome.seconds.times(rounds / done),
    )
    notes = {
        "crypto": "simulated",
        "encrypted_rounds": done,
        "costs": f"extrapolated from {done} rounds",
    }
    return ComparedRun(part.group, part.config, rows, outcome, done, notes)


def check_twin(name: str, rows: list[dict[str, Value]], twin_rows: list[dict[str, Value]]) -> None:
    """Refuses to take rounds from a scheme whose first rounds were not the same.

    Losses and accuracies of training and test must agree in every bit that they have.

    Raises:
        RunError: naming the round and what differs.
    """
    for row, twin in zip(rows, twin_rows, strict=False):
        for column, value in row.items():
            if column == "scheme" or column.startswith(_COSTS):
                continue
            # The last round of a shorter run is evaluated, whatever --eval_every says.
            if value != twin[column] and twin[column] is not None:
                raise RunError(
                    f"{name}: {column} in round {row['round']} is {value}, and {twin[column]} in "
                    f"{ITS_TWIN}, which must be the same: please report this"
                )


def _without_costs(row: dict[str, Value], scheme: str) -> dict[str, Value]:
    plain = {k: None if k.startswith(_COSTS) else v for k, v in row.items()}
    return {**plain, "scheme": scheme}
