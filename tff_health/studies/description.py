"""What a study is written down with: settings, data, parts, versions, machine."""

from collections.abc import Sequence
from typing import Any

from tff_health.studies.study import Part, Study
from tff_health.training import versions


def describe_study(study: Study, parts: Sequence[Part]) -> dict[str, Any]:
    """Returns the content of config.json; the data are those of the first part.

    Args:
        study: has the data.
        parts: its runs, each of which has a config.json of its own, too.
    """
    return {
        "config": study.config.as_dict(),
        "derived": {"runs": {part.name: part.config.as_dict() for part in parts}},
        "data": study.federated(parts[0].config).describe(),
        "versions": versions.versions(),
        "machine": versions.machine(),
    }
