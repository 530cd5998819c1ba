"""Takes in those whom the registry admits, one stream each, whatever carries the streams.

A party that connects again is asked for a sign of life on its first stream. If it gives one, the
second stream is refused: somebody has started a program twice, or copied its keys. If not, the
second replaces the first, and a site whose link was cut need not wait until that is noticed.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography import x509

from crypto.parties import Party
from crypto.session.apart.links import Arrival
from tff_health.federation.carrier.assembly import Parcel, Room
from tff_health.federation.carrier.frames import FrameError, farewell, split
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.inbox import Inbox
from tff_health.federation.carrier.limits import LIMITS, PACE, Limits, Pace, Traffic
from tff_health.federation.carrier.stream import End, Stream
from tff_health.federation.consortium import certificates
from tff_health.federation.consortium.credentials import Credentials
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.consortium.members import Member
from tff_health.federation.consortium.registry import Registry
from tff_health.federation.errors import FederationError, RefusedError

log = logging.getLogger(__name__)


@dataclass
class _Guest:
    """Who is connected.

    Attributes:
        member: who it is.
        certificate: which it has shown.
        stream: that leads to it.
    """

    member: Member
    certificate: x509.Certificate
    stream: Stream


class Reception:
    """A `crypto.session.apart.links.Hub` without the door through which parties come.

    Args:
        credentials: the server's.
        study: digest of the study, which sites must have too.
        registry: returns the registry as it is now; asked at each connection and each heartbeat, so
            that who is revoked is cut off.
        limits: what it bears.
        pace: how long it waits.
        spool: folder of files for messages that find no room in memory; None for the system's.
        decoding: how the server decodes image files, `tff_health.data.own.fingerprint`'s digest;
            who decodes otherwise is refused. Without it all are let in.

    Attributes:
        traffic: of each party, over all its connections.
        since: Unix time of each party's last coming or going, in seconds.
    """

    def __init__(
        self,
        credentials: Credentials,
        study: bytes,
        registry: Callable[[], Registry],
        limits: Limits = LIMITS,
        pace: Pace = PACE,
        spool: Path | None = None,
        decoding: bytes = b"",
    ) -> None:
        self._credentials = credentials
        self._study = study
        self._decoding = decoding
        self._registry = registry
        self._limits = limits
        self._pace = pace
        self._room = Room(limits.memory, limits.largest, spool)
        self._inbox = Inbox(limits.waiting)
        self._guests: dict[Party, _Guest] = {}
        self._doors: defaultdict[Party, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._watch: asyncio.Task[None] | None = None
        self.since: dict[Party, float] = {}
        self.traffic: defaultdict[Party, Traffic] = defaultdict(Traffic)

    @property
    def connected(self) -> frozenset[Party]:
        """The parties that a message would reach now, as far as the carrier knows."""
        return frozenset(self._guests)

    def watch(self) -> None:
        """Begins to look at the registry, so that who is revoked is cut off."""
        self._watch = asyncio.create_task(self._watch_registry())

    async def close(self, reason: str, *, patience: float = 5.0) -> None:
        """Ends all streams after the messages that are queued.

        Args:
            reason: that sites are told; they may come back.
            patience: seconds for what is queued.
        """
        if self._watch:
            self._watch.cancel()
        guests = list(self._guests.values())
        closing = (g.stream.close(reason, is_final=False, patience=patience) for g in guests)
        await asyncio.gather(*closing)

    def drop(self) -> None:
        """Throws away what waits to be read."""
        self._inbox.drop()

    async def send(self, party: Party, data: bytes) -> None:
        """Queue a message for a party; without effect if it is gone."""
        if party in self._guests:
            self._guests[party].stream.send(data)

    async def receive(self) -> Arrival:
        """Return the next message, or departure, of any party; waits until there is one."""
        party, parcel = await self._inbox.get()
        return Arrival(party, None if parcel is None else parcel.take())

    async def join(self, end: End, show: Callable[[], x509.Certificate], origin: str) -> None:
        """Admits whoever has come, and keeps its stream going until it ends; or says why not.

        Args:
            end: the new stream, on which nothing was said yet.
            show: returns the certificate for which the other side has shown the key; it may raise a
                RefusedError.
            origin: where it comes from, for the log.
        """
        try:
            certificate = show()
            member = self._registry().admit(certificate, certificates.now())
            greeting = await self._take_greeting(end, member)
            if greeting.is_check:
                log.info("%s checked its connection", member)
                await end.write(self._answer(greeting))
                return
            async with self._doors[member.party]:
                guest = await self._admit(member, certificate, end, origin)
            await self._host(guest, end, greeting)
        except RefusedError as error:
            await self._refuse(end, error, origin)
        except FederationError as error:
            log.warning("the registry cannot be read; nobody new is admitted: %s", error)
            reason = "the server has no registry that can be read; tell its operator"
            await self._refuse(end, RefusedError(reason, is_final=False), origin)

    async def _refuse(self, end: End, error: RefusedError, origin: str) -> None:
        log.warning("refused %s: %s", origin, error)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.silence):
                await end.write(farewell(str(error), is_final=error.is_final))

    async def _take_greeting(self, end: End, member: Member) -> Greeting:
        ours = Greeting.of(self._study, self._registry().digest, self._decoding)
        try:
            async with asyncio.timeout(self._pace.silence):
                first = await end.read()
                if first is grpc.aio.EOF:
                    raise RefusedError(f"{member}: left without a greeting", is_final=False)
                theirs = Greeting.from_content(*split(bytes(first)))
        except TimeoutError:
            raise RefusedError(f"{member}: gave no greeting", is_final=False) from None
        except FrameError as error:
            raise RefusedError(f"{member}: sent {error}") from None
        if theirs.is_check:
            return theirs
        ours.check_like(theirs, str(member))
        if theirs.registry != ours.registry:
            log.warning(
                "%s has another registry, digest %s; ours has %s",
                *(member, spoken(theirs.registry), spoken(ours.registry)),
            )
        return theirs

    def _answer(self, greeting: Greeting) -> bytes:
        ours = Greeting.of(self._study, self._registry().digest, self._decoding)
        return ours.answering(greeting, self._credentials.identity).to_frame()

    async def _admit(
        self, member: Member, certificate: x509.Certificate, end: End, origin: str
    ) -> _Guest:
        party = member.party
        if former := self._guests.get(party):
            if await former.stream.is_alive(self._pace.probe):
                raise RefusedError(
                    f"{member}: is connected already, and that connection is alive: a second "
                    "program runs with the same keys",
                    is_final=False,
                )
            former.stream.stop("the same party has connected anew")
            while self._guests.get(party) is former:
                await asyncio.sleep(0.01)
        if self._inbox.is_full(party):
            raise RefusedError(f"{member}: its earlier messages wait still", is_final=False)

        async def deliver(parcel: Parcel) -> None:
            await self._inbox.put(party, parcel)

        traffic = self.traffic[party]
        stream = Stream(end, deliver, self._room, self._limits, self._pace, traffic)
        guest = self._guests[party] = _Guest(member, certificate, stream)
        self.since[party] = time.time()
        log.info("%s is connected from %s", member, origin)
        return guest

    async def _host(self, guest: _Guest, end: End, greeting: Greeting) -> None:
        party, reason = guest.member.party, ""
        try:
            async with asyncio.timeout(self._pace.silence):
                await end.write(self._answer(greeting))
            await guest.stream.run()
        except TimeoutError:
            reason = "it took no greeting"
        finally:
            del self._guests[party]
            self.since[party] = time.time()
            self._inbox.depart(party)
            guest.stream.release()
            log.warning("%s is gone: %s", guest.member, reason or guest.stream.reason)

    async def _watch_registry(self) -> None:
        while True:
            await asyncio.sleep(self._pace.beat)
            try:
                registry = self._registry()
            except FederationError as error:
                log.warning("the registry cannot be read; nobody new is admitted: %s", error)
                continue
            for guest in list(self._guests.values()):
                try:
                    registry.admit(guest.certificate, certificates.now())
                except RefusedError as error:
                    log.warning("cut off: %s", error)
                    guest.stream.stop(str(error))
