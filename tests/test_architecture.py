"""Imports go one way, from room to room, as docs/architecture.md says."""

import ast
import itertools
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TENSORFLOW = ("tensorflow", "tensorflow_federated", "tensorflow_privacy", "keras")

# Each room, and the rooms that it imports; without "tff_health." in front. A room imports from rows
# above its own, so there is no circle; a row names no room that it does not import.
ARROWS = {
    "crypto": "",
    "models": "",
    "errors": "",
    "atomic": "",
    "interrupts": "",
    "machine": "",
    "utf8": "",
    "robust": "",
    "schemes": "",
    "settings.experiments": "",
    "settings.renamed": "",
    "install": "machine",
    "program": "errors interrupts",
    "quiet": "errors",
    "settings.setting": "schemes settings.experiments settings.renamed",
    "reporting": "atomic errors settings.renamed",
    "workers": "atomic errors",
    "worker": "errors machine workers",
    "data": "atomic errors",
    "virtual_time": "data errors",
    "settings.presets": "data",
    "doctor": "data errors interrupts machine quiet utf8 workers",
    "settings.groups": (
        "models data schemes settings.experiments settings.presets settings.setting"
    ),
    "privacy": "errors settings.groups",
    "hostile.attack": "",
    "local": "crypto atomic data errors hostile.attack privacy settings.groups",
    "statistics": "crypto data privacy",
    "aggregators": "crypto local",
    "attacks": "data",
    "secure_aggregation": "crypto errors robust settings.groups workers",
    "hostile": "crypto data hostile.attack local secure_aggregation",
    "learning": "aggregators data hostile hostile.attack local",
    "measurements": "crypto errors secure_aggregation",
    "tff_health": "aggregators errors privacy quiet schemes secure_aggregation",
    "settings": (
        "crypto models data errors local privacy schemes secure_aggregation settings.experiments "
        "settings.groups settings.presets settings.renamed settings.setting virtual_time"
    ),
    "federation.errors": "errors",
    "federation.sections": "errors settings settings.setting",
    "federation.consortium": "crypto atomic federation.errors settings",
    "federation.study": (
        "crypto errors federation.consortium federation.sections schemes secure_aggregation "
        "settings settings.setting"
    ),
    "federation.durable": "",
    "federation.evidence": (
        "crypto federation.consortium federation.durable federation.errors settings"
    ),
    "federation.status": "federation.errors",
    "federation.carrier": "crypto tff_health federation.consortium federation.errors",
    "federation.site": (
        "crypto atomic errors federation.consortium federation.durable federation.errors "
        "federation.sections federation.study privacy schemes settings settings.groups "
        "settings.setting"
    ),
    "federation.rounds": "crypto errors federation.errors secure_aggregation",
    "flags": "data errors reporting settings settings.groups settings.setting",
    "checking": "atomic data errors flags reporting settings",
    "data.__main__": "atomic checking data errors interrupts program utf8",
    "training": (
        "models tff_health atomic checking data errors hostile hostile.attack interrupts learning "
        "local measurements privacy reporting schemes secure_aggregation settings statistics "
        "virtual_time workers"
    ),
    "roles": "data errors local privacy schemes secure_aggregation settings training",
    "federation.programs": (
        "crypto tff_health data errors federation.carrier federation.consortium federation.errors "
        "federation.evidence federation.rounds federation.site federation.status federation.study "
        "interrupts local reporting roles schemes secure_aggregation settings training"
    ),
    "federation.nvflare": (
        "crypto data errors federation.carrier federation.consortium federation.errors "
        "federation.programs federation.sections settings.setting"
    ),
    "federation": (
        "atomic crypto data errors federation.carrier federation.consortium federation.errors "
        "federation.evidence federation.programs federation.sections federation.site "
        "federation.study interrupts program quiet utf8"
    ),
    "studies": (
        "data errors interrupts measurements reporting schemes secure_aggregation settings "
        "training workers"
    ),
    "experiments.privacy": (
        "models attacks data measurements reporting settings settings.groups studies training"
    ),
    "experiments": (
        "data errors interrupts measurements privacy reporting secure_aggregation settings "
        "settings.experiments statistics studies training workers"
    ),
    "run_experiments": "errors experiments flags interrupts machine quiet settings utf8",
}
# Of crypto/, aggregators use the encoding of numbers alone.
ENCODING = ("crypto.encoding.fixed_point", "crypto.errors")
TFF = "tensorflow_federated"
WITHOUT_TFF = (
    *("crypto", "models", "tff_health.data", "tff_health.federation", "tff_health.local"),
    *("tff_health.privacy", "tff_health.roles"),
)
WITHOUT_TENSORFLOW = (
    *("crypto", "tff_health.federation", "tff_health.flags", "tff_health.schemes"),
    *("tff_health.settings", "run_experiments"),
)


def modules():
    for top in ("crypto", "models", "tff_health", "run_experiments.py"):
        path = ROOT / top
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), file


def imports_of(file):
    yield from named(ast.walk(ast.parse(file.read_text())))


def named(nodes):
    """Yield what statements import, by name."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_once(node):
    """Yield what a module imports when it is imported: not in functions, nor for types alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from at_once(child)


def below(name, package):
    return name == package or name.startswith(f"{package}.")


MODULES = dict(modules())


def room_of(module):
    """Return the row of ARROWS in which a module stands."""
    name = module.removeprefix("tff_health.")
    return max((room for room in ARROWS if below(name, room)), key=len, default=None)


def ours(file):
    """Yield the modules of ours that a file imports."""
    yield from ours_among(imports_of(file))


def ours_among(imports):
    """Yield the modules of ours that are imported by these names."""
    for imported in imports:
        parts = imported.split(".")
        names = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        yield from itertools.islice((name for name in names if name in MODULES), 1)


def test_every_module_stands_in_a_room():
    assert {room_of(name) for name in MODULES} == {*ARROWS}


def test_rooms_import_from_rooms_above_them():
    rooms = list(ARROWS)
    for room, arrows in ARROWS.items():
        assert all(rooms.index(other) < rooms.index(room) for other in arrows.split()), room


@pytest.mark.parametrize("room", ARROWS)
def test_a_room_imports_what_its_row_says(room):
    found = set()
    for name, file in MODULES.items():
        if room_of(name) == room:
            found |= {room_of(imported) for imported in ours(file)}
    assert found - {room} == set(ARROWS[room].split())


@pytest.mark.parametrize("name", [n for n in MODULES if n.startswith(WITHOUT_TENSORFLOW)])
def test_no_tensorflow_where_there_must_be_none(name):
    for imported in imports_of(MODULES[name]):
        assert not any(below(imported, package) for package in TENSORFLOW), imported


@pytest.mark.parametrize("name", [n for n in MODULES if n.startswith(WITHOUT_TFF)])
def test_no_tff_in_what_sites_need(name):
    found, ahead = set(), {name}
    while ahead:  # all that is imported along with it
        one = ahead.pop()
        found.add(one)
        imported = list(named(at_once(ast.parse(MODULES[one].read_text()))))
        assert not any(below(other, TFF) for other in imported), one
        ahead |= set(ours_among(imported)) - found


def test_aggregators_take_only_encodings_from_crypto():
    for name, file in MODULES.items():
        if room_of(name) == "aggregators":
            used = [imported for imported in ours(file) if below(imported, "crypto")]
            assert all(imported in ENCODING for imported in used), name


def test_only_flags_knows_absl():
    for name, file in MODULES.items():
        if any(below(imported, "absl") for imported in imports_of(file)):
            assert name == "tff_health.flags"


def test_imports_are_found_wherever_they_stand(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("def f():\n    from tensorflow import keras\n    import absl.flags as x\n")
    assert list(imports_of(file)) == ["tensorflow.keras", "absl.flags"]
