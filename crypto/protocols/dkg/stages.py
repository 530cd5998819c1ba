"""The stages of distributed key generation, in their order."""

from enum import StrEnum


class Stage(StrEnum):
    """A message from the server to each client and, but for the last, the client's answer."""

    ADVERTISE_KEYS = "advertise keys"
    DEALING = "dealing"
    COMPLAINTS = "complaints"
    EXTRACTION = "extraction"
    EXPOSURE = "exposure"
    RECONSTRUCTION = "reconstruction"
    CONFIRMATION = "confirmation"
    RESULT = "result"
