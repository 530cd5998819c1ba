"""`python -m tff_health.data check`: says what is wrong with images before they are trained on."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from tff_health import flags
from tff_health.checking.check import check
from tff_health.checking.facts import Facts
from tff_health.checking.words import findings, lines, section
from tff_health.data import catalog, folders
from tff_health.data.contact_sheet import contact_sheet, sheet
from tff_health.data.federated import FederatedImages
from tff_health.data.images import LabelledImages
from tff_health.errors import ConfigError, DataError
from tff_health.reporting import figures
from tff_health.reporting.files import write_json
from tff_health.reporting.report import Report
from tff_health.settings.config import RunConfig
from tff_health.settings.images import share_out

_PAIRS, _COLUMNS = 8, 12  # pairs that are drawn, in rows that are as wide as those of classes


def run(
    name: str,
    flags_of_run: Sequence[str],
    environment: Mapping[str, str],
    json_file: Path | None,
    html_file: Path | None,
) -> str:
    """Checks a data set as a run with these flags would split and share it out.

    Args:
        name: of the data set, or a path.
        flags_of_run: as of `run_experiments.py`.
        environment: as `os.environ`.
        json_file: takes the facts; None for none.
        html_file: takes a report; None for none.

    Returns:
        what was found, for people.

    Raises:
        TffHealthError: if settings or data do not allow it, or a file cannot be written.
    """
    invocation = flags.parse(["check", *flags_of_run, f"--dataset={name}"], environment)
    if isinstance(invocation, str):
        raise ConfigError("--help: `python run_experiments.py --help` lists the settings")
    config = invocation.config
    if cache_dir := folders.cache_folder(environment):
        return _run(config, invocation.data_dir, cache_dir, json_file, html_file)
    with tempfile.TemporaryDirectory(prefix="tff_health-") as folder:
        return _run(config, invocation.data_dir, Path(folder), json_file, html_file)


def _run(
    config: RunConfig,
    data_dir: Path | None,
    cache_dir: Path,
    json_file: Path | None,
    html_file: Path | None,
) -> str:
    dataset = config.data.dataset
    reading = config.reading
    if dataset not in catalog.DATA_SETS:  # so that all that cannot be read is told at once
        reading = replace(reading, skip_unreadable=True)
    images = catalog.load(dataset, data_dir, cache_dir, reading)
    federated = share_out(config, images)
    facts = check(federated, config.partition.kind, cache_dir)
    told = lines(facts)
    told += [f"{'unreadable':14} {place}: {reason}" for place, reason in images.unreadable]
    if json_file:
        unreadable = [list(file) for file in images.unreadable]
        with _told(json_file):
            write_json(json_file, {**facts.as_json(), "unreadable_files": unreadable})
    if html_file:
        with _told(html_file):
            _write_page(html_file, facts, federated, images, config)
    return "\n".join(told)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Says which file cannot be written."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None


def _write_page(
    path: Path, facts: Facts, federated: FederatedImages, images: LabelledImages, config: RunConfig
) -> None:
    with tempfile.TemporaryDirectory(prefix="tff_health-") as name:
        folder = Path(name)
        first = figures.picture(contact_sheet(images), images.class_names)
        held = figures.class_counts(federated.training_counts(), images.class_names)
        drawn = [
            (figures.save(first, folder, "images"), "The first images of each class."),
            (
                figures.save(held, folder, "clients"),
                "Training examples by client and class; the darker, the larger its share there.",
            ),
        ]
        if facts.examples:
            pairs = facts.examples[:_PAIRS]
            picture = sheet(images, [np.array(pair.rows) for pair in pairs], _COLUMNS)
            named = [f"{one}, {other}" for one, other in (pair.rows for pair in pairs)]
            alike = figures.save(figures.picture(picture, named), folder, "alike")
            drawn.append((alike, "Images that are alike and should not be where they are."))
        Report(
            title=f"Images of {config.data_name}",
            subtitle=f"{facts.images:,} images, {facts.split} split, {facts.partition} partition "
            f"among {facts.clients} clients, seed {config.run.seed}",
            findings=[
                ("images", f"{facts.images:,}"),
                ("classes", str(len(facts.classes))),
                ("unreadable files", f"{sum(facts.unreadable.values()):,}"),
                ("sets of equal images", f"{facts.same.found:,}"),
                ("pairs that look the same", f"{facts.near.found:,}" if facts.near else "-"),
            ],
            warnings=findings(facts),
            sections=[section(facts, drawn)],
        ).save(path)
