"""The file of the server over NVFlare: where it finds and keeps things."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tff_health.data import folders
from tff_health.federation.programs.server import ServerPlaces
from tff_health.federation.sections import check_sections, read_section, read_toml
from tff_health.settings.setting import setting

FILE: Final = "tff_health.toml"
"""In folder `local` of a kit: at the server this file, at others a site file, or an authority's."""


@dataclass(frozen=True, kw_only=True)
class ServerSection:
    """Section [server]; paths are relative to the file's folder."""

    study: str = setting("The study file.")
    keys: str = setting("Folder of the server's keys.")
    registry: str = setting("The consortium's registry.")
    results: str = setting("Folder for the results.")
    images: str = setting(
        "Test images, for a study on images of sites' own.", "", default_text="none"
    )
    status: str = setting("host:port of the status page.", "", default_text="none")


def read_places(path: Path) -> ServerPlaces:
    """Returns what the file says; data sets are where they are for the other programs.

    Raises:
        ConfigError: if it is not allowed, with every problem found.
    """
    data = read_toml(path)
    check_sections(path, data, ("server",))
    section = read_section(path, "server", ServerSection, data["server"])
    here = path.parent
    return ServerPlaces(
        study=here / section.study,
        keys=here / section.keys,
        registry=here / section.registry,
        results=here / section.results,
        listen="",
        data=folders.data_folder(None, os.environ),
        images=here / section.images if section.images else None,
        cache=folders.cache_folder(os.environ),
        status=section.status,
        stay=0.0,  # NVFlare starts no program of a running job again, so nobody comes back
    )
