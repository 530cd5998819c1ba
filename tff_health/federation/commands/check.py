"""The command of a site that says, before anything is trained, what is wrong."""

import argparse
import asyncio
from pathlib import Path
from typing import Any

from tff_health.federation.preflight import check_site


def add(commands: Any) -> None:
    """Adds this command to the parser's."""
    check = commands.add_parser("check", help="say what keeps this site from taking part")
    check.add_argument("file", type=Path, help="the site file")
    check.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    return asyncio.run(_tell(options.file))


async def _tell(file: Path) -> int:
    works = True
    async for finding in check_site(file):
        works &= finding.works
        print(
            f"{'ok  ' if finding.works else 'FAIL'}  {finding.name:12} {finding.detail}", flush=True
        )
    print("This site can take part." if works else "This site cannot take part: see FAIL above.")
    return 0 if works else 1
