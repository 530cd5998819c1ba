import ast
import subprocess
import sys
from pathlib import Path

CRYPTO = Path(__file__).parents[2] / "crypto"
MODULES = sorted(
    ".".join(path.relative_to(CRYPTO.parent).with_suffix("").parts) for path in CRYPTO.rglob("*.py")
)

# Each room imports from rooms above it in this list, and from itself; so there is no circle.
ROOMS = (
    *(
        "parties",
        "errors",
        "randomness",
        "domain",
        "operations",
        "processes",
        "wire",
        "codings",
        "codec",
    ),
    *("primitives", "encoding", "groups", "elgamal", "paillier", "proofs", "vector_schemes"),
    *("commitments", "norm_proofs", "session", "protocols"),
)
# What a protocol may take from others.
MADE_OF = {
    "dealing": (),
    "dkg": (),
    "masking": (),
    "pairwise_masking": ("masking",),
    "elgamal_sum": ("dkg",),
    "paillier_sum": (),
    "quality_sum": ("dkg", "masking", "pairwise_masking"),
    "homomorphic_sum": (),
    "sparse_sum": ("homomorphic_sum",),
    "verified_sum": ("masking", "pairwise_masking", "quality_sum"),
}


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


def _ours(path):
    """Yield the parts of each module of `crypto` that the file imports, without "crypto"."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "crypto":
            yield from ([alias.name] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("crypto."):
            yield node.module.split(".")[1:]


def test_each_room_imports_from_rooms_above_it():
    for path in CRYPTO.rglob("*.py"):
        if path == CRYPTO / "__init__.py":
            continue  # the public face, which imports what it names when it is asked for
        room = path.relative_to(CRYPTO).with_suffix("").parts[0]
        for imported in _ours(path):
            assert ROOMS.index(imported[0]) <= ROOMS.index(room), (path, imported)


def test_protocols_are_made_of_few_others():
    protocols = CRYPTO / "protocols"
    assert {path.name for path in protocols.iterdir() if path.is_dir()} - {"__pycache__"} == {
        *MADE_OF
    }
    for name, others in MADE_OF.items():
        for path in (protocols / name).rglob("*.py"):
            for imported in _ours(path):
                assert imported[0] != "protocols" or imported[1] in {name, *others}, (
                    path,
                    imported,
                )


def test_the_library_has_no_unsafe_habits():
    banned = {"pickle", "random", "logging", "os.environ", "secrets"}
    for path in CRYPTO.rglob("*.py"):
        assert not banned & set(_imports(path)), path
        tree = ast.parse(path.read_text())
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Assert)], path
        assert "numpy.random" not in path.read_text(), path
        assert "np.random" not in path.read_text(), path
