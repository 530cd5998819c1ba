"""Errors of a federation, shown to people as one line."""

from tff_health.errors import TffHealthError


class FederationError(TffHealthError):
    """A file, a key or a party of the federation is not what it must be."""


class GaveUpError(FederationError):
    """The server could not be reached for as long as this party's file says."""

    exit_code = 3


class RefusedError(FederationError):
    """A party was refused, by us or by the other side.

    Attributes:
        is_final: whether the same will be refused again until somebody changes something; else it
            is worth another try.
        about: in what both sides differ, in one word; empty if that is not the reason.
    """

    def __init__(self, reason: str, *, is_final: bool = True, about: str = "") -> None:
        super().__init__(reason)
        self.is_final = is_final
        self.about = about
