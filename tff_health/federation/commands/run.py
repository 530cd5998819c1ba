"""The commands that run a study: server, site, and authority or key holder."""

import argparse
import os
from pathlib import Path
from typing import Any

from tff_health.data import folders
from tff_health.federation.programs import running

_GOES_ON = "Interrupted: the same command goes on from the last round."


def add(commands: Any) -> None:
    """Adds these commands to the parser's."""
    server = commands.add_parser("server", help="run the rounds of a study with its sites")
    server.add_argument("study", type=Path, help="the study file")
    server.add_argument("--keys", type=Path, required=True, help="folder of the server's keys")
    server.add_argument("--registry", type=Path, required=True, help="the consortium's registry")
    server.add_argument("--out_dir", type=Path, required=True, help="folder for the results")
    server.add_argument(
        "--listen",
        default="",
        metavar="HOST:PORT",
        help="where to listen (default: the study's port, at all addresses)",
    )
    server.add_argument(
        "--status",
        default="",
        metavar="[HOST:]PORT",
        help="where to serve the status page, on loopback unless a host is given (default: not)",
    )
    server.add_argument(
        "--stay",
        type=_seconds,
        metavar="SECONDS",
        help="how long to stay once the study is over, to tell it to who is away then "
        "(default: 300)",
    )
    server.add_argument(
        "--images", type=Path, help="test images, for a study on images of the sites' own"
    )
    _add_folders(server)
    server.set_defaults(run=_server)

    site = commands.add_parser("site", help="take part in a study with this site's data")
    site.add_argument("file", type=Path, help="the site file")
    _add_folders(site)
    site.set_defaults(run=_site)

    for name, what in (("authority", "deal the keys"), ("key-holder", "decrypt the sums")):
        party = commands.add_parser(name, help=f"{what} of a study whose scheme has such a party")
        party.add_argument("file", type=Path, help="the file of this party")
        party.set_defaults(run=_authority)


def _add_folders(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data_dir",
        help=f"folder of data sets (default: ${folders.DATA_DIR_VARIABLE}, else a folder of the "
        "user's)",
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise ValueError(text)
    return seconds


def _folders(options: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """Returns the folders of data sets, and of what can be computed again."""
    data_dir = folders.data_folder(options.data_dir, os.environ)
    return data_dir, folders.cache_folder(os.environ)


def _server(options: argparse.Namespace) -> int:
    from tff_health.federation.programs.server import STAY_SECONDS, ServerPlaces, serve_study

    data_dir, cache_dir = _folders(options)
    places = ServerPlaces(
        study=options.study,
        keys=options.keys,
        registry=options.registry,
        results=options.out_dir,
        listen=options.listen,
        data=data_dir,
        images=options.images,
        cache=cache_dir,
        status=options.status,
        stay=STAY_SECONDS if options.stay is None else options.stay,
    )
    running.show_log()
    return running.run(lambda: serve_study(places), _GOES_ON)


def _site(options: argparse.Namespace) -> int:
    from tff_health.federation.programs.site import take_part

    running.show_log()
    return running.run(lambda: take_part(options.file, *_folders(options)), _GOES_ON)


def _authority(options: argparse.Namespace) -> int:
    from tff_health.federation.programs.authority import serve_keys

    running.show_log()
    return running.run(lambda: serve_keys(options.file, folders.cache_folder(os.environ)), _GOES_ON)
