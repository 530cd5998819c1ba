"""Settings of this machine: where things lie and who works. They do not change the outcome."""

from dataclasses import dataclass

from tff_health.settings.experiments import EXPERIMENTS
from tff_health.settings.setting import setting

_ALL = tuple(EXPERIMENTS)


@dataclass(frozen=True, kw_only=True)
class LocalSettings:
    """Where things lie and who works, which does not change the outcome."""

    settings: str = setting(
        "File with settings, in TOML or the config.json of a run, which gives the same run again. "
        "Flags override it.",
        "",
        default_text="none",
        experiments=_ALL,
    )
    data_dir: str = setting(
        "Folder of the data files.",
        "",
        default_text="$TFF_HEALTH_DATA_DIR, else the user's cache folder",
        experiments=_ALL,
    )
    out_dir: str = setting(
        "Folder of the results.",
        "",
        default_text="one below results/, named by the settings",
        experiments=_ALL,
    )
    tff_workers: tuple[str, ...] = setting(
        "host:port of machines that train the clients (python -m tff_health.worker). Their channel "
        "is not encrypted, and goes through no HTTP proxy, whatever the environment says.",
        (),
        default_text="this machine",
    )
    dry_run: bool = setting(
        "Only say what would run, and how long it would take.",
        False,
        experiments=tuple(name for name, found in EXPERIMENTS.items() if found.can_estimate),
    )
