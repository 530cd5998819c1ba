"""What can happen to messages on their way, said as values and carried out by the channel."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from crypto.parties import Party


@dataclass(frozen=True)
class Drop:
    """The message never arrives."""


@dataclass(frozen=True)
class Delay:
    """The message arrives with those of a later stage.

    Attributes:
        until: that stage.
    """

    until: str


@dataclass(frozen=True)
class Duplicate:
    """The message arrives twice."""


@dataclass(frozen=True)
class Overtake:
    """The message arrives before those that were sent earlier in its stage: a reordering."""


@dataclass(frozen=True)
class Alter:
    """The message arrives changed.

    Attributes:
        change: from the bytes sent to the bytes that arrive.
    """

    change: Callable[[bytes], bytes]


Action: TypeAlias = Drop | Delay | Duplicate | Overtake | Alter


@dataclass(frozen=True)
class Fault:
    """One rule: what happens to the messages that match; None matches all.

    Attributes:
        action: what happens.
        stage: in which stage.
        sender: to messages of this party.
        receiver: to messages for this party.
    """

    action: Action
    stage: str | None = None
    sender: Party | None = None
    receiver: Party | None = None

    def matches(self, stage: str, sender: Party, receiver: Party) -> bool:
        """Tell whether the rule applies to a message."""
        return (
            self.stage in (None, stage)
            and self.sender in (None, sender)
            and self.receiver in (None, receiver)
        )
