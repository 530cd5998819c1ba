"""The file of a site: which study it takes part in, as what, and what it allows."""

from dataclasses import dataclass
from pathlib import Path

from tff_health.errors import ConfigError
from tff_health.federation.consortium.digests import is_spoken, spoken
from tff_health.federation.consortium.registry import Registry, read_registry
from tff_health.federation.errors import FederationError
from tff_health.federation.sections import check_sections, read_section, read_toml
from tff_health.federation.site.policy import SitePolicy
from tff_health.federation.study import Study, read_study
from tff_health.settings.setting import Range, setting


@dataclass(frozen=True, kw_only=True)
class SiteSection:
    """Section [site] of a site file; paths are relative to the file's folder."""

    folder: str = setting("Folder that `enrol` made: keys, journal, ledger and transcript.")
    registry: str = setting("The consortium's registry.")
    registry_digest: str = setting("Digest of the registry, as compared by phone.")
    study: str = setting("The study file.")
    study_digest: str = setting("Digest of the study, as compared by phone.")
    images: str = setting(
        "This site's own images, for a study on such.",
        "",
        default_text="none",
    )
    give_up_after: float = setting(
        "How long the program tries to reach the server in vain before it ends; inf for ever.",
        7 * 86_400.0,
        range=Range(least=1),
        unit="seconds",
    )


@dataclass(frozen=True)
class PartyFile:
    """The file of an authority, or key holder, read and checked.

    Attributes:
        folder: of its keys.
        registry: the registry that was pinned.
        study: the study that was pinned.
        give_up_after: seconds for which it tries to reach the server in vain.
    """

    folder: Path
    registry: Registry
    study: Study
    give_up_after: float


@dataclass(frozen=True)
class SiteFile:
    """A site file, read and checked.

    Attributes:
        folder: of keys and of what is kept.
        registry: the registry that was pinned.
        study: the study that was pinned, which the policy allows.
        policy: what the site allows.
        images: its own images; None if the study is not on such.
        give_up_after: seconds for which it tries to reach the server in vain.
    """

    folder: Path
    registry: Registry
    study: Study
    policy: SitePolicy
    images: Path | None
    give_up_after: float


def read_site(path: Path) -> SiteFile:
    """Returns what a site file and the files that it names say.

    Raises:
        ConfigError: if one is not allowed, with every problem found.
        FederationError: if registry or study are others than were pinned, or the policy forbids
            the study.
    """
    data = read_toml(path)
    check_sections(path, data, ("site", "policy"))
    section = read_section(path, "site", SiteSection, data["site"])
    policy = read_section(path, "policy", SitePolicy, data["policy"])
    here = path.parent
    registry = read_registry(here / section.registry)
    _check_pin(path, "registry", section.registry_digest, registry.digest)
    images = here / section.images if section.images else None
    study = read_study(here / section.study, images)
    _check_pin(path, "study", section.study_digest, study.digest)
    for client in study.clients:
        if registry.member(client).revoked:
            raise FederationError(
                f"{registry.member(client)} of study '{study.section.name}' was revoked"
            )
    policy.check_study(study, images)
    folder, patience = here / section.folder, section.give_up_after
    return SiteFile(folder, registry, study, policy, images, patience)


def read_party(path: Path) -> PartyFile:
    """Returns what the file of an authority, or key holder, says: a section [site] and no policy.

    Raises:
        ConfigError: if it, or the study, is not allowed, with every problem found.
        FederationError: if registry or study are others than were pinned.
    """
    data = read_toml(path)
    check_sections(path, data, ("site",))
    section = read_section(path, "site", SiteSection, data["site"])
    here = path.parent
    registry = read_registry(here / section.registry)
    _check_pin(path, "registry", section.registry_digest, registry.digest)
    study = read_study(here / section.study, here / section.images if section.images else None)
    _check_pin(path, "study", section.study_digest, study.digest)
    return PartyFile(here / section.folder, registry, study, section.give_up_after)


def _check_pin(path: Path, what: str, pinned: str, digest: bytes) -> None:
    try:
        if is_spoken(pinned, digest):
            return
    except ValueError as error:
        raise ConfigError(f"{path}: {what}_digest: {error}") from None
    raise FederationError(
        f"{path}: the {what} has digest {spoken(digest)}, and {what}_digest is {pinned}: it was "
        "changed since. Review it, compare the new digest by phone, and only then write it here"
    )
