"""What pyproject.toml promises of the package: programs, version, and dependencies of `crypto`."""

import ast
import importlib
import re
import sys
import tomllib
from pathlib import Path

import pytest

import tff_health

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# Where a distribution is imported under another name.
IMPORTED = {"pynacl": "nacl"}


def names(requirements):
    """The names under which required distributions are imported."""
    found = [re.split(r"[><=;\[ ]", text)[0].lower() for text in requirements]
    return {IMPORTED.get(name, name) for name in found}


def imported_by(package):
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]


def test_core_dependencies_are_just_what_crypto_imports():
    project = PROJECT["project"]
    found = set(imported_by("crypto")) - set(sys.stdlib_module_names) - {"crypto"}
    assert found == names(project["dependencies"])


@pytest.mark.parametrize("program", PROJECT["project"]["scripts"].values())
def test_programs_are_there(program):
    module, _, function = program.partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_the_version_stands_in_one_place():
    assert PROJECT["project"]["dynamic"] == ["version"]
    source = ROOT / PROJECT["tool"]["hatch"]["version"]["path"]
    assert f'__version__ = "{tff_health.__version__}"' in source.read_text(encoding="utf-8")
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {tff_health.__version__}\n" in cited


def test_what_the_wheel_takes_is_there():
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    for name in [*wheel["only-include"], *wheel["force-include"]]:
        assert (ROOT / name).exists(), name
    for package in ("crypto", "models", "tff_health"):
        assert (ROOT / package / "py.typed").exists()


def test_the_pins_of_simulations_agree_with_the_pinned_list():
    pinned = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for text in PROJECT["project"]["optional-dependencies"]["simulation"]:
        requirement = text.partition(";")[0]
        assert "==" not in requirement or f"\n{requirement} " in pinned, requirement
