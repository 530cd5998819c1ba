"""The stages of double masking, in their order."""

from enum import StrEnum


class Stage(StrEnum):
    """A message from the server to each client and the client's answer.

    A client that drops out in a stage no longer gives that stage's answer.
    """

    ADVERTISE_KEYS = "advertise keys"
    SHARE_KEYS = "share keys"
    MASKED_INPUT = "masked input"
    CONSISTENCY = "consistency"
    UNMASKING = "unmasking"
