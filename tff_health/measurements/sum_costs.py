"""What one secure sum costs by each protocol that could compute it, measured message by message.

Every contender runs a session of its own protocol over the same numbers: updates in fixed point,
shifted to lie at 0 or above, or, for those that sum a single number, one number a client. A first,
short session makes keys and tables; then sessions over the vector are recorded. What would take too
long is run on the first values of the vector, and what depends on their number is scaled up.
"""

import statistics
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.fixed_point import FixedPoint
from crypto.errors import ParameterError
from crypto.session.costs import Costs
from crypto.session.secure_sum import IntegerSum, SecureSum
from tff_health.errors import RunError
from tff_health.measurements.contenders import Contender

_REPEATS, _CHEAP_SECONDS = 3, 2.0
_SCALE = 0.1  # of the clip range: the standard deviation of updates


@dataclass(frozen=True)
class SumTask:
    """What is to be summed.

    Attributes:
        length: numbers in a client's vector.
        num_clients: how many clients there are.
        encoding: of the numbers.
        seed: they are drawn from.
    """

    length: int
    num_clients: int
    encoding: FixedPoint
    seed: int

    @property
    def value_bits(self) -> int:
        """Bits of an encoded number that is shifted to lie at 0 or above."""
        return (2 * self.encoding.bound).bit_length()

    def updates(self, length: int) -> list[NDArray[np.float32]]:
        """Return the first numbers of every client's vector: normal, clipped to the range."""
        rng = np.random.default_rng(self.seed)
        clip = self.encoding.clip_range
        return [
            np.clip(rng.normal(0, _SCALE * clip, length), -clip, clip).astype(np.float32)
            for _ in range(self.num_clients)
        ]


@dataclass(frozen=True)
class SumCost:
    """What a contender's sum costs; seconds of computing, bytes of encoded messages.

    Attributes:
        key: of the contender.
        name: of the contender.
        sums: "vector" or "number".
        security_bits: of the contender.
        survives: of the contender.
        length: numbers in a client's vector.
        measured: how many of them were summed; if fewer, the costs of a sum are extrapolated.
        repeats: recorded sessions; seconds are medians over them.
        seconds_key: making keys and tables, once for all rounds, by all parties.
        seconds_client: one client in one sum.
        seconds_server: the server in one sum.
        seconds_holder: who decrypts, in one sum.
        bytes_up: one client's messages.
        bytes_down: messages to one client, without the model.
        largest_error: of the decoded mean against the mean of the numbers in float64.
        problem: why it could not be run; all else is 0 then.
    """

    key: str
    name: str
    sums: str
    security_bits: int
    survives: bool
    length: int
    measured: int = 0
    repeats: int = 0
    seconds_key: float = 0.0
    seconds_client: float = 0.0
    seconds_server: float = 0.0
    seconds_holder: float = 0.0
    bytes_up: int = 0
    bytes_down: int = 0
    largest_error: float = 0.0
    problem: str = ""

    @property
    def is_extrapolated(self) -> bool:
        """Whether the costs of a sum were scaled up."""
        return not self.problem and self.measured < self.length

    @property
    def seconds_round(self) -> float:
        """One sum, all clients at once."""
        return self.seconds_client + self.seconds_server + self.seconds_holder


def measure(contender: Contender, task: SumTask, preset: str) -> SumCost:
    """Run a contender's sessions and return what they cost; a problem stands in the result.

    Args:
        contender: what is run.
        task: what is summed.
        preset: says how many numbers at most.

    Raises:
        RunError: if a sum is not the sum.
    """
    length = task.length if contender.sums == "vector" else 1
    known = (contender.key, contender.name, contender.sums, contender.security_bits)
    size = max(1, min(length, contender.values[preset] // task.num_clients))
    try:
        run = _Sessions(contender.build(), task, size)
        run.set_up()
        seconds, costs = run.record()
    except ParameterError as error:
        return SumCost(*known, contender.survives, length, problem=str(error))
    scale, clients = length / size, task.num_clients
    return SumCost(
        *known,
        contender.survives,
        length,
        measured=size,
        repeats=len(seconds),
        seconds_key=run.seconds_set_up,
        seconds_client=scale * statistics.median(s[0] for s in seconds) / clients,
        seconds_server=scale * statistics.median(s[1] for s in seconds),
        seconds_holder=scale * statistics.median(s[2] for s in seconds),
        bytes_up=round(scale * costs.bytes_up / clients),
        bytes_down=round(costs.bytes_down / clients),
        largest_error=run.largest_error,
    )


class _Sessions:
    """The sessions of one protocol over the first numbers of the clients' vectors."""

    def __init__(self, protocol: SecureSum, task: SumTask, size: int) -> None:
        self._protocol = protocol
        self._task = task
        self._updates = task.updates(size)
        bound = task.encoding.bound
        self._vectors = {
            client: (task.encoding.encode(update) + bound).astype(np.uint64)
            for client, update in enumerate(self._updates)
        }
        self._sessions = 0
        self.seconds_set_up = 0.0
        self.largest_error = 0.0

    def set_up(self) -> None:
        """Make what is made once, by a session over one number."""
        first = {client: vector[:1] for client, vector in self._vectors.items()}
        start = time.perf_counter()
        self._run(first)
        self.seconds_set_up = time.perf_counter() - start

    def record(self) -> tuple[list[tuple[float, float, float]], Costs]:
        """Return the seconds of clients, server and key holder of each session, and one's costs."""
        seconds: list[tuple[float, float, float]] = []
        while True:
            start = time.perf_counter()
            costs = self._run(self._vectors)
            seconds.append((costs.client_seconds, costs.server_seconds, costs.authority_seconds))
            if len(seconds) == _REPEATS or time.perf_counter() - start > _CHEAP_SECONDS:
                return seconds, costs

    def _run(self, vectors: dict[int, NDArray[np.uint64]]) -> Costs:
        bits, clients = self._task.value_bits, self._task.num_clients
        self._sessions += 1
        if isinstance(self._protocol, IntegerSum):
            result = self._protocol.sum_integers(vectors, bits, round_id=self._sessions)
        else:
            modulus_bits = (clients * ((1 << bits) - 1)).bit_length()
            result = self._protocol.sum(vectors, modulus_bits, round_id=self._sessions)
        expected = np.sum(list(vectors.values()), axis=0)
        if not np.array_equal(result.sum, expected):
            raise RunError(f"{type(self._protocol).__name__} returned a sum that is not the sum")
        total = result.sum.astype(np.int64) - clients * self._task.encoding.bound
        mean = self._task.encoding.decode(total) / clients
        exact = np.mean([u[: len(mean)].astype(np.float64) for u in self._updates], axis=0)
        self.largest_error = float(np.abs(mean - exact).max())
        return result.costs
