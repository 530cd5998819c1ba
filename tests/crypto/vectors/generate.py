"""Makes all files with test vectors anew: `python -m tests.crypto.vectors.generate`."""

from tests.crypto.vectors import commitments, messages, norm_proofs, operations, proofs, sessions
from tests.crypto.vectors.form import write


def files():
    """File name -> a function that makes its content."""
    made = {
        "primitives.json": operations.vectors,
        "proofs.json": proofs.vectors,
        "commitments.json": commitments.vectors,
        "norm_proofs.json": norm_proofs.vectors,
        "messages.json": messages.content,
    }
    for name in sessions.SESSIONS:
        made[f"session_{name}.json"] = lambda name=name: sessions.content(
            name, *sessions.record(name)
        )
    return made


if __name__ == "__main__":
    for file, make in files().items():
        write(file, make())
