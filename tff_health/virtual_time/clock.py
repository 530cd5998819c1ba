"""The virtual time of a round: steps, computing of protocols, and bytes over lines."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tff_health.errors import RunError
from tff_health.virtual_time.profiles import Profile

NO_STAGE = ""
"""The one stage of schemes without a protocol, in which clients drop out."""


@dataclass(frozen=True)
class Computing:
    """Seconds of one stage on the reference computer.

    Attributes:
        client: of one client.
        server: of the server.
    """

    client: float = 0.0
    server: float = 0.0


@dataclass(frozen=True)
class Crossing:
    """Bytes of one stage, of one client.

    Attributes:
        up: that it sends.
        down: that it receives.
    """

    up: float = 0.0
    down: float = 0.0


@dataclass(frozen=True)
class Clock:
    """What takes how long.

    Training happens before the upload: its stage takes the model down, the steps, what the protocol
    computes there, and the upload. Other stages last until the slowest of those that answer has
    answered. The server works when all have answered. A client that vanishes is not waited for, as
    its line is seen to break.

    Attributes:
        profiles: of all clients.
        step_seconds: of one training step, on the reference computer.
        stages: of the scheme's protocol, in order; one that is named "" for a scheme without any.
        upload_stage: the one in which updates are sent.
        computing: of each stage.
        model_bytes: that the server sends a client before it trains.
        upload_bytes: of one client's update as it is sent.
        period: seconds after which clients come on again.
    """

    profiles: Sequence[Profile]
    step_seconds: float
    stages: tuple[str, ...]
    upload_stage: str
    computing: Mapping[str, Computing]
    model_bytes: float
    upload_bytes: float
    period: float = 86_400.0

    @property
    def named_stages(self) -> tuple[str, ...]:
        """The stages of the protocol; none for a scheme without one."""
        return tuple(stage for stage in self.stages if stage != NO_STAGE)

    def is_on(self, client: int, at: float) -> bool:
        """Whether a client is on at a moment."""
        return self.profiles[client].seconds_until_on(at, self.period) == 0.0

    def when_on(self, clients: Sequence[int], wanted: int, at: float) -> float:
        """Returns the first moment, from `at` on, at which so many of some clients are on.

        Raises:
            RunError: if there is none.
        """
        waits = sorted({self.profiles[c].seconds_until_on(at, self.period) for c in clients})
        for wait in (0.0, *waits):
            moment = math.nextafter(at + wait, math.inf) if wait else at
            if sum(self.is_on(client, moment) for client in clients) >= wanted:
                return moment
        raise RunError(
            f"of {len(clients)} clients, {wanted} are never on at the same time: lower "
            "--clients_per_round, or raise --availability"
        )

    def local_seconds(self, client: int, steps: int) -> float:
        """Returns how long a client takes to receive the model and train."""
        return self.profiles[client].exchange(self.model_bytes, steps * self.step_seconds, 0.0)

    def upload_seconds(self, client: int) -> float:
        """Returns how long a client that has trained takes for the stage of uploads."""
        crypto = self.computing[self.upload_stage].client
        return self.profiles[client].exchange(0.0, crypto, self.upload_bytes)

    def training_seconds(self, client: int, steps: int) -> float:
        """Returns how long after the upload's stage began a client's update has arrived."""
        return self.local_seconds(client, steps) + self.upload_seconds(client)

    def steps_within(self, client: int, seconds: float, most: int) -> int:
        """Returns how many steps, 1 to `most`, a client can do so that its update is in time.

        One step is the fewest, in time or not.
        """
        if self.training_seconds(client, most) <= seconds:
            return most
        left = seconds - self.training_seconds(client, 0)
        a_step = self.step_seconds * self.profiles[client].slowness
        steps = max(1, min(most, math.floor(left / a_step)))
        # As arrivals are compared with deadlines elsewhere, to the last bit.
        while steps > 1 and self.training_seconds(client, steps) > seconds:
            steps -= 1
        return steps

    def stage_seconds(self, stage: str, clients: Collection[int], crossing: Crossing) -> float:
        """Returns how long a stage other than the upload's lasts.

        Args:
            stage: which.
            clients: that answer in it.
            crossing: bytes of each of them.
        """
        computing = self.computing[stage]
        slowest = max(
            (
                self.profiles[c].exchange(crossing.down, computing.client, crossing.up)
                for c in clients
            ),
            default=0.0,
        )
        return slowest + computing.server

    def round_seconds(
        self,
        clients: Sequence[int],
        dropouts: Mapping[int, str],
        upload_seconds: float,
        crossings: Mapping[str, Crossing],
    ) -> float:
        """Returns how long a round, or an attempt at one, lasts.

        Args:
            clients: of the cohort.
            dropouts: client -> the stage in which it no longer answers.
            upload_seconds: after which the stage of uploads is closed.
            crossings: bytes of one client by stage, of the stages that were begun.
        """
        total, left = 0.0, set(clients)
        for stage in self.stages:
            if stage not in crossings:
                continue
            left -= {client for client, its in dropouts.items() if its == stage}
            if stage == self.upload_stage:
                total += upload_seconds + self.computing[stage].server
            else:
                total += self.stage_seconds(stage, left, crossings[stage])
        return total
