"""What examples/federation offers is what the programs take."""

import argparse
import re
import shutil
import subprocess
import sys

import pytest

from tests.tff_health.federation.parties import ROOT
from tff_health.federation.__main__ import parser
from tff_health.federation.sections import check_sections, read_section, read_toml
from tff_health.federation.site.policy import SitePolicy
from tff_health.federation.site.site_file import SiteSection
from tff_health.federation.study import read_study

FOLDER = ROOT / "examples/federation"
UNITS = sorted(FOLDER.glob("*.service"))


def test_the_study_is_one_and_the_policy_allows_it():
    study = read_study(FOLDER / "study.toml")
    data = read_toml(FOLDER / "site.toml")
    check_sections(FOLDER / "site.toml", data, ("site", "policy"))
    read_section(FOLDER / "site.toml", "site", SiteSection, data["site"])
    policy = read_section(FOLDER / "site.toml", "policy", SitePolicy, data["policy"])
    policy.check_study(study, None)


def command_of(unit):
    text = unit.read_text().replace("\\\n", " ")
    (line,) = re.findall(r"(?m)^ExecStart=(.*)$", text)
    return line.split()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_start_commands_that_there_are(unit):
    program, *arguments = command_of(unit)
    assert program.endswith("/python")
    assert arguments[:2] == ["-m", "tff_health.federation"]
    assert isinstance(parser().parse_args(arguments[2:]), argparse.Namespace)


def test_the_compose_file_starts_commands_that_there_are():
    text = (FOLDER / "compose.yaml").read_text()
    commands = re.findall(r"(?m)^    command: (.*)$", text)
    assert len(commands) == 2
    for command in commands:
        assert isinstance(parser().parse_args(command.split()), argparse.Namespace)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_understands_the_units(unit, tmp_path):
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/tff_health/.venv/bin/python", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )
    assert unit.name not in done.stderr
    assert done.returncode == 0, done.stderr


def test_no_core_file_is_written():
    program = (
        "import resource\n"
        "from tff_health.federation.memory import forbid_core_files\n"
        "forbid_core_files()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "0\n"
