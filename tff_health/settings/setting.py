"""What a setting carries with it: default, help, what is allowed, and who uses it.

Nothing here imports a library, so that `--help` comes at once.
"""

import dataclasses
import math
import typing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tff_health.schemes import SCHEMES
from tff_health.settings.experiments import TRAINING
from tff_health.settings.renamed import present

_KEY = "setting"
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
}
_BASES = {"0x": 16, "0o": 8}


@dataclass(frozen=True)
class Range:
    """The numbers that are allowed.

    Attributes:
        least: the smallest; None for none.
        most: the largest; None for none.
        above: they must be larger; None if that is not asked.
        below: they must be smaller; infinity for finite numbers.
        far: an end so far off that it is told only to whom exceeds it; None for none.
        text: says so for people, if a number has a meaning of its own.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    far: float | None = None
    text: str = ""

    def allows(self, value: float) -> bool:
        """Whether it is in the range; NaN is in none."""
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
            and (self.far is None or value <= self.far)
        )

    def refusal(self, values: Sequence[float]) -> str:
        """Says what must be instead of values of which one is not allowed."""
        exceeds = self.far is not None and any(value > self.far for value in values)
        return f"must be at most {self.far}" if exceeds else f"must be {self}"

    def __str__(self) -> str:
        if self.text:
            return self.text
        finite = self.below == math.inf
        if self.least is None:
            low, join = f"above {self.above}", " and "
            high = "finite" if finite else ""
        else:
            low, join = f"{self.least} or more", ", and "
            high = "finite" if finite else ""
        if self.most is not None or (self.below is not None and not finite):
            high = f"below {self.below}" if self.most is None else f"at most {self.most}"
            if self.least is not None:
                low, join = f"from {self.least}", " to "
                high = high.removeprefix("at most ")
        return f"{low}{join}{high}" if high else low


MAX_COUNT = 10**9
COUNT = Range(least=1, far=MAX_COUNT)
"""Of settings that count something."""
# What float32, in which networks are trained, tells from 0 and from infinity.
_SMALLEST, _LARGEST = 1e-30, 1e30
POSITIVE = Range(
    least=_SMALLEST,
    most=_LARGEST,
    text=f"above 0 and finite, from {_SMALLEST} to {_LARGEST}",
)
"""Of settings that networks are trained with."""


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: of its flag, and in config.json and settings files.
        group: the field of `RunConfig` that holds it.
        field: its name there.
        kind: type of its value, or of the members if it has several.
        is_list: whether it has several, joined by commas on the command line.
        about: says what it is, in a sentence that stands by itself.
        default: None if it follows from preset and data set.
        default_text: says what the default is, where the value itself does not.
        range: of its numbers; None if any is allowed.
        choices: its values; none if others are allowed.
        unit: of its numbers.
        schemes: that use it; others accept the default alone.
        experiments: that use it; others refuse it.
        is_switch: whether its flag may stand alone, or with "no" before its name, for true or
            false; of other kinds than that, values have had these names.
        is_own: whether it is set by the program alone, and no flag.
    """

    name: str
    group: str
    field: str
    kind: type
    is_list: bool
    about: str
    default: Any
    default_text: str
    range: Range | None
    choices: tuple[Any, ...]
    unit: str
    schemes: tuple[str, ...]
    experiments: tuple[str, ...]
    is_switch: bool
    is_own: bool

    def problem(self, value: Any) -> str:
        """Says what is wrong with a value of the right kind, and what is allowed; "" if nothing."""
        values = value if self.is_list else (value,)
        if self.choices and not set(values) <= set(self.choices):
            return f"allowed are {', '.join(map(str, self.choices))}"
        if self.range and not all(map(self.range.allows, values)):
            return self.range.refusal(values)
        return ""

    def from_text(self, text: str) -> Any:
        """Returns the value that a text on the command line stands for.

        Raises:
            ValueError: saying what is allowed, if it stands for none.
        """
        if self.is_list:
            parts = [part.strip() for part in text.split(",")] if text else []
            return self._members(self._number(part) for part in parts)
        return self._number(text)

    def from_data(self, data: Any) -> Any:
        """Returns the value that stands in a file, of JSON or TOML.

        Raises:
            ValueError: saying what is allowed, if it is of another kind.
        """
        if not self.is_list:
            return self._single(data)
        if not isinstance(data, list):
            raise ValueError(f"must be {self.kind_text.replace('joined by commas', 'in a list')}")
        return self._members(self._single(one) for one in data)

    def _members(self, members: Iterable[Any]) -> tuple[Any, ...]:
        """Refuses texts that are empty, or there twice; numbers are checked where they are used."""
        found = tuple(members)
        if self.kind is str and ("" in found or len(set(found)) < len(found)):
            raise ValueError(f"must be {self.kind_text}, none empty and none twice")
        return found

    @property
    def kind_text(self) -> str:
        """The kind of its value, for people."""
        what = _KINDS[self.kind]
        if not self.is_list:
            return what
        return f"{what.removeprefix('a ')}s, joined by commas"

    def _number(self, text: str) -> Any:
        if self.kind is str:
            return present(self.name, text)
        try:
            return int(text, _BASES.get(text[:2], 10)) if self.kind is int else self.kind(text)
        except ValueError:
            raise ValueError(f"must be {self.kind_text}") from None

    def _single(self, data: Any) -> Any:
        is_number = isinstance(data, int | float) and not isinstance(data, bool)
        if self.is_list and self.kind is str and is_number:
            return f"{data:g}"  # of budgets, which name their runs
        if self.kind is float and is_number:
            return float(data)
        data = present(self.name, data)
        if type(data) is not self.kind:
            raise ValueError(f"must be {self.kind_text}")
        return data


def setting(
    about: str,
    default: Any = None,
    *,
    flag: str = "",
    default_text: str = "",
    range: Range | None = None,  # noqa: A002 - it is one
    choices: Sequence[Any] = (),
    unit: str = "",
    schemes: tuple[str, ...] = tuple(SCHEMES),
    experiments: tuple[str, ...] = TRAINING,
    is_switch: bool = False,
    is_own: bool = False,
) -> Any:
    """Returns the field of a group; the arguments are the attributes of `Setting`.

    Args:
        about: says what the setting is, in a sentence that stands by itself.
        default: None if it follows from preset and data set.
        flag: its name, if that differs from the field's.
        default_text: says what the default is, where the value itself does not.
        range: of its numbers.
        choices: its values.
        unit: of its numbers.
        schemes: that use it; all unless said otherwise.
        experiments: that use it; all that train unless said otherwise.
        is_switch: whether a text may be given like a switch, see `Setting`.
        is_own: whether it is set by the program alone.
    """
    carried = {
        **{"name": flag, "about": about, "default": default, "default_text": default_text},
        **{"range": range, "choices": tuple(choices), "unit": unit, "schemes": schemes},
        **{"experiments": experiments, "is_switch": is_switch, "is_own": is_own},
    }
    metadata = MappingProxyType({_KEY: carried})
    if default is None:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def settings_of(group: type, name: str) -> Iterator[Setting]:
    """Yields the settings that a group defines.

    Args:
        group: the dataclass.
        name: the field of `RunConfig` that holds it.
    """
    kinds = typing.get_type_hints(group)
    for field in dataclasses.fields(group):
        kind, members = kinds[field.name], typing.get_args(kinds[field.name])
        carried = field.metadata[_KEY]
        yield Setting(
            **{**carried, "name": carried["name"] or field.name},
            group=name,
            field=field.name,
            kind=members[0] if members else kind,
            is_list=bool(members),
        )
