"""The stages that verified sums have beside those of the protocol that they verify."""

from enum import StrEnum


class Stage(StrEnum):
    """In their order: one before the upload, one after the sum."""

    COMMITMENT = "commitment"
    VERIFICATION = "verification"


def with_verification(stages: tuple[str, ...], upload: str) -> tuple[str, ...]:
    """Return a protocol's stages with these two.

    Args:
        stages: the protocol's.
        upload: the stage before which clients commit.
    """
    place = stages.index(upload)
    return (*stages[:place], Stage.COMMITMENT.value, *stages[place:], Stage.VERIFICATION.value)
