"""The journal of a site: in which session it has given what opens a sum, for ever.

Two sums over the same update that differ by one client are that client's update, and a server need
only claim that a session has failed to ask for a second one. So a site remembers beyond its
program's life.
"""

from pathlib import Path
from typing import Any, Final

from tff_health.federation.consortium.digests import canonical
from tff_health.federation.errors import FederationError
from tff_health.federation.site.sealed_log import SealedLog
from tff_health.settings.files import read_json

PURPOSE: Final = "journal"


class SiteJournal:
    """The opened rounds of a site, of all studies and protocols; in a sealed file.

    Args:
        log: the file, open.
    """

    def __init__(self, log: SealedLog) -> None:
        self._log = log
        self._sessions: dict[tuple[str, int], bytes] = {}
        for record in log.records:
            found: Any = read_json(record.decode("ascii"))
            self._sessions[found["scope"], found["round"]] = bytes.fromhex(found["session"])

    def of(self, study: bytes, protocol: str) -> "RoundJournal":
        """Returns the journal of one client: of one protocol in one study.

        Args:
            study: its digest.
            protocol: its name; sums that a round has by several protocols are one each.
        """
        return RoundJournal(self, f"{study.hex()}/{protocol}")

    def opened(self, scope: str, round_id: int) -> bytes | None:
        """Return the session that has opened a round's sum."""
        return self._sessions.get((scope, round_id))

    def record(self, scope: str, round_id: int, session_id: bytes) -> None:
        """Keep that a session opens a round's sum; FederationError if it cannot be kept."""
        before = self.opened(scope, round_id)
        if before == session_id:
            return
        if before is not None:
            raise FederationError(f"round {round_id} was opened by another session already")
        entry = {"scope": scope, "round": round_id, "session": session_id.hex()}
        self._log.append(canonical(entry))
        self._sessions[scope, round_id] = session_id

    @property
    def path(self) -> Path:
        """Of the file."""
        return self._log.path


class RoundJournal:
    """A `crypto.session.opened_rounds.Journal` that outlives its program."""

    def __init__(self, journal: SiteJournal, scope: str) -> None:
        self._journal = journal
        self._scope = scope

    def opened(self, round_id: int) -> bytes | None:
        """Return the session that has opened a round's sum, as far as this client gave to it."""
        return self._journal.opened(self._scope, round_id)

    def record(self, round_id: int, session_id: bytes) -> None:
        """Keep that a session opens a round's sum; returns once it is on the disk.

        Raises:
            FederationError: if it cannot be kept: then the client must not give what opens it.
        """
        self._journal.record(self._scope, round_id, session_id)
