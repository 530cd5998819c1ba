import ast
import subprocess
import sys
from pathlib import Path

CRYPTO = Path(__file__).parents[2] / "crypto"
MODULES = sorted(
    ".".join(path.relative_to(CRYPTO.parent).with_suffix("").parts) for path in CRYPTO.rglob("*.py")
)

PROTOCOLS = (
    "crypto.masking",
    "crypto.pairwise_masking",
    "crypto.dkg",
    "crypto.elgamal_sum",
    "crypto.paillier_sum",
    "crypto.quality_sum",
    "crypto.homomorphic_sum",
)


def test_everything_imports_without_tensorflow():
    program = f"""
import importlib, sys
for name in ("tensorflow", "tensorflow_federated", "keras", "tff_health", "models"):
    sys.modules[name] = None  # any import of it raises
for module in {MODULES!r}:
    importlib.import_module(module.removesuffix(".__init__"))
assert not [name for name in sys.modules if name.startswith("tensorflow") and sys.modules[name]]
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=CRYPTO.parent)


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_primitives_know_no_protocol():
    for path in CRYPTO.glob("*.py"):
        if path.name == "__init__.py":
            continue  # the public face, which names protocols and imports them when asked
        assert not [name for name in _imports(path) if name.startswith(PROTOCOLS)], path


def test_the_library_has_no_unsafe_habits():
    banned = {"pickle", "random", "logging", "os.environ", "secrets"}
    for path in CRYPTO.rglob("*.py"):
        assert not banned & set(_imports(path)), path
        tree = ast.parse(path.read_text())
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Assert)], path
        assert "numpy.random" not in path.read_text(), path
        assert "np.random" not in path.read_text(), path
