"""The newest key of each signer that a client has taken: it never goes back to an older one."""

from typing import Generic, Protocol, TypeVar

from crypto.errors import ConsistencyError, ReplayError
from crypto.primitives.signatures import VerifyKey


class Numbered(Protocol):
    """An announcement of a key."""

    @property
    def epoch(self) -> int:
        """The number of the key, later than that of every key of this signer before."""
        ...


_A = TypeVar("_A", bound=Numbered)


class NewestKeys(Generic[_A]):
    """What a client keeps of the announcements that it has accepted."""

    def __init__(self) -> None:
        self._newest: dict[VerifyKey | None, _A] = {}

    def check(self, signer: VerifyKey | None, announcement: _A) -> None:
        """Refuse a key that is older than the newest one of the same signer, or beside it.

        Args:
            signer: who signed the announcement; None if nobody signs.
            announcement: of the key.

        Raises:
            ReplayError: for a key of an earlier epoch.
            ConsistencyError: for a second key of the same epoch.
        """
        newest = self._newest.get(signer, announcement)
        if announcement.epoch < newest.epoch:
            raise ReplayError(
                f"a key of epoch {announcement.epoch} after one of epoch {newest.epoch}"
            )
        if announcement.epoch == newest.epoch and announcement != newest:
            raise ConsistencyError(f"another key of epoch {announcement.epoch}")

    def take(self, signer: VerifyKey | None, announcement: _A) -> None:
        """Keep a key that was checked as the newest one of its signer."""
        self._newest[signer] = announcement
