"""The stages of a dealing, in their order."""

from enum import StrEnum


class Stage(StrEnum):
    """A message from the server to each client and, but for the last, the client's answer."""

    COMMIT = "commit to a dealing"
    REVEAL = "reveal for a dealing"
    GROUPS = "groups"
