"""Where the keys of a session come from."""

from typing import Literal, TypeAlias, get_args

from crypto.errors import ParameterError

KeySetup: TypeAlias = Literal["authority", "dkg"]
"""Dealt by the paper's trusted authority (4.3.1), or made by the clients among themselves."""


def check_key_setup(name: str) -> None:
    """Refuse a name that is no way to set up keys.

    Raises:
        ParameterError: naming the ways there are.
    """
    if name not in get_args(KeySetup):
        raise ParameterError(f"key_setup={name!r} must be one of {', '.join(get_args(KeySetup))}")
