"""The clock of a run: what settings say of clients' times, and what is measured once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tff_health.data.federated import FederatedImages
from tff_health.measurements.plain_traffic import Traffic
from tff_health.measurements.scheme_probe import ProbeTask
from tff_health.measurements.stages import stage_seconds
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import BINDINGS
from tff_health.settings.config import RunConfig
from tff_health.training import timing
from tff_health.virtual_time.clock import NO_STAGE, Clock, Computing
from tff_health.virtual_time.profiles import Population, Profile
from tff_health.virtual_time.trace import read_trace

CLOCK = "clock"
"""What config.json keeps under this name is measured once, so that a resumed run is the same."""
_TIMED_STEPS = 50
_MOST_ENCRYPTED = 4000  # numbers, where every one is encrypted; what it takes is proportional


@dataclass(frozen=True)
class Measured:
    """What one computer takes, all seconds.

    Attributes:
        step_seconds: of a training step.
        stage_seconds: of a client in each stage of the protocol, then of the server in each.
    """

    step_seconds: float
    stage_seconds: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        """Returns the entry of config.json; given as settings, it repeats a run elsewhere."""
        return {"step_seconds": self.step_seconds, "stage_seconds": list(self.stage_seconds)}


def measure(
    config: RunConfig, federated: FederatedImages, parameters: int, kept: dict[str, Any] | None
) -> Measured:
    """Returns what settings say, else what was kept, else what is measured now.

    Args:
        config: the settings.
        federated: the data.
        parameters: numbers in an update.
        kept: the entry of config.json that an earlier process wrote, if there is one.
    """
    clock = config.clock
    if kept:
        return Measured(kept["step_seconds"], tuple(kept["stage_seconds"]))
    step = clock.step_seconds or (
        timing.client_seconds(federated.images, config, _TIMED_STEPS, 1) / _TIMED_STEPS
    )
    return Measured(step, clock.stage_seconds or _stage_seconds(config, parameters))


def _stage_seconds(config: RunConfig, parameters: int) -> tuple[float, ...]:
    scheme = SCHEMES[config.run.scheme]
    if scheme.protocol is None:
        return ()
    binding, clients = BINDINGS[scheme.protocol], config.cohort_size
    plan = binding.plan(config.protocol_settings(), clients)
    protocol = binding.build(config.protocol_settings())
    task = ProbeTask(
        length=parameters,
        num_clients=clients,
        modulus_bits=config.modulus_bits,
        max_quality=config.max_update_weight if scheme.weighs_by_quality else 0,
    )
    most = _MOST_ENCRYPTED if plan.survivors == clients else parameters
    seconds = stage_seconds(protocol, task, most)
    ours, others = zip(*(seconds[stage] for stage in protocol.stages), strict=True)
    return (*ours, *others)


def profiles_of(config: RunConfig) -> tuple[Profile, ...]:
    """Returns the clients, as the settings draw them or a file has them.

    Raises:
        ConfigError: if the file is bad.
    """
    clock, clients = config.clock, config.cohort.num_clients
    if clock.client_times not in ("equal", "drawn"):
        return read_trace(Path(clock.client_times), clients)
    is_drawn = clock.client_times == "drawn"
    return Population(
        num_clients=clients,
        slowness_spread=clock.speed_spread if is_drawn else 0.0,
        megabits=clock.bandwidth,
        megabits_spread=clock.bandwidth_spread if is_drawn else 0.0,
        share_on=clock.availability,
        slow_share=clock.slow_clients,
        slow_factor=clock.slow_factor,
    ).draw(config.run.seed)


def clock_of(config: RunConfig, measured: Measured, traffic: Traffic) -> Clock:
    """Returns the clock of a run.

    Args:
        config: the settings.
        measured: what computers take.
        traffic: what messages in the clear weigh.
    """
    protocol = SCHEMES[config.run.scheme].protocol
    stages: tuple[str, ...] = (NO_STAGE,)
    upload_stage, upload_bytes = NO_STAGE, float(traffic.update)
    computing = {NO_STAGE: Computing()}
    if protocol is not None:
        binding = BINDINGS[protocol]
        stages = binding.build(config.protocol_settings()).stages
        upload_stage = binding.uploads_at
        upload_bytes = traffic.parameters * config.modulus_bits / 8
        ours, others = (measured.stage_seconds[i : i + len(stages)] for i in (0, len(stages)))
        computing = dict(zip(stages, map(Computing, ours, others), strict=True))
    return Clock(
        profiles=profiles_of(config),
        step_seconds=measured.step_seconds,
        stages=stages,
        upload_stage=upload_stage,
        computing=computing,
        model_bytes=float(traffic.model),
        upload_bytes=upload_bytes,
        period=config.clock.availability_period,
    )
