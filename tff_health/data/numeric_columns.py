"""Numeric columns of a table of images, such as the age of patients, with their public ranges."""

import math
from dataclasses import dataclass

from tff_health.errors import ConfigError

FORM = "NAME:LOWEST:HIGHEST"


@dataclass(frozen=True)
class NumericColumn:
    """A column of numbers.

    Attributes:
        name: as in the first line of the table.
        low: the lowest value that counts, public; lower ones count as this.
        high: the highest that counts, likewise; above `low`.
    """

    name: str
    low: float
    high: float

    @classmethod
    def parse(cls, text: str) -> "NumericColumn":
        """Returns the column that a text such as "age:0:100" stands for.

        Raises:
            ConfigError: if it stands for none.
        """
        name, *ends = text.rsplit(":", 2)
        try:
            low, high = map(float, ends)
        except ValueError:
            raise ConfigError(f"numeric column '{text}': must be {FORM}, as age:0:100") from None
        if not name.strip() or not -math.inf < low < high < math.inf:
            raise ConfigError(
                f"numeric column '{text}': must have a name, and a lowest value below the highest"
            )
        return cls(name.strip(), low, high)
