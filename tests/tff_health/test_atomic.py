import os
import stat

import pytest

from tff_health.atomic import all_or_nothing, atomic_write, make_private, open_private


@pytest.fixture(autouse=True)
def open_to_all():
    """Lets all read what is made without a mode of its own."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_private_files_are_for_their_user_alone(tmp_path):
    with atomic_write(tmp_path / "a", private=True) as file:
        file.write(b"secret")
    with open_private(tmp_path / "b") as file:
        file.write(b"secret")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == b"secret"
    assert mode(tmp_path / "a") == mode(tmp_path / "b") == 0o600


def test_private_files_become_so_if_they_were_not(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"longer than before")
    assert mode(path) == 0o666
    with open_private(path) as file:
        file.write(b"secret")
    assert (path.read_bytes(), mode(path)) == (b"secret", 0o600)


def test_private_folders_are_for_their_user_alone(tmp_path):
    folder = tmp_path / "in" / "a"
    make_private(folder)
    assert mode(folder) == 0o700
    folder.chmod(0o777)
    make_private(folder)
    assert mode(folder) == 0o700


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_of_several_files_all_are_made_or_none(tmp_path, error):
    before, made, never = (tmp_path / name for name in ("before", "made", "never"))
    before.write_text("1")
    with pytest.raises(error), all_or_nothing(before, made, never):
        made.write_text("2")
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["before"]
    with all_or_nothing(before, made):
        made.write_text("2")
    assert made.exists()
