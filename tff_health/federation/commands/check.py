"""The command of a site, or authority, that says what is wrong before anything is trained."""

import argparse
import asyncio
from pathlib import Path
from typing import Any

from tff_health.federation.preflight import check_party


def add(commands: Any) -> None:
    """Adds this command to the parser's."""
    check = commands.add_parser(
        "check", help="say what keeps this site, or authority, from taking part"
    )
    check.add_argument("file", type=Path, help="the file of the site, authority or key holder")
    check.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    return asyncio.run(_tell(options.file))


async def _tell(file: Path) -> int:
    works = True
    async for finding in check_party(file):
        works &= finding.works
        print(
            f"{'ok  ' if finding.works else 'FAIL'}  {finding.name:12} {finding.detail}", flush=True
        )
    print("Ready to take part." if works else "Not ready to take part: see FAIL above.")
    return 0 if works else 1
