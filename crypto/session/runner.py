"""Runs a session from its first stage to its last: the server opens a stage, the clients answer.

Only what the server itself cannot do ends the session; all else is noted, and it goes on.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias, TypeVar

from crypto.errors import AbortError, ProtocolError
from crypto.parties import SERVER, Party
from crypto.session.costs import Costs
from crypto.session.exchange import Exchange, Opening, TakeDealt
from crypto.session.secure_sum import Refusal, SessionAbortedError

Dealing: TypeAlias = tuple[Opening, TakeDealt]
"""What an authority sends before the server's invitation, and how a client takes it."""

_T = TypeVar("_T")


class StageRunner:
    """One session between a server and its clients.

    Args:
        exchange: carries messages between them.
        earlier_costs: what a session that this one goes on from cost.
        earlier_refusals: what was refused in it.
        opens_at: the first stage in which clients give what opens the sum.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        earlier_costs: Costs | None = None,
        earlier_refusals: Sequence[Refusal] = (),
        opens_at: str | None = None,
    ) -> None:
        self._record = exchange.record
        self._exchange = exchange
        self._exchange.refusals.extend(earlier_refusals)
        self._earlier = earlier_costs
        self._stage = ""
        self._opens_at = opens_at
        self._may_be_opened = False

    def costs(self) -> Costs:
        """Return what all has cost so far."""
        costs = self._record.costs()
        return costs if self._earlier is None else self._earlier + costs

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The messages that roles did not accept so far."""
        return tuple(self._exchange.refusals)

    @contextmanager
    def aborting(self) -> Iterator[None]:
        """Turn what ends the session into a `SessionAbortedError` that tells how far it came."""
        try:
            yield
        except (AbortError, ProtocolError) as error:
            raise SessionAbortedError(
                self._stage,
                error,
                self.costs(),
                self.refusals,
                may_be_opened=self._may_be_opened,
            ) from error

    def deal(self, stage: str, dealing: Opening, take: TakeDealt) -> None:
        """Let an authority give the clients something over its own channel to each of them.

        Args:
            stage: the stage, which `run_stage` opens afterwards.
            dealing: what the authority does.
            take: gives it to a client.
        """
        self._stage = stage
        self._exchange.deal(stage, dealing, take)

    def run_stages(
        self, openings: Iterable[tuple[str, Opening]], dealing: Dealing | None = None
    ) -> None:
        """Run stages, the first of them with an authority's part before it if there is one.

        Args:
            openings: what opens each stage, in their order; one can be opened several times.
            dealing: what the authority does.
        """
        for stage, opening in openings:
            if dealing is not None:
                self.deal(stage, *dealing)
                dealing = None
            self.run_stage(stage, opening)

    def run_stage(self, stage: str, opening: Opening) -> None:
        """Let the server open a stage, carry its messages to the clients and the answers back."""
        self._stage = stage
        with self._record.work(SERVER, stage):
            messages = opening()
        if stage == self._opens_at:
            self._may_be_opened = True  # also if nobody answers: answers may come late
        self._exchange.carry(stage, messages)

    def close(self, closing: Callable[[], _T], by: Party = SERVER) -> _T:
        """Let the server, or an authority, do what is left to do after a stage."""
        with self._record.work(by, self._stage):
            return closing()

    def note(self, by: Party, error: ProtocolError | AbortError, stage: str | None = None) -> None:
        """Keep a refusal in a stage, by default the present one."""
        self._exchange.refusals.append(Refusal(stage or self._stage, by, error))
