"""Data from the command line: `python -m tff_health.data fetch|show|check|fingerprint`.

What needs numpy or the network is imported by the command that needs it, so that `--help` is quick.
"""

from __future__ import annotations

from tff_health import interrupts

if __name__ == "__main__":  # first, as what follows takes a moment
    interrupts.watch("Interrupted; nothing half-written was kept.")

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tff_health import utf8
from tff_health.data import catalog, folders
from tff_health.data.reading import (
    AS_THEY_COME,
    DEFAULT_SIDE,
    FITS,
    MAX_SIDE,
    MIN_SIDE,
    Reading,
)
from tff_health.errors import ConfigError, DataError
from tff_health.program import exit_code_of, piped

if TYPE_CHECKING:
    from tff_health.data.images import LabelledImages

FETCHABLE = ("mnist", "dermamnist")


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Runs one command; returns the exit code."""
    options, rest = _parser().parse_known_args(arguments)
    if rest and options.command != "check":
        _parser().parse_args(arguments)  # says what it does not know
    return exit_code_of(lambda: _run(options, rest, environment))


def _run(options: argparse.Namespace, rest: list[str], environment: Mapping[str, str]) -> int:
    if options.command == "check":
        _check(options, rest, environment)
        return 0
    if options.command == "fingerprint":
        _fingerprint(options.others)
        return 0
    data_dir = folders.data_folder(options.data_dir, environment)
    if options.command == "fetch":
        _fetch(options.name, data_dir, options.url)
    elif cache_dir := folders.cache_folder(environment):
        _show(options, data_dir, cache_dir)
    else:
        with tempfile.TemporaryDirectory(prefix="tff_health-") as folder:
            _show(options, data_dir, Path(folder))
    return 0


def program() -> int:
    """Runs the command of this process; ends quietly if nobody reads what it prints."""
    return piped(lambda: main(sys.argv[1:], os.environ))


def _parser() -> argparse.ArgumentParser:
    names = "\n".join(f"  {d.name:18} {d.description}" for d in catalog.DATA_SETS.values())
    parser = argparse.ArgumentParser(
        prog="python -m tff_health.data",
        description="Download data sets, and see what is in them.",
        epilog=f"data sets:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data_dir",
        metavar="DIR",
        help=f"folder of the data files (default: ${folders.DATA_DIR_VARIABLE}, else a folder of "
        "the user's cache)",
    )
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="fetch|show|check|fingerprint"
    )
    fetch = commands.add_parser("fetch", parents=[common], help="download a data set")
    fetch.add_argument("name", choices=FETCHABLE, help="the data set")
    fetch.add_argument("--url", help="a mirror of the published file")
    show = commands.add_parser(
        "show", parents=[common, _reading_parser()], help="say what a data set holds"
    )
    show.add_argument("name", help="the data set, or the path of images of your own")
    show.add_argument(
        "--png", type=Path, metavar="FILE", help="write a picture of a few images of each class"
    )
    check = commands.add_parser(
        "check",
        allow_abbrev=False,
        usage="%(prog)s [--json FILE] [--html FILE] NAME [--SETTING=VALUE ...]",
        help="say what is wrong with images before they are trained on",
        description="Counts images by class, site and group, finds files that cannot be read, and "
        "images that are the same or look the same, and says which of them stand in training and "
        "test, at several clients, in several groups or under several labels.",
        epilog="Every setting of run_experiments.py is allowed, such as --split=clean, "
        "--partition=site, --num_clients=4 and --image_size=64: images are split and shared out "
        "as in a run with them.",
    )
    check.add_argument("name", help="the data set, or the path of images of your own")
    check.add_argument("--json", type=Path, metavar="FILE", help="write what was found as JSON")
    check.add_argument("--html", type=Path, metavar="FILE", help="write a report with pictures")
    fingerprint = commands.add_parser(
        "fingerprint",
        help="say how this installation decodes images, and compare it with other sites",
        description="Prints the pixels' digests of image files that come with this package, and "
        "the decoders' versions. Given files of what other sites printed, says which of them "
        "decode otherwise.",
    )
    fingerprint.add_argument("others", nargs="*", type=Path, metavar="FILE", help="of other sites")
    return parser


def _reading_parser() -> argparse.ArgumentParser:
    """What is made of images of the user's own, as run_experiments.py has it."""
    parser = argparse.ArgumentParser(add_help=False)
    add = parser.add_argument_group("images of your own").add_argument
    add(
        "--image_size",
        type=_side,
        default=0,
        metavar="PIXELS",
        help=f"height and width to bring them to (default: {DEFAULT_SIDE}; of an .npz as it is)",
    )
    add("--image_fit", choices=FITS, default=FITS[0], help="how they become square")
    add("--num_channels", type=int, default=0, choices=(0, 1, 3), help="1 for grey, 3 for RGB")
    add("--skip_unreadable", action="store_true", help="leave out what cannot be read")
    return parser


def _side(text: str) -> int:
    side = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if side and not MIN_SIDE <= side <= MAX_SIDE:
        raise argparse.ArgumentTypeError(f"{text!r}: must be from {MIN_SIDE} to {MAX_SIDE}")
    return side


def _fetch(name: str, data_dir: Path | None, url: str | None) -> None:
    from tff_health.data import fetch

    if data_dir is None:
        raise ConfigError("no home folder is known here: say where the file is to go (--data_dir)")

    fetch.fetch(fetch.DOWNLOADS[name], data_dir, url)


def _check(
    options: argparse.Namespace, settings: list[str], environment: Mapping[str, str]
) -> None:
    from tff_health.checking import command

    print(command.run(options.name, settings, environment, options.json, options.html))


def _fingerprint(others: list[Path]) -> None:
    from tff_health.data.own import fingerprint

    found = {str(path): fingerprint.Fingerprint.read(path) for path in others}
    own = fingerprint.take()
    print(own.to_json())
    fingerprint.check_same({"this site": own, **found})
    if found:
        print(f"decoded alike by all {len(found) + 1}", file=sys.stderr)


def _show(options: argparse.Namespace, data_dir: Path | None, cache_dir: Path) -> None:
    name = catalog.full_name(options.name)
    reading = Reading(
        *(options.image_size, options.image_fit, options.num_channels, options.skip_unreadable)
    )
    if reading != AS_THEY_COME and name in catalog.DATA_SETS:
        raise ConfigError(
            f"{name} comes as it is: --image_size and the like are for images of your own"
        )
    images = catalog.load(name, data_dir, cache_dir, reading)
    print(_summary(images))
    if options.png:
        _write_picture(images, options.png)
        print(f"{'picture':10} {options.png}")


def _summary(images: LabelledImages) -> str:
    from tff_health.data.images import class_counts

    def listed(counts: Mapping[str, int]) -> str:
        return ", ".join(f"{name} {count:,}" for name, count in counts.items())

    lines = {
        "data set": catalog.find(images.name).description,
        "read from": images.form,
        "images": f"{len(images):,} of {'x'.join(map(str, images.image_shape))}",
        "classes": listed(class_counts(images.labels, images.class_names)),
    }
    if images.groups is not None:
        lines["groups"] = f"{len(set(images.groups.tolist())):,}"
    if images.sites is not None:
        lines["sites"] = listed(dict(sorted(Counter(images.sites.tolist()).items())))
    if images.is_test is not None:
        lines["test part"] = f"{int(images.is_test.sum()):,} images"
    lines["splits"] = ", ".join(catalog.allowed_splits(images))
    lines["digest"] = images.digest
    return "\n".join(f"{title:10} {text}" for title, text in lines.items())


def _write_picture(images: LabelledImages, path: Path) -> None:
    from tff_health.atomic import atomic_write
    from tff_health.data.contact_sheet import contact_sheet

    try:
        with atomic_write(path) as file:
            contact_sheet(images).save(file, "PNG")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None


if __name__ == "__main__":
    utf8.use_utf8()
    sys.exit(program())
