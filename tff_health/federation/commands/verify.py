"""The command that verifies transcripts offline."""

import argparse
import sys
from pathlib import Path
from typing import Any

from tff_health.federation.evidence.verification import verify_folder


def add(commands: Any) -> None:
    """Adds this command to the parser's."""
    verify = commands.add_parser("verify", help="verify transcripts of sites and server, offline")
    verify.add_argument(
        "folder", type=Path, help="with transcripts (*.jsonl) and registries (registry*.json)"
    )
    verify.set_defaults(run=_verify)


def _verify(options: argparse.Namespace) -> int:
    verdict = verify_folder(options.folder)
    for problem in verdict.problems:
        print(f"FAIL  {problem}", file=sys.stderr)
    print(
        f"{verdict.transcripts} transcripts, {verdict.entries} entries, "
        f"{len(verdict.problems)} problems"
    )
    return 1 if verdict.problems else 0
