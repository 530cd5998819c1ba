"""Verifies transcripts, each by itself and all beside each other, without any server."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from crypto.parties import AUTHORITY, SERVER, describe
from crypto.primitives.signatures import VerifyKey
from tff_health.federation.consortium.registry import Registry, read_registry
from tff_health.federation.errors import FederationError
from tff_health.federation.evidence.entries import START, Entry
from tff_health.federation.evidence.transcript import read_line, whole_lines

_AGREED: Final = ("binding", "cohort", "survivors", "model_before", "model_after")


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where.

    Attributes:
        path: of the file.
        line: of the file; 0 if it concerns no line.
        what: is wrong.
    """

    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        place = f"{self.path}, line {self.line}" if self.line else str(self.path)
        return f"{place}: {self.what}"


@dataclass(frozen=True)
class Seen:
    """An entry, and where it stands."""

    path: Path
    line: int
    entry: Entry

    def problem(self, what: str) -> Problem:
        """Returns a problem of this entry."""
        return Problem(self.path, self.line, what)


@dataclass(frozen=True)
class Verdict:
    """What verifying a folder has found.

    Attributes:
        transcripts: files that were read.
        entries: that hold by themselves.
        problems: everything that is wrong.
    """

    transcripts: int
    entries: int
    problems: tuple[Problem, ...]


def verify_folder(folder: Path) -> Verdict:
    """Verifies all transcripts (`*.jsonl`) in a folder and below.

    Args:
        folder: holds the registries too that were in force (`registry*.json`), all by one CA.

    Raises:
        FederationError: if there are no transcripts or no registries, or they are of several CAs.
    """
    registries = _registries(folder)
    paths = sorted(folder.rglob("*.jsonl"))
    if not paths:
        raise FederationError(f"{folder}: has no transcripts; their names end in .jsonl")
    seen, problems = [], []
    for path in paths:
        for found in _verify_file(path, registries):
            if isinstance(found, Problem):
                problems.append(found)
            else:
                seen.append(found)
    problems += [*_of_rounds(seen), *_of_absences(seen), *_of_repeats(seen), *_of_models(seen)]
    return Verdict(len(paths), len(seen), tuple(problems))


def _registries(folder: Path) -> Mapping[bytes, Registry]:
    if not folder.is_dir():
        raise FederationError(f"{folder}: is no folder")
    found = [read_registry(path) for path in sorted(folder.rglob("registry*.json"))]
    if not found:
        raise FederationError(
            f"{folder}: has no registry*.json, by which signatures are verified: put those that "
            "were in force beside the transcripts"
        )
    if len({registry.ca for registry in found}) > 1:
        raise FederationError(f"{folder}: its registries are of different consortia")
    return {registry.digest: registry for registry in found}


def _verify_file(path: Path, registries: Mapping[bytes, Registry]) -> Iterator[Seen | Problem]:
    try:
        content = path.read_bytes()
    except OSError as error:
        yield Problem(path, 0, f"cannot be read: {error.strerror}")
        return
    lines, end = whole_lines(content)
    previous, first = START, None
    for number, line in enumerate(lines, start=1):
        try:
            entry = read_line(line, number, previous, lambda found: _key(found, registries))
        except FederationError as error:
            yield Problem(path, number, f"{error}; what follows is not verified")
            return
        previous = hashlib.sha256(line).hexdigest()
        first = first or entry
        if entry.name != first.name:
            yield Problem(path, number, f"it is of {entry.name}, and line 1 of {first.name}")
        yield Seen(path, number, entry)
    if end < len(content):
        yield Problem(path, len(lines) + 1, "the last line is unfinished: a program was killed")


def _key(entry: Entry, registries: Mapping[bytes, Registry]) -> VerifyKey:
    registry = registries.get(entry.told.registry)
    if registry is None:
        raise FederationError(
            f"the registry with digest {entry.told.registry.hex()} is not in the folder"
        )
    if entry.party == SERVER:
        return registry.server.verify_key
    member = registry.member(entry.party)
    if member.name != entry.name:
        raise FederationError(f"{describe(entry.party)} is {member.name}, not {entry.name}")
    return member.verify_key


def _of_rounds(seen: Iterable[Seen]) -> Iterator[Problem]:
    """Yields where parties tell a round differently."""
    by_round: dict[Any, list[Seen]] = defaultdict(list)
    for one in seen:
        by_round[one.entry.told.name].append(one)
    for group in by_round.values():
        for what in _AGREED:
            told = [(getattr(one.entry.told, what), one) for one in group]
            known = [(value, one) for value, one in told if value is not None]
            for value, one in known[1:]:
                first_value, first = known[0]
                if value != first_value:
                    other = f"{_shown(first_value)} in {first.path.name}, line {first.line}"
                    yield one.problem(f"{what.replace('_', ' ')} is {_shown(value)}, and {other}")


def _of_absences(seen: list[Seen]) -> Iterator[Problem]:
    """Yields rounds that a party whose transcript is here took part in, and does not tell of."""
    files = {one.entry.party: one.path for one in seen}
    told = {(one.entry.party, one.entry.told.name) for one in seen}
    missed: set[Any] = set()
    for one in seen:
        here = one.entry.told
        for party in (SERVER, AUTHORITY, *(here.survivors or ())):
            if party in files and (party, here.name) not in told | missed:
                missed.add((party, here.name))
                yield Problem(
                    files[party],
                    0,
                    f"does not tell of round {here.round_id}, as {one.path.name} does in "
                    f"line {one.line}: entries were taken from its end, or never written",
                )


def _of_repeats(seen: Iterable[Seen]) -> Iterator[Problem]:
    """Yields rounds of which a party has opened a second sum by the same protocol."""
    first: dict[Any, tuple[bytes, Seen]] = {}
    for one in seen:
        told = one.entry.told
        for protocol, opened in told.sessions:
            if not opened:
                continue
            key = one.entry.party, told.name, protocol
            known, where = first.setdefault(key, (opened, one))
            if known != opened:
                yield one.problem(
                    f"a second sum of round {told.round_id}; the first is in line {where.line}"
                )


def _of_models(seen: Iterable[Seen]) -> Iterator[Problem]:
    """Yields rounds that do not go on from the model with which the round before ended."""
    after: dict[Any, tuple[bytes, Seen]] = {}
    for one in seen:
        told = one.entry.told
        if told.model_after is not None:
            after.setdefault(told.name, (told.model_after, one))
    for one in seen:
        told = one.entry.told
        model, former = after.get((told.study, told.round_id - 1), (None, None))
        if former and told.model_before not in (None, model):
            yield one.problem(
                f"round {told.round_id} began with another model than that with which "
                f"{former.path.name}, line {former.line}, ended round {told.round_id - 1}"
            )


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()[:16]
    if isinstance(value, tuple):
        return "{" + ", ".join(map(str, value)) + "}"
    return str(value)
