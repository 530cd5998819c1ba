"""The names that `crypto` and `tff_health` offer, loaded when they are asked for."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import crypto
import tff_health

ROOT = Path(__file__).parent.parent
FACES = (crypto, tff_health)


def declared(package):
    """Name -> module, as type checkers read them from the face's source."""
    tree = ast.parse(Path(package.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    return {a.asname: node.module for node in block.body for a in node.names if a.name == a.asname}


@pytest.mark.parametrize("package", FACES)
def test_a_face_is_the_same_to_type_checkers_and_to_programs(package):
    assert declared(package) == package._MODULES
    assert set(package._MODULES) <= set(dir(package))


@pytest.mark.parametrize("package", FACES)
def test_every_public_name_is_documented_where_it_is_defined(package):
    for name, module in package._MODULES.items():
        value = getattr(package, name)
        assert value is getattr(importlib.import_module(module), name)
        assert name == "SCHEMES" or value.__doc__, name


@pytest.mark.parametrize("package", FACES)
def test_an_unknown_name_is_an_error(package):
    with pytest.raises(AttributeError, match="no attribute 'Missing'"):
        _ = package.Missing


def test_faces_load_nothing_before_they_are_asked():
    program = (
        "import sys, crypto, tff_health; "
        "heavy = {'numpy', 'tensorflow', 'phe', 'gmpy2', 'absl'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
