"""What a site keeps in its folder beside its keys."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tff_health.federation.consortium.keys import STORAGE_KEY, read_storage_key
from tff_health.federation.site import journal, ledger
from tff_health.federation.site.journal import SiteJournal
from tff_health.federation.site.ledger import SiteLedger
from tff_health.federation.site.policy import SitePolicy
from tff_health.federation.site.sealed_log import SealedLog

JOURNAL: Final = "journal.sealed"
LEDGER: Final = "ledger.sealed"
_FILES: Final = ((JOURNAL, journal.PURPOSE), (LEDGER, ledger.PURPOSE))


@dataclass(frozen=True)
class SiteState:
    """Journal and ledger of a site, open: no second program can open them meanwhile.

    Attributes:
        journal: the journal.
        ledger: the ledger.
        logs: their files.
    """

    journal: SiteJournal
    ledger: SiteLedger
    logs: tuple[SealedLog, ...]

    @classmethod
    def open(cls, folder: Path, policy: SitePolicy) -> Self:
        """Opens what a site keeps in its folder.

        Raises:
            FederationError: if a file is gone, was changed, or another program has it open.
        """
        key = read_storage_key(folder / STORAGE_KEY)
        logs: list[SealedLog] = []
        try:
            for name, purpose in _FILES:
                logs.append(SealedLog.open(folder / name, key, purpose))
            return cls(SiteJournal(logs[0]), SiteLedger(logs[1], policy), tuple(logs))
        except BaseException:
            for log in logs:
                log.close()
            raise

    def close(self) -> None:
        """Lets another program open them."""
        for log in self.logs:
            log.close()


def create_state(folder: Path) -> None:
    """Makes empty files beside the keys; run once, when a site is enrolled.

    Raises:
        FederationError: if they are there already.
    """
    for name, _ in _FILES:
        SealedLog.create(folder / name)
