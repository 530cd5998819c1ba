"""report.html: one file that needs no other, for people."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
from markupsafe import Markup

from tff_health.reporting.files import write_text
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Table, show


@dataclass(frozen=True)
class Section:
    """A part of a report: a heading, paragraphs, figures (SVG files, each with a caption), tables.

    A section that is `folded` shows its heading until the reader opens it.
    """

    heading: str
    paragraphs: Sequence[str] = ()
    figures: Sequence[tuple[Path, str]] = ()
    tables: Sequence[Table] = ()
    listing: str = ""
    folded: bool = False

    @property
    def anchor(self) -> str:
        """Where links to it lead, within the page."""
        return "-".join(re.findall(r"\w+", self.heading.lower()))


@dataclass(frozen=True)
class Report:
    """What stands in a report.html.

    Attributes:
        title: of the page.
        subtitle: the settings that a reader must know, in a line.
        findings: what was found, the most important first; a name and a value each.
        lead: the same in a sentence or two, for who reads no further; may be empty.
        warnings: what a reader must not overlook.
        sections: the rest, in order.
    """

    title: str
    subtitle: str
    findings: Sequence[tuple[str, str]]
    lead: str = ""
    warnings: Sequence[str] = ()
    sections: Sequence[Section] = field(default_factory=tuple)

    def save(self, path: Path) -> None:
        """Writes the page; figures are embedded, and nothing is loaded from elsewhere."""
        loader = jinja2.FileSystemLoader(Path(__file__).parent)
        environment = jinja2.Environment(
            loader=loader, autoescape=True, undefined=jinja2.StrictUndefined
        )
        environment.filters["show"] = show
        environment.filters["inline_svg"] = _inline_svg
        write_text(path, environment.get_template("report.html.jinja").render(report=self))


def configuration(folder: ResultsFolder) -> Section:
    """Returns the section that shows config.json, folded."""
    return Section("Configuration", listing=json.dumps(folder.description, indent=2), folded=True)


def citing(folder: ResultsFolder) -> Section:
    """Returns the section that says how to run the same again, and how to cite it."""
    version = folder.description.get("versions", {}).get("tff_health", "")
    return Section(
        "How to repeat and cite this",
        [
            "config.json beside this page has every setting, the data's digests, versions and "
            "machine; the command below gives the same results again, times apart. The papers "
            "behind the schemes are listed in CITATION.cff of the project."
        ],
        listing=f"python run_experiments.py --settings=config.json\n\n{_BIBTEX % version}",
        folded=True,
    )


_BIBTEX = """@software{tff_health,
  title = {tff_health: privacy-preserving federated learning for healthcare},
  author = {{The contributors of tff_health}},
  version = {%s},
}"""


def _inline_svg(path: Path) -> Markup:
    # Ours, drawn by Matplotlib: the XML header goes, as HTML has its own.
    text = path.read_text(encoding="utf-8")
    return Markup(text[text.index("<svg") :])  # noqa: S704
