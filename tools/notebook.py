"""Runs docs/tour.ipynb from top to bottom and keeps what it shows: `python -m tools.notebook`.

Cells run in one namespace, as in Jupyter, which need not be installed. Of each cell its standard
output and Matplotlib's figures are kept.
"""

import base64
import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tour.ipynb"


def run(cells: list[dict[str, Any]]) -> None:
    """Runs the cells and replaces their outputs.

    Args:
        cells: of a notebook; changed in place.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    plt.show = lambda *_: None
    namespace: dict[str, Any] = {"__name__": "__main__"}
    number = 0
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        number += 1
        text = io.StringIO()
        source = "".join(cell["source"])
        with contextlib.redirect_stdout(text):
            exec(compile(source, f"cell {number}", "exec"), namespace)  # noqa: S102
        cell["execution_count"] = number
        cell["outputs"] = [*_said(text.getvalue()), *(_drawn(n) for n in plt.get_fignums())]
        plt.close("all")


def _said(text: str) -> list[dict[str, Any]]:
    lines = text.splitlines(keepends=True)
    return [{"name": "stdout", "output_type": "stream", "text": lines}] if lines else []


def _drawn(number: int) -> dict[str, Any]:
    from matplotlib import pyplot as plt

    file = io.BytesIO()
    plt.figure(number).savefig(file, format="png", dpi=90)
    data = base64.b64encode(file.getvalue()).decode()
    return {"data": {"image/png": data}, "metadata": {}, "output_type": "display_data"}


def main() -> None:
    """Runs the notebook and keeps its outputs in it, or in the file that is named."""
    target = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else NOTEBOOK
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        run(notebook["cells"])
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    target.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
