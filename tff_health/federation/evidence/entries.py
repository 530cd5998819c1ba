"""An entry of a transcript: the sums of one round, as one party has them. None of it is secret."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Self

from crypto.parties import AUTHORITY, MAX_CLIENT_ID, SERVER, ClientId, Party
from tff_health.federation.consortium.digests import canonical
from tff_health.federation.errors import FederationError

SUMMED: Final = "summed"
"""The outcome of a round that gave sums; all others say what ended it."""
START: Final = "0" * 64
"""What the first entry of a transcript follows on."""
_HEX: Final = re.compile(r"[0-9a-f]*")
_MOST_TEXT: Final = 300
_MOST: Final = 2**63


@dataclass(frozen=True, kw_only=True)
class RoundSessions:
    """What a party knows of the sessions of one round.

    Attributes:
        study: digest of the study.
        registry: digest of the registry in force.
        round_id: the training round.
        binding: the digest that all its sessions are bound to: of study, round, and the model that
            was shown.
        sessions: protocol -> the session in which the party has given what opens its sum, in
            increasing order of protocols; empty bytes if it has in none, as the server. Of an
            authority, or key holder: what it did -> SHA-256 of what it was asked before and the
            SHA-256 of what it was asked last.
        cohort: the clients that were invited, in increasing order; None if the party was not told.
        survivors: those that the sums are over, likewise.
        outcome: `SUMMED`, or what ended the round.
        model_before: digest of the model that was trained on; None if the party has not seen it.
        model_after: digest of the model that followed; None if the party has not seen it.
        epsilon: what this study has spent, as the party counts it: a site of its own data, the
            server of the client that spent most; None without differential privacy.
        bytes_up: of messages from clients, as far as the party sent or took them.
        bytes_down: of messages to clients, likewise.
    """

    study: bytes
    registry: bytes
    round_id: int
    binding: bytes
    sessions: tuple[tuple[str, bytes], ...]
    cohort: tuple[ClientId, ...] | None
    survivors: tuple[ClientId, ...] | None
    outcome: str
    model_before: bytes | None
    model_after: bytes | None
    epsilon: float | None
    bytes_up: int
    bytes_down: int

    @property
    def name(self) -> tuple[bytes, int]:
        """What names the round: study and number."""
        return self.study, self.round_id

    def to_data(self) -> dict[str, Any]:
        """Returns the round as JSON has it."""
        data = {
            field.name: _TO_DATA[type(value)](value)
            for field in dataclasses.fields(self)
            for value in [getattr(self, field.name)]
        }
        return data | {"sessions": {name: opened.hex() for name, opened in self.sessions}}

    @classmethod
    def from_data(cls, data: Any) -> Self:
        """Reads what `to_data` wrote; FederationError if it did not."""
        if not isinstance(data, dict) or set(data) != set(_READERS):
            raise FederationError("it tells of no round")
        found = {}
        for name, reader in _READERS.items():
            try:
                found[name] = reader(data[name])
            except (TypeError, ValueError):
                raise FederationError(f"its {name} is none") from None
        return cls(**found)


@dataclass(frozen=True)
class Entry:
    """One line of a transcript, without its signature.

    Attributes:
        number: 1 for the first line.
        previous: SHA-256 of the line before, in hexadecimal digits.
        time: Unix time, in seconds, of the party's clock.
        name: of the party, as in the registry.
        party: who it is.
        told: what it knows of the sessions of a round.
    """

    number: int
    previous: str
    time: int
    name: str
    party: Party
    told: RoundSessions

    def to_data(self) -> dict[str, Any]:
        """Returns the entry as JSON has it."""
        return {**vars(self), "told": self.told.to_data()}

    def to_bytes(self) -> bytes:
        """Returns what is signed."""
        return canonical(self.to_data())

    @classmethod
    def from_data(cls, data: Any) -> Self:
        """Reads what `to_data` wrote; FederationError if it did not."""
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(data, dict) or set(data) != names:
            raise FederationError("it is no entry of a transcript")
        try:
            return cls(
                _count(data["number"]),
                _hexadecimal(data["previous"]).hex(),
                _count(data["time"]),
                _text(data["name"]),
                _party(data["party"]),
                RoundSessions.from_data(data["told"]),
            )
        except (TypeError, ValueError):
            raise FederationError("it is no entry of a transcript") from None


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _MOST:
        raise ValueError
    return value


def _hexadecimal(value: Any) -> bytes:
    if not isinstance(value, str) or len(value) > 128 or not _HEX.fullmatch(value):
        raise ValueError
    return bytes.fromhex(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_TEXT or not value.isprintable():
        raise ValueError
    return value


def _party(value: Any) -> Party:
    if value not in (SERVER, AUTHORITY):
        return _client(value)
    party: Party = value
    return party


def _client(value: Any) -> ClientId:
    if _count(value) > MAX_CLIENT_ID:
        raise ValueError
    return int(value)


def _clients(value: Any) -> tuple[ClientId, ...]:
    found = tuple(map(_client, value))
    if list(found) != sorted(set(found)):
        raise ValueError
    return found


def _sessions(value: Any) -> tuple[tuple[str, bytes], ...]:
    if not isinstance(value, dict):
        raise ValueError
    return tuple((_text(name), _hexadecimal(opened)) for name, opened in sorted(value.items()))


def _epsilon(value: Any) -> float:
    if isinstance(value, str):
        if value != "inf":
            raise ValueError
        return float(value)
    if type(value) is not float or not 0 <= value < float("inf"):
        raise ValueError
    return value


def _or_none(reader: Any) -> Any:
    return lambda value: None if value is None else reader(value)


def _float_to_data(value: float) -> float | str:
    return "inf" if value == float("inf") else float(value)


_TO_DATA: Final[Mapping[type, Any]] = MappingProxyType(
    {
        **{bytes: bytes.hex, tuple: list, int: int, str: str, float: _float_to_data},
        type(None): lambda value: value,
    }
)
_READERS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        **{"study": _hexadecimal, "registry": _hexadecimal, "round_id": _count},
        **{"binding": _hexadecimal, "sessions": _sessions, "cohort": _or_none(_clients)},
        **{"survivors": _or_none(_clients), "outcome": _text},
        **{"model_before": _or_none(_hexadecimal), "model_after": _or_none(_hexadecimal)},
        **{"epsilon": _or_none(_epsilon), "bytes_up": _count, "bytes_down": _count},
    }
)
