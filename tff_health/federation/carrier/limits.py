"""What a carrier bears, how long it waits, and what it counts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Sizes, in bytes but for `waiting`.

    Attributes:
        message: the largest message.
        piece: of a message that travels at once.
        memory: of messages that have come to the server and are not read yet, or not whole; more
            is kept in files.
        largest: of such a message that is kept in memory at all; with larger ones the server would
            hold as many of them as there are sites.
        queued: of messages that wait to be sent to one party; a party that reads slower is cut off.
        waiting: messages of one party that wait to be read; then its stream is not read on.
    """

    message: int = 1 << 30
    piece: int = 1 << 18
    memory: int = 1 << 26
    largest: int = 1 << 23
    queued: int = 1 << 31
    waiting: int = 8


@dataclass(frozen=True)
class Pace:
    """Times, in seconds.

    Attributes:
        beat: between two signs of life.
        silence: after which the other side is taken for gone; also the longest time in which one
            piece must leave.
        probe: in which a party that seems to be connected twice must answer on its first stream.
    """

    beat: float = 5.0
    silence: float = 20.0
    probe: float = 3.0


@dataclass
class Traffic:
    """Counts the bytes of whole messages, over any number of connections.

    Attributes:
        sent: that began to leave.
        received: that came.
    """

    sent: int = 0
    received: int = 0


LIMITS = Limits()
PACE = Pace()
