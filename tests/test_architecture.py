"""The layers import one way, as the architecture says."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TENSORFLOW = ("tensorflow", "tensorflow_federated", "tensorflow_privacy", "keras")

# What a package may import of ours; a dotted name stands for everything below it.
ALLOWED = {
    "crypto": ("crypto",),
    "models": ("models",),
    "tff_health.machine": (),
    "tff_health.interrupts": (),
    "tff_health.utf8": (),
    "tff_health.errors": (),
    "tff_health.atomic": (),
    "tff_health.install": ("tff_health.machine",),
    "tff_health.data": (
        *("tff_health.data", "tff_health.errors", "tff_health.atomic"),
        *("tff_health.interrupts", "tff_health.utf8"),
    ),
    "tff_health.aggregators": (
        "tff_health.aggregators",
        "crypto.encoding.fixed_point",
        "crypto.errors",
    ),
    "tff_health.worker": ("tff_health.runtime", "tff_health.errors", "tff_health.machine"),
    "tff_health.runtime": (
        *("tff_health.runtime", "tff_health.errors", "crypto"),
        "tff_health.settings.groups",
    ),
    "tff_health.attacks": ("tff_health.attacks", "tff_health.errors", "tff_health.data"),
    "tff_health.learning": (
        "tff_health.learning",
        "tff_health.atomic",
        "tff_health.data",
        "tff_health.aggregators",
        "tff_health.privacy",
        "tff_health.errors",
        "tff_health.settings.groups",
    ),
    "tff_health.privacy": (
        *("tff_health.privacy", "tff_health.errors"),
        "tff_health.settings.groups",
    ),
    "tff_health.schemes": (),
    "tff_health.reporting": (
        "tff_health.reporting",
        "tff_health.errors",
        "tff_health.atomic",
        "tff_health.data",
        "tff_health.learning",
        "tff_health.privacy",
        "tff_health.attacks",
        "tff_health.settings.groups",
    ),
    "tff_health.settings.experiments": (),
    "tff_health.settings.presets": (),
    "tff_health.settings.setting": ("tff_health.schemes", "tff_health.settings.experiments"),
    "tff_health.settings.groups": (
        *("tff_health.settings.groups", "tff_health.settings.setting"),
        *("tff_health.settings.experiments", "tff_health.settings.presets"),
        *("tff_health.schemes", "tff_health.data.catalog", "tff_health.data.split_names"),
        "models",
    ),
    "tff_health.settings.config": (
        *("tff_health.settings.table", "tff_health.settings.groups"),
        *("tff_health.settings.experiments", "tff_health.schemes", "tff_health.data"),
        *("tff_health.aggregators", "tff_health.runtime"),
    ),
    "tff_health.settings": (
        *("tff_health.settings", "tff_health.schemes", "tff_health.errors", "tff_health.data"),
        *("tff_health.privacy", "tff_health.runtime", "tff_health.aggregators", "models"),
    ),
    "tff_health.experiments": ("tff_health", "models"),
    "tff_health.flags": ("tff_health", "models"),
    "run_experiments": ("tff_health",),
}
WITHOUT_TENSORFLOW = (
    *("crypto", "tff_health.flags", "tff_health.schemes", "tff_health.settings"),
    "run_experiments",
)


def modules():
    for top in ("crypto", "models", "tff_health", "run_experiments.py"):
        path = ROOT / top
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), file


def imports_of(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def below(name, package):
    return name == package or name.startswith(f"{package}.")


MODULES = dict(modules())


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_lies_below_it(package):
    found = {name: file for name, file in MODULES.items() if below(name, package)}
    assert found, f"there is no {package} any more"
    for name, file in found.items():
        for imported in imports_of(file):
            if not any(below(imported, top) for top in ("crypto", "models", "tff_health")):
                continue
            assert any(below(imported, allowed) for allowed in ALLOWED[package]), (
                f"{name} imports {imported}"
            )


def test_every_package_has_its_place():
    lone = (
        "tff_health",
        "tff_health.doctor",
        "tff_health.quiet",
    )  # the package itself, and what looks at everything
    for name in MODULES:
        assert name in lone or any(below(name, package) for package in ALLOWED), name


@pytest.mark.parametrize("name", [n for n in MODULES if n.startswith(WITHOUT_TENSORFLOW)])
def test_no_tensorflow_where_there_must_be_none(name):
    for imported in imports_of(MODULES[name]):
        assert not any(below(imported, package) for package in TENSORFLOW), imported


def test_only_runtime_calls_protocols_and_only_flags_knows_absl():
    for name, file in MODULES.items():
        for imported in imports_of(file):
            if below(imported, "crypto"):
                encodes = below(imported, "crypto.encoding.fixed_point") or below(
                    imported, "crypto.errors"
                )
                allowed = ("crypto", "tff_health.runtime", *(["tff_health.aggregators"] * encodes))
                assert any(below(name, package) for package in allowed), name
            if below(imported, "absl"):
                assert name == "tff_health.flags"
            if below(imported, "tff_health.flags"):
                assert name == "run_experiments"


def test_imports_are_found_wherever_they_stand(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("def f():\n    from tensorflow import keras\n    import absl.flags as x\n")
    assert list(imports_of(file)) == ["tensorflow.keras", "absl.flags"]
