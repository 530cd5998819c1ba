"""A study: what is trained, by whom and how. All read the same file, and compare its digest."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from crypto.errors import ParameterError
from crypto.parties import MAX_CLIENT_ID, ClientId
from tff_health.errors import ConfigError
from tff_health.federation.consortium.digests import canonical, digest_of
from tff_health.federation.sections import check_sections, read_section, read_toml
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import BINDINGS, ProtocolPlan
from tff_health.settings.checks import validate
from tff_health.settings.config import RunConfig
from tff_health.settings.resolve import resolve
from tff_health.settings.setting import Range, setting
from tff_health.settings.table import LOCAL, SETTINGS, defaults_of
from tff_health.settings.words import nearest

OWN_IMAGES: Final = "own"
"""The data set of a study in which every site has images of its own."""
_ADDRESS: Final = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")
# Settings that the study file itself says, and those that mean nothing where hospitals are apart.
_ELSEWHERE: Final = {
    "experiment": "a study trains",
    "num_clients": "it follows from `clients` in [study]",
    "dropout_rate": "sites drop out by themselves",
    "dropout_draw": "sites drop out by themselves",
    "dropout_stages": "sites drop out by themselves",
    **dict.fromkeys(defaults_of("clock"), "sites take the time that they take"),
    "robust": "groups are dealt in simulations alone",
}


@dataclass(frozen=True, kw_only=True)
class StudySection:
    """Section [study] of a study file."""

    name: str = setting("The study's name, for people.")
    server: str = setting("host:port at which sites reach the server.")
    clients: tuple[int, ...] = setting(
        "Numbers of the clients, as the registry has them.",
        range=Range(least=0, most=MAX_CLIENT_ID),
    )
    stage_seconds: float = setting(
        "Longest time in which a site must answer in one stage of a secure sum.",
        60.0,
        range=Range(least=1, most=86_400),
        unit="seconds",
    )
    training_seconds: float = setting(
        "Longest time in which a site must have trained in one round.",
        3600.0,
        range=Range(least=1, most=604_800),
        unit="seconds",
    )


@dataclass(frozen=True, kw_only=True)
class FactsSection:
    """Section [facts] of a study on images of sites' own: what all have agreed on beforehand."""

    image_height: int = setting("Height of an image.", range=Range(least=1, most=10_000))
    image_width: int = setting("Width of an image.", range=Range(least=1, most=10_000))
    image_channels: int = setting("Its channels: 1 or 3.", range=Range(least=1, most=3))
    class_names: tuple[str, ...] = setting("Names of the classes, in the order of their labels.")
    most_examples: int = setting(
        "Most images that a site trains on.", range=Range(least=1, far=10**9)
    )
    fewest_units: int = setting(
        "Fewest images, or groups of them, that a site holds: noise is enough for so many.",
        range=Range(least=1, far=10**9),
    )


@dataclass(frozen=True)
class Study:
    """A study, read and checked.

    Attributes:
        section: what the file says of it.
        config: settings of training, all of them settled; its data set is this machine's.
        dataset: the data set as the study has it: a name, or `OWN_IMAGES`.
        facts: of images of sites' own; None for a data set that all have.
    """

    section: StudySection
    config: RunConfig
    dataset: str
    facts: FactsSection | None = None

    @property
    def clients(self) -> tuple[ClientId, ...]:
        """Its clients, in increasing order."""
        return tuple(sorted(self.section.clients))

    @cached_property
    def digest(self) -> bytes:
        """32 bytes that only this study has, with all its settings, defaults too."""
        section = {**vars(self.section), "clients": list(self.clients)}
        config = {**self.config.as_dict(), "dataset": self.dataset}
        facts = {} if self.facts is None else {"facts": _as_data(self.facts)}
        return digest_of("study", canonical({"study": section, "settings": config, **facts}))

    @cached_property
    def plan(self) -> ProtocolPlan | None:
        """What the protocol means for a full cohort; None if the scheme protects nothing."""
        protocol = SCHEMES[self.config.run.scheme].protocol
        if protocol is None:
            return None
        size = self.config.cohort.clients_per_round
        return BINDINGS[protocol].plan(self.config.protocol_settings(), size)


def read_study(path: Path, images: Path | None = None) -> Study:
    """Returns a study.

    Args:
        path: of its file.
        images: this machine's own images, if the study is on such.

    Raises:
        ConfigError: if the file or its settings are not allowed, with every problem found.
    """
    data = read_toml(path)
    check_sections(path, data, ("study", "settings", *(["facts"] if "facts" in data else [])))
    section = read_section(path, "study", StudySection, data["study"])
    _check_address(path, section.server)
    given = _settings(path, data["settings"])
    dataset = given.get("dataset", SETTINGS["dataset"].default)
    if dataset == OWN_IMAGES:
        if images is None:
            raise ConfigError(
                f"{path}: every site has images of its own: say where those of this machine "
                "are (--images, or `images` in a site file)"
            )
        given["dataset"] = str(images)
    elif images is not None:
        raise ConfigError(
            f"{path}: is on data set {dataset}, so images of one's own have no effect; for them "
            f'write dataset = "{OWN_IMAGES}"'
        )
    if "facts" in data and dataset != OWN_IMAGES:
        raise ConfigError(f"{path}: is on data set {dataset}, so [facts] has no effect")
    facts = _read_facts(path, data) if dataset == OWN_IMAGES else None
    given |= {"experiment": "train", "num_clients": len(section.clients)}
    try:
        config = resolve(given)
        validate(config)
        study = Study(section, config, dataset, facts)
        _ = study.plan  # says whether there is one
    except (ConfigError, ParameterError) as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in str(error).split("\n"))) from None
    if not SCHEMES[config.run.scheme].shares:
        raise ConfigError(f"{path}: scheme {config.run.scheme} shares nothing, and needs no server")
    return study


def _read_facts(path: Path, data: Mapping[str, Any]) -> FactsSection:
    if "facts" not in data:
        raise ConfigError(
            f"{path}: every site has images of its own, so a section [facts] must say what all "
            "have agreed on: image_height and such, class_names, most_examples, fewest_units"
        )
    facts: FactsSection = read_section(path, "facts", FactsSection, data["facts"])
    if len(facts.class_names) < 2:
        raise ConfigError(f"{path}: [facts] class_names has two names or more")
    return facts


def _as_data(facts: FactsSection) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(facts).items()}


def _settings(path: Path, data: dict[str, Any]) -> dict[str, Any]:
    known = {n: s for n, s in SETTINGS.items() if not s.is_own and s.group != LOCAL}
    problems, values = [], {}
    for name, value in data.items():
        if name not in known:
            near = nearest(name, known)
            problems.append(f"{path}: [settings] has an unknown setting '{name}'{near}")
        elif name in _ELSEWHERE:
            problems.append(f"{path}: [settings] {name}: leave it out: {_ELSEWHERE[name]}")
        else:
            try:
                values[name] = known[name].from_data(value)
            except ValueError as error:
                problems.append(f"{path}: [settings] {name} is {value!r}, but {error}")
    if problems:
        raise ConfigError("\n".join(problems))
    return values


def read_address(text: str, least_port: int = 1) -> tuple[str, int]:
    """Returns host and port of an address such as fed.example.org:8470 or [::1]:8470.

    Raises:
        ValueError: saying what it must be.
    """
    found = _ADDRESS.fullmatch(text)
    if not found or not least_port <= int(found[2]) <= 65_535:
        raise ValueError("must be host:port, such as fed.example.org:8470")
    return found[1].strip("[]"), int(found[2])


def _check_address(path: Path, address: str) -> None:
    try:
        read_address(address)
    except ValueError as error:
        found = f"[study] server is {address[:60]!r}"
        raise ConfigError(f"{path}: {found}, but {error}") from None
