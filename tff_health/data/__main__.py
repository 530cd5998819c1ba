"""The data sets from the command line: `python -m tff_health.data fetch|show NAME`.

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
from tff_health.errors import ConfigError, DataError, TffHealthError

if TYPE_CHECKING:
    from tff_health.data.images import LabelledImages

FETCHABLE = ("mnist", "dermamnist")


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Runs one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        interrupts.allow_cleanup()  # not before, as nothing would catch what they raise
        data_dir = folders.data_folder(options.data_dir, environment)
        if options.command == "fetch":
            _fetch(options.name, data_dir, options.url)
        elif cache_dir := folders.cache_folder(environment):
            _show(options.name, data_dir, cache_dir, options.png)
        else:
            with tempfile.TemporaryDirectory(prefix="tff_health-") as folder:
                _show(options.name, data_dir, Path(folder), options.png)
    except TffHealthError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted; nothing half-written was kept.", file=sys.stderr)
        return interrupts.EXIT_CODE
    except OSError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


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
    commands = parser.add_subparsers(dest="command", required=True, metavar="fetch|show")
    fetch = commands.add_parser("fetch", parents=[common], help="download a data set")
    fetch.add_argument("name", choices=FETCHABLE, help="the data set")
    fetch.add_argument("--url", help="a mirror of the published file")
    show = commands.add_parser("show", parents=[common], help="say what a data set holds")
    show.add_argument("name", choices=tuple(catalog.DATA_SETS), help="the data set")
    show.add_argument(
        "--png", type=Path, metavar="FILE", help="write a picture of a few images of each class"
    )
    return parser


def _fetch(name: str, data_dir: Path | None, url: str | None) -> None:
    from tff_health.data import fetch

    if data_dir is None:
        raise ConfigError("no home folder is known here: say where the file is to go (--data_dir)")

    fetch.fetch(fetch.DOWNLOADS[name], data_dir, url)


def _show(name: str, data_dir: Path | None, cache_dir: Path, png: Path | None) -> None:
    images = catalog.load(name, data_dir, cache_dir)
    print(_summary(images))
    if png:
        _write_picture(images, png)
        print(f"{'picture':10} {png}")


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
    lines["digest"] = images.digest()
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
    sys.exit(main(sys.argv[1:], os.environ))
