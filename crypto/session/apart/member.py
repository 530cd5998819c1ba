"""A client that is apart, as it takes part in the sums of one protocol, round after round."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from crypto.errors import PolicyError, WrongTimeError, blaming
from crypto.parties import SERVER
from crypto.session.apart.participant import Call, Task
from crypto.session.client_session import Part
from crypto.session.messages import RoundInvitation

SUM: Final = "sum"
"""The task of a client in the stages of a sum."""

Given = TypeVar("Given")


@dataclass(frozen=True)
class Expected(Generic[Given]):
    """What a client is ready to take part in.

    Attributes:
        round_id: the training round.
        binding: digest of what the server gave this client; empty if it was nothing.
        give: from the invitation of a session to what the client gives in it, whose form may depend
            on how many take part. It may refuse the session: with a `PolicyError`, say.
    """

    round_id: int
    binding: bytes
    give: Callable[[RoundInvitation], Given] = field(repr=False)

    @classmethod
    def of(cls, round_id: int, binding: bytes, given: Given) -> "Expected[Given]":
        """Return what has the same to give in every session."""
        return cls(round_id, binding, lambda _: given)


@dataclass(frozen=True)
class _Joined(Generic[Given]):
    token: bytes
    part: Part[Given]
    given: Given = field(repr=False)


class SumMember(Generic[Given]):
    """One client's side of the sums of one protocol.

    It joins a session only for the round that it was made ready for, bound to the very broadcast
    that it was given, and has one session at a time.

    Args:
        join: lets the client accept an invitation, given the digest that it must be bound to.
        read: reads an invitation; refuses what is none.
        stages: of a session, in their order; the first invites.
        others: name -> what else the client does for the protocol, such as taking keys.
    """

    def __init__(
        self,
        join: Callable[[bytes, bytes], tuple[Part[Any], bytes]],
        read: Callable[[bytes], RoundInvitation],
        stages: Collection[str],
        others: Mapping[str, Task] | None = None,
    ) -> None:
        self._join = join
        self._read = read
        self._stages = tuple(stages)
        self._others = dict(others or {})
        self._expected: Expected[Given] | None = None
        self._joined: _Joined[Given] | None = None

    def expect(self, expected: Expected[Given] | None) -> None:
        """Be ready for one round, and for no other; None: for none."""
        self._expected = expected

    def tasks(self, label: str) -> dict[str, Task]:
        """Return what a participant does for this member.

        Args:
            label: as the server's channel has it.
        """
        tasks: dict[str, Task] = {SUM: self.answer, **self._others}
        return {f"{label}/{name}": task for name, task in tasks.items()}

    def answer(self, call: Call) -> bytes:
        """Take the step of a stage: accept the invitation in the first.

        Raises:
            PolicyError: naming the server, for a stage that there is not, or a session of another
                round than the client is ready for.
            WrongTimeError: naming the server, for a session that the client did not join.
            Others as the protocol's client.
        """
        if call.stage not in self._stages:
            raise PolicyError(f"{call.stage!r} is no stage; there are {self._stages}", SERVER)
        if call.stage == self._stages[0]:
            return self._accept(call)
        joined = self._joined
        if joined is None or joined.token != call.token:
            raise WrongTimeError("this client has not joined this session", SERVER)
        return joined.part.step(call.stage, call.data, joined.given)

    def _accept(self, call: Call) -> bytes:
        with blaming(SERVER):
            invitation = self._read(call.data)
        expected = self._expected
        if expected is None or expected.round_id != invitation.round_id:
            ready = "no round" if expected is None else f"round {expected.round_id}"
            found = f"a sum of round {invitation.round_id}; this client is ready for {ready}"
            raise PolicyError(found, SERVER)
        given = expected.give(invitation)
        part, answer = self._join(call.data, expected.binding)
        self._joined = _Joined(call.token, part, given)
        return answer
