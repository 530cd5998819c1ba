"""The program of a site: it trains when the server asks, within the bounds of its own policy."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crypto.parties import ClientId, describe
from crypto.session.apart.participant import Participant, Task
from tff_health.data.federated import FederatedImages
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.limits import Traffic
from tff_health.federation.consortium.credentials import Credentials, find_member, site_credentials
from tff_health.federation.errors import FederationError
from tff_health.federation.evidence.transcript import TRANSCRIPT, Transcript
from tff_health.federation.programs.connection import Connect, stay, until_over
from tff_health.federation.programs.evidence import SiteEvidence
from tff_health.federation.programs.parties import (
    place_of,
    protocol_of,
    roles_by_label,
    validates,
)
from tff_health.federation.programs.site_rules import SiteRules
from tff_health.federation.programs.study_data import (
    agreed_facts,
    decoding_of,
    held_alone,
)
from tff_health.federation.rounds.messages import RoundClosed, RoundOffer, StudyEnded
from tff_health.federation.rounds.offered_sums import OfferedSums
from tff_health.federation.rounds.purpose import TRAINING, VALIDATION, Purpose
from tff_health.federation.rounds.site_rounds import SiteRounds
from tff_health.federation.site.site_file import SiteFile, read_site
from tff_health.federation.site.state import SiteState
from tff_health.federation.study import OWN_IMAGES
from tff_health.roles.broadcast import Broadcast
from tff_health.roles.site import SiteTraining
from tff_health.secure_aggregation.protocols import SumProtocol
from tff_health.secure_aggregation.slots import Slot
from tff_health.settings.images import load_images, share_out
from tff_health.training.data_facts import DataFacts

log = logging.getLogger(__name__)
WORK = "work"
"""Folder in a site's own that training uses: packed images, and what is kept between rounds."""


async def take_part(
    path: Path,
    data_dir: Path | None,
    cache_dir: Path | None,
    connecting: Connect | None = None,
) -> int:
    """Takes part in a study, until the server says that it is over.

    Args:
        path: of the site file.
        data_dir: folder of data sets, for studies on one that all have.
        cache_dir: where tables are kept; None for in memory only.
        connecting: how it connects; None for gRPC.

    Returns:
        the exit code.

    Raises:
        TffHealthError: if files, keys, data, policy or server do not allow it.
    """
    site = read_site(path)
    credentials = site_credentials(site.folder, site.registry)
    client = _client_of(site)
    state = SiteState.open(site.folder, site.policy)
    try:
        training = await asyncio.to_thread(_prepare, site, client, data_dir, cache_dir)
        identity = credentials.identity
        protocols = {
            purpose: protocol_of(site.study, site.registry, client, identity, cache_dir)
            for purpose in ((TRAINING, VALIDATION) if validates(site.study) else (TRAINING,))
        }
        evidence, traffic = _evidence(site, credentials, state, training, protocols[TRAINING])
        watcher = SiteWatcher(asyncio.get_running_loop(), evidence)
        tasks = _tasks(site, client, state, training, watcher, protocols)
        decoding = decoding_of(site.study)
        greeting = Greeting.of(site.study.digest, site.registry.digest, decoding)
        log.info("%s of study '%s'", describe(client), site.study.section.name)
        participant = Participant(tasks, _note)
        staying = stay(
            participant,
            *(site.study.section.server, credentials, greeting, traffic, connecting),
            give_up_after=site.give_up_after,
        )
        try:
            await until_over(staying, watcher.over)
        finally:
            evidence.close()
    finally:
        state.close()
    return 0


class SiteWatcher:
    """Tells the site's log and transcript how rounds go, and notes the end of the study.

    Args:
        loop: of the program; what is told here comes from a thread.
        evidence: writes the transcript.

    Attributes:
        over: set once the server has said that the study is over.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, evidence: SiteEvidence) -> None:
        self.over = asyncio.Event()
        self._loop = loop
        self._evidence = evidence

    def offered(self, offer: RoundOffer) -> None:
        """Notes which model the server has shown."""
        model = Broadcast.from_bytes(offer.model).weights.digest()
        self._evidence.shown(offer.round_id, offer.binding(), model)

    def invited(self, cohort: tuple[ClientId, ...]) -> None:
        """Notes with whom the site is in a sum."""
        self._evidence.invited(cohort)

    def told(self, closed: RoundClosed) -> None:
        """Writes how a round ended, as the server says."""
        self._evidence.told(closed)

    def training(self, round_number: int) -> None:
        """Notes that the site begins to train."""
        log.info("round %d: training", round_number)

    def trained(self, round_number: int) -> None:
        """Notes that it has trained."""
        log.info("round %d: trained", round_number)

    def closed(self, round_number: int, closed: RoundClosed) -> None:
        """Notes how the round ended, as the server says."""
        if closed.is_lost:
            log.warning("round %d: lost; the model stays what it was", round_number)
        else:
            log.info("round %d: done, with %d sites", round_number, len(closed.survivors))

    def ended(self, ended: StudyEnded) -> None:
        """Notes that the study is over."""
        log.info("the study is over, after %d rounds", ended.rounds)
        self._loop.call_soon_threadsafe(self.over.set)


class _Training:
    """`SiteTraining` as rounds call it."""

    def __init__(self, training: SiteTraining) -> None:
        self._training = training

    def contribute(self, model: bytes, round_number: int) -> Sequence[Any]:
        return self._training.contribute(Broadcast.from_bytes(model), round_number)

    def validate(self, model: bytes) -> Sequence[Any]:
        return self._training.validate(Broadcast.from_bytes(model))

    def keep(self, round_number: int) -> None:
        self._training.keep(round_number)


def _client_of(site: SiteFile) -> ClientId:
    member = find_member(site.folder, site.registry)
    if not isinstance(member.party, int):
        raise FederationError(f"{member} is no client: start it with `authority`")
    place_of(site.study, member.party)
    return member.party


def _prepare(
    site: SiteFile, client: ClientId, data_dir: Path | None, cache_dir: Path | None
) -> SiteTraining:
    """Reads the site's images, and makes ready to train on them."""
    config, place = site.study.config, place_of(site.study, client)
    folder = site.folder / WORK
    folder.mkdir(mode=0o700, exist_ok=True)
    images = load_images(config, data_dir, cache_dir or folder / "cache")
    if site.study.dataset == OWN_IMAGES:
        held: FederatedImages = held_alone(config, images, place)
        facts = agreed_facts(site.study)
    else:
        everything = share_out(config, images)
        held, facts = everything.of_client(place), DataFacts.of(everything)
    return SiteTraining(config, facts, held, place, folder)


def _evidence(
    site: SiteFile,
    credentials: Credentials,
    state: SiteState,
    training: SiteTraining,
    protocol: SumProtocol,
) -> tuple[SiteEvidence, Traffic]:
    """Opens the site's transcript; returns what writes it, and what counts the site's messages."""
    study, traffic = site.study.digest, Traffic()
    member = find_member(site.folder, site.registry)
    path, identity = site.folder / TRANSCRIPT, credentials.identity
    transcript = Transcript.open(path, member.name, member.party, identity)
    journals = {label: state.journal.of(study, label) for label in roles_by_label(protocol)}
    is_private = training.noisy_steps(1) is not None

    def spent() -> float | None:
        return state.ledger.epsilon_of(study) if is_private else None

    registry = site.registry.digest
    return SiteEvidence(transcript, study, registry, journals, spent, traffic), traffic


def _tasks(
    site: SiteFile,
    client: ClientId,
    state: SiteState,
    training: SiteTraining,
    watcher: SiteWatcher,
    protocols: Mapping[Purpose, SumProtocol],
) -> dict[str, Task]:
    slots = {TRAINING: training.sums.slots, VALIDATION: training.sums.validation_slots}
    sums = {
        purpose: _sums(purpose, site, client, state, protocol, slots[purpose])
        for purpose, protocol in protocols.items()
        if slots[purpose]
    }
    return SiteRounds(
        client,
        site.study.digest,
        sums[TRAINING],
        _Training(training),
        SiteRules(site, state, training),
        watcher,
        sums.get(VALIDATION),
    ).tasks()


def _sums(
    purpose: Purpose,
    site: SiteFile,
    client: ClientId,
    state: SiteState,
    protocol: SumProtocol,
    slots: Sequence[Slot],
) -> OfferedSums:
    """Returns the sums for one purpose; their journals are its own."""
    labels = {id(one): purpose.prefix + label for label, one in protocol.by_label.items()}
    sessions = {labels[id(s.protocol)]: s for s in protocol.sessions(slots)}
    roles = {purpose.prefix + label: one for label, one in roles_by_label(protocol).items()}
    members = {
        label: roles[label].member(client, state.journal.of(site.study.digest, label))
        for label in sessions
    }
    return OfferedSums(purpose, sessions, members)


def _note(task: str, stage: str, error: Exception) -> None:
    log.warning("refused %s, %s: %s: %s", task or "a message", stage, type(error).__name__, error)
