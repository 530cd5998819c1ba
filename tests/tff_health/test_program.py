"""How programs with commands end: one line for each error, and an exit code."""

import pytest

from tff_health.errors import ConfigError
from tff_health.program import exit_code_of


def ends_by(error):
    def command():
        raise error

    return exit_code_of(command)


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (ConfigError("--rounds is 0"), 2, "Error: --rounds is 0\n"),
        (FileExistsError(17, "File exists", "ca"), 1, "Error: ca: File exists\n"),
        (PermissionError(13, "Permission denied", b"ca"), 1, "Error: ca: Permission denied\n"),
        (OSError(28, "No space left on device"), 1, "Error: [Errno 28] No space left on device\n"),
        (OSError(9, "Bad file descriptor", 7), 1, "Error: [Errno 9] Bad file descriptor: 7\n"),
        (OSError("no address"), 1, "Error: no address\n"),
        (KeyboardInterrupt(), 130, "Interrupted; nothing half-written was kept.\n"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_error_is_a_line(error, code, told, capsys):
    assert ends_by(error) == code
    assert capsys.readouterr() == ("", told)


def test_a_closed_pipe_and_faults_of_ours_are_not_hidden():
    for error in (BrokenPipeError(), ZeroDivisionError()):
        with pytest.raises(type(error)):
            ends_by(error)


def test_a_command_says_how_it_ended():
    assert exit_code_of(lambda: 3) == 3
