"""The stages of joint sessions: those of the masking protocol, and one before and after them."""

from enum import StrEnum


class Stage(StrEnum):
    """The stages in which a joint session does more than its masking protocol.

    A client that drops out in a stage no longer gives that stage's answer.
    """

    KEY_SETUP = "key setup"
    MASKED_INPUT = "masked input"
    DECRYPTION = "decryption"
