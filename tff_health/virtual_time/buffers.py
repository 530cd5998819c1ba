"""Buffers of updates that clients finish at their own pace (FedBuff, Nguyen et al. 2022).

A client that was given a version of the model trains on it, says that it is done, and waits for the
next version. When K clients are done, one secure sum among just these K makes the next version;
nobody waits for the others, who go on with the version that they have. A version's number is that
of the buffers before it, so each client has each version once at most, and each update is in one
sum alone.
"""

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import astuple, dataclass


@dataclass(frozen=True, order=True)
class Work:
    """A client's training on one version, in the order in which they are done.

    Attributes:
        done: virtual seconds since the start of the run.
        client: whose.
        version: of the model, from 0.
    """

    done: float
    client: int
    version: int


class Buffers:
    """Who trains on what, and which buffer is filled when.

    Attributes:
        now: virtual seconds since the start of the run.
        version: of the newest model.
        training: the clients' work that no buffer has taken yet.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.version = 0
        self.training: list[Work] = []

    @property
    def text(self) -> str:
        """The state, for `restore`."""
        return json.dumps([self.now, self.version, [astuple(work) for work in self.training]])

    def restore(self, text: str) -> None:
        """Goes on from the text of an earlier process."""
        self.now, self.version, training = json.loads(text)
        self.training = [Work(*work) for work in training]

    @property
    def busy(self) -> frozenset[int]:
        """The clients that train, or have trained and wait for a buffer."""
        return frozenset(work.client for work in self.training)

    @property
    def versions(self) -> frozenset[int]:
        """The versions that clients train on."""
        return frozenset(work.version for work in self.training)

    def start(self, clients: Iterable[int], seconds_of: Callable[[int], float]) -> None:
        """Gives clients that are not busy the newest version.

        Args:
            clients: who.
            seconds_of: how long a client takes until it is done.
        """
        self.training += [Work(self.now + seconds_of(c), c, self.version) for c in clients]

    def fill(self, size: int, excluded: Collection[int] = ()) -> tuple[Work, ...]:
        """Takes the first so many that are done, or fewer if no more train; time goes on.

        Args:
            size: K.
            excluded: clients whose work is dropped.
        """
        left = sorted(work for work in self.training if work.client not in excluded)
        taken, self.training = tuple(left[:size]), left[size:]
        self.now = max([self.now, *(work.done for work in taken)])
        return taken

    def close(self, seconds: float) -> None:
        """Ends the sum of the last buffer, which took so long, with a next version.

        A sum that was lost makes one too, with the model as it was.
        """
        self.now += seconds
        self.version += 1


def staleness_weight(kind: str, age: int) -> float:
    """Returns what an update counts whose version is `age` buffers old (section 5.1 there).

    Args:
        kind: "none" for 1, "root" for 1 / sqrt(1 + age).
        age: 0 or more.

    Raises:
        ValueError: if the kind is none of these.
    """
    if kind == "none":
        return 1.0
    if kind == "root":
        return 1.0 / (1 + age) ** 0.5
    raise ValueError(f"staleness '{kind}' is none of none, root")
