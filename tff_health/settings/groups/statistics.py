"""Settings of federated statistics."""

from dataclasses import dataclass

from tff_health.data.numeric_columns import FORM
from tff_health.settings.setting import Range, setting

_EXPERIMENT = ("statistics",)


@dataclass(frozen=True, kw_only=True)
class StatisticsSettings:
    """Which statistics are computed over all clients' data."""

    numeric_columns: tuple[str, ...] = setting(
        f"Numeric columns of the table of images, such as the age of patients, each as {FORM}. The "
        "range is public: choose it beforehand, and not from the data.",
        (),
        experiments=_EXPERIMENT,
    )
    histogram_bins: int = setting(
        "Bins of the histogram of each numeric column.",
        20,
        range=Range(least=2, most=1000),
        experiments=_EXPERIMENT,
    )
