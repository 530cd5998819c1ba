"""Errors that are shown to the user as one line, without a traceback."""


class TffHealthError(Exception):
    """Base of all errors whose message is meant for the user.

    The message says what was found, what is allowed and what to do.
    """

    exit_code = 1


class ConfigError(TffHealthError):
    """Flags, or their combination, are not allowed; nothing was started."""

    exit_code = 2


class DataError(TffHealthError):
    """A data file is missing, damaged or not what it should be."""


class RunError(TffHealthError):
    """A run could not go on; its last good state is kept."""
