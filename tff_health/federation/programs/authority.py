"""The program of the authority, or key holder, which deals keys or decrypts sums."""

import asyncio
import logging
from pathlib import Path

from crypto.parties import AUTHORITY
from crypto.session.apart.participant import Participant, Task
from tff_health.errors import ConfigError
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.limits import Traffic
from tff_health.federation.consortium.credentials import find_member, site_credentials
from tff_health.federation.errors import FederationError
from tff_health.federation.evidence.transcript import TRANSCRIPT, Transcript
from tff_health.federation.programs.connection import Connect, stay, until_over
from tff_health.federation.programs.evidence import HelperEvidence
from tff_health.federation.programs.parties import protocol_of, roles_by_label, validates
from tff_health.federation.rounds.helper_rounds import HelperRounds
from tff_health.federation.rounds.messages import StudyEnded
from tff_health.federation.rounds.purpose import TRAINING, VALIDATION
from tff_health.federation.site.site_file import read_party

log = logging.getLogger(__name__)


async def serve_keys(path: Path, cache_dir: Path | None, connecting: Connect | None = None) -> int:
    """Answers the server until it says that the study is over.

    Args:
        path: of the file of this party, with a section [site] as a site's, and without a policy.
        cache_dir: where tables are kept; None for in memory only.
        connecting: how it connects; None for gRPC.

    Returns:
        the exit code.

    Raises:
        TffHealthError: if files, keys or server do not allow it.
    """
    party = read_party(path)
    member = find_member(party.folder, party.registry)
    if member.party != AUTHORITY:
        raise FederationError(f"{member} is no authority: start it with `site`")
    credentials = site_credentials(party.folder, party.registry)
    tasks: dict[str, Task] = {}
    for purpose in (TRAINING, VALIDATION) if validates(party.study) else (TRAINING,):
        protocol = protocol_of(
            party.study, party.registry, AUTHORITY, credentials.identity, cache_dir
        )
        for label, one in roles_by_label(protocol).items():
            tasks |= one.authority_tasks(purpose.prefix + label)
    if not tasks:
        scheme = party.study.config.run.scheme
        raise ConfigError(f"{path}: scheme {scheme} of the study needs no authority")
    over, loop = asyncio.Event(), asyncio.get_running_loop()

    def ended(told: StudyEnded) -> None:
        log.info("the study is over, after %d rounds", told.rounds)
        loop.call_soon_threadsafe(over.set)

    study, registry, traffic = party.study, party.registry.digest, Traffic()
    path, identity = party.folder / TRANSCRIPT, credentials.identity
    transcript = Transcript.open(path, member.name, AUTHORITY, identity)
    evidence = HelperEvidence(transcript, study.digest, registry, traffic)
    rounds = HelperRounds(study.digest, evidence.told, ended)
    log.info("authority of study '%s'", study.section.name)
    participant = Participant(evidence.noting(tasks) | rounds.tasks(), _note)
    staying = stay(
        participant,
        *(study.section.server, credentials, Greeting.of(study.digest, registry), traffic),
        connecting=connecting,
        give_up_after=party.give_up_after,
    )
    try:
        await until_over(staying, over)
    finally:
        evidence.close()
    return 0


def _note(task: str, stage: str, error: Exception) -> None:
    log.warning("refused %s, %s: %s: %s", task or "a message", stage, type(error).__name__, error)
