"""Experiment `costs`: scheme V's operations and bytes, against the paper's formulas (section 6).

Real sessions of the protocol that training uses are recorded; every byte is put to a term of a
formula or to a kind of overhead, and every operation to who did it.
"""

from tff_health.errors import ConfigError
from tff_health.experiments import costs_report
from tff_health.experiments.he import model_length
from tff_health.measurements.cost_terms import CostTask
from tff_health.measurements.recorded_session import Recorded, record, scheme_v
from tff_health.reporting.progress import Progress
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.settings.checks import schemes
from tff_health.settings.config import Invocation, RunConfig
from tff_health.training.config_json import config_json


def run(invocation: Invocation) -> None:
    """Records, and leaves tables, a figure and a report in the results folder; prints a summary.

    Raises:
        TffHealthError: if settings, model or folder do not allow it, or a byte is not explained.
    """
    config = invocation.config
    _check(config)
    with ResultsFolder(invocation.out_dir, config.as_dict()) as folder:
        if folder.is_finished:
            print(folder.finished_text())
            return
        length = config.sums.vector_length or model_length(invocation)
        derived = {"vector_length": length}
        folder.describe(config_json(config, derived=derived))
        text = costs_report.write(folder, config, _record_all(config, length))
        folder.remove_scratch()
    print(text)


def tasks(config: RunConfig, length: int) -> list[CostTask]:
    """Returns the sessions: every number of clients with every dropout rate."""
    return [
        CostTask(
            num_clients=clients,
            num_dropped=round(rate * clients),
            length=length,
            modulus_bits=_for(config, clients, rate).modulus_bits,
            max_quality=config.max_update_weight,
        )
        for clients in config.study.client_counts
        for rate in config.study.dropout_rates
    ]


def _record_all(config: RunConfig, length: int) -> list[Recorded]:
    recorded = []
    planned = tasks(config, length)
    with Progress("recording sessions", "session", len(planned)) as progress:
        for number, task in enumerate(planned, 1):
            recorded.append(record(scheme_v(config.protocol_settings()), task))
            progress.update(number, f"{task.num_clients} clients, {task.num_dropped} dropped")
    return recorded


def _for(config: RunConfig, clients: int, rate: float) -> RunConfig:
    return config.with_values(num_clients=clients, clients_per_round=clients, dropout_rate=rate)


def _check(config: RunConfig) -> None:
    """Refuses sessions that could not be finished.

    Raises:
        ConfigError: with every problem found, once.
    """
    problems: dict[str, None] = {}
    for clients in config.study.client_counts:
        for rate in config.study.dropout_rates:
            problems |= dict.fromkeys(schemes.problems(_for(config, clients, rate)))
    if problems:
        raise ConfigError("\n".join(problems))
