"""The pace of a run, as its settings say: rounds, or buffers."""

import functools

from tff_health.data.federated import FederatedImages
from tff_health.local.task import Task
from tff_health.measurements.plain_traffic import Traffic
from tff_health.reporting.files import write_text
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import BINDINGS
from tff_health.settings.config import RunConfig
from tff_health.training.buffered_pace import BufferedPace
from tff_health.training.clock import CLOCK, clock_of, measure
from tff_health.training.pace import Pace, Shares
from tff_health.virtual_time.trace import write_trace


def build_pace(
    config: RunConfig, federated: FederatedImages, folder: ResultsFolder, task: Task
) -> Pace | BufferedPace:
    """Returns the pace of a run, and writes its clients' times as clients.csv.

    Args:
        config: the settings.
        federated: the data.
        folder: of the run; what an earlier process measured stands in its config.json.
        task: has the model.

    Raises:
        ConfigError: if a file of clients' times is bad.
    """

    @functools.cache
    def fewest(clients: int) -> int:
        protocol = SCHEMES[config.run.scheme].protocol
        if protocol is None:
            return 1
        return BINDINGS[protocol].plan(config.protocol_settings(), clients).survivors

    traffic = Traffic.of(task.initial_weights)
    measured = measure(config, federated, traffic.parameters, folder.description.get(CLOCK))
    clock = clock_of(config, measured, traffic)
    write_text(folder.path / "clients.csv", write_trace(clock.profiles))
    described = {CLOCK: measured.as_json()}
    shares = Shares.of(config, federated)
    if config.clock.buffer_size:
        return BufferedPace(config, clock, shares, described)
    return Pace(config, clock, shares, fewest, described)
