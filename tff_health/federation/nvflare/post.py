"""What carries letters: aux messages of NVFlare, or what stands for them in tests."""

from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

Take: TypeAlias = Callable[[bytes, str], bytes]
"""From what has come, and the name that NVFlare says it is from, to the answer."""

RUN: Final = "tff_health.federation/run"
"""Topic: a site asks for the server's run, with an empty message."""
LETTER: Final = "tff_health.federation/letter"
"""Topic: a letter; the answer is `ACCEPTED`, or says why it is refused."""
ACCEPTED: Final = b"accepted"
SERVER_NAME: Final = "server"
"""How NVFlare's clients call the server."""
MOST_REASON: Final = 300


class PostError(Exception):
    """A message did not arrive, or has no answer; the text says why."""


class Post(Protocol):
    """Sends and takes messages; its methods, and what they call, run in any thread."""

    def send(self, target: str, topic: str, data: bytes, seconds: float) -> bytes:
        """Sends a message, and returns the answer.

        Args:
            target: the name of the NVFlare client, or `SERVER_NAME`.
            topic: which of its listeners takes it.
            data: of any length up to NVFlare's limit, 4 GB.
            seconds: after which there is no answer.

        Raises:
            PostError: if there is none.
        """
        ...

    def listen(self, topic: str, take: Take) -> None:
        """Has messages of a topic taken; once for each topic."""
        ...


def refusal(error: Exception) -> bytes:
    """Returns the answer that says why a letter is refused."""
    return f"refused: {error}".encode()[:MOST_REASON]


def reason(answer: bytes) -> str:
    """Returns an answer fit to be printed."""
    text = answer[:MOST_REASON].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text) or "no answer"
