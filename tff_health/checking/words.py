"""What was found about images, for people: lines, and a section of a report."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tff_health.checking.alike import HASH_BITS, NEAR_BITS
from tff_health.checking.facts import Copies, Facts
from tff_health.reporting.report import Section
from tff_health.reporting.tables import Cell, Table

_HOW = f"perceptual hashes (pHash) that differ in at most {NEAR_BITS} of {HASH_BITS} bits"


def listed(counts: Mapping[str, int]) -> str:
    """Returns names with their counts."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def lines(facts: Facts) -> list[str]:
    """Returns all facts, one a line."""
    told = {
        "data set": facts.name,
        "read from": facts.form,
        "images": f"{facts.images:,} of {'x'.join(map(str, facts.image_shape))}",
        "classes": listed(facts.classes),
        "unreadable": listed(facts.unreadable) or "none",
        "split": f"{facts.split}: {facts.test_images:,} images are tested on; "
        f"{facts.clients} clients share the rest ({facts.partition})",
    }
    for site, classes in (facts.sites or {}).items():
        told[f"site {site}"] = f"{sum(classes.values()):,}: {listed(classes)}"
    if facts.groups:
        told["groups"] = _groups(facts)
    told["same pixels"] = _same(facts)
    told["look the same"] = _near(facts)
    found = [f"{name:14} {text}" for name, text in told.items()]
    for example in facts.examples:
        kind = "same pixels" if example.is_same else "look the same"
        rows = f"images {example.rows[0]} and {example.rows[1]}"
        found.append(f"{kind:14} {rows} (counted from 0): {', '.join(example.wrong)}")
    return [*found, f"{'digest':14} {facts.digest}"]


def findings(facts: Facts) -> list[str]:
    """Returns what a reader must not overlook, a sentence each."""
    found = []
    if facts.unreadable:
        found.append(f"{sum(facts.unreadable.values()):,} files could not be read.")
    for copies, what in ((facts.same, "sets of equal images"), (facts.near, "near duplicates")):
        for number, where in _wrong(copies) if copies else ():
            if number:
                found.append(f"{number:,} {what} {where}.")
    if facts.groups and facts.groups.in_training_and_test:
        found.append(
            f"{facts.groups.in_training_and_test:,} groups stand in training and test: the test "
            "part is no measure of how new groups are classified."
        )
    one_site = [name for name, count in _sites_with(facts).items() if count == 1]
    if len(facts.sites or {}) > 1 and one_site:
        found.append(f"Only one site has images of: {', '.join(one_site)}.")
    return found


def section(facts: Facts, figures: Sequence[tuple[Path, str]] = ()) -> Section:
    """Returns the facts as a section of a report.

    Args:
        facts: what was found.
        figures: SVG files to show with it, each with its caption.
    """
    paragraphs = [f"{facts.form}.", *findings(facts)]
    if facts.groups:
        paragraphs.append(f"Groups: {_groups(facts)}.")
    paragraphs.append(f"Same pixels: {_same(facts)}. Look the same: {_near(facts)}.")
    return Section("Data", paragraphs, figures=figures, tables=_tables(facts))


def _tables(facts: Facts) -> list[Table]:
    names, sites = tuple(facts.classes), facts.sites or {}
    rows: list[tuple[Cell, ...]] = [
        (site, *classes.values(), sum(classes.values())) for site, classes in sites.items()
    ]
    rows.append(("all", *facts.classes.values(), facts.images))
    found = [Table("images", "Images by site and class", ("site", *names, "all"), rows)]
    if facts.unreadable:
        reasons = [*facts.unreadable.items()]
        found.append(Table("unreadable", "Files left out", ("reason", "files"), reasons))
    if facts.examples:
        pairs = [
            (*example.rows, "pixels" if example.is_same else "looks", ", ".join(example.wrong))
            for example in facts.examples
        ]
        title = "The first images that are alike and should not be where they are"
        found.append(Table("alike", title, ("image", "and", "same", "in"), pairs))
    return found


def _sites_with(facts: Facts) -> dict[str, int]:
    """How many sites have images of each class."""
    sites = (facts.sites or {}).values()
    return {name: sum(classes[name] > 0 for classes in sites) for name in facts.classes}


def _groups(facts: Facts) -> str:
    groups = facts.groups
    assert groups is not None  # noqa: S101 - asked by callers
    return (
        f"{groups.number:,}, {groups.alone:,} of one image, the largest of {groups.largest:,}; "
        f"{groups.with_several_labels:,} with several labels, {groups.in_training_and_test:,} in "
        f"training and test, {groups.at_several_clients:,} at several clients"
    )


def _same(facts: Facts) -> str:
    if not facts.same.found:
        return "none"
    return f"{facts.same.found:,} sets of {facts.same.images:,} images; {_where(facts.same)}"


def _near(facts: Facts) -> str:
    if facts.near is None:
        return (
            f"not looked for among {facts.images:,} images (python -m tff_health.data check does)"
        )
    if not facts.near.found:
        return f"none by {_HOW}"
    number = f"{facts.near.found:,} pairs" if facts.near_is_all else f"over {facts.near.found:,}"
    return f"{number}, by {_HOW}; {_where(facts.near)}"


def _wrong(copies: Copies) -> list[tuple[int, str]]:
    return [
        (copies.in_training_and_test, "stand in training and test"),
        (copies.at_several_clients, "stand at several clients"),
        (copies.of_several_groups or 0, "are of several groups"),
        (copies.with_several_labels, "have several labels"),
    ]


def _where(copies: Copies) -> str:
    told = _wrong(copies)
    if copies.of_several_groups is None:
        told.pop(2)
    return ", ".join(f"{number:,} {where}" for number, where in told)
