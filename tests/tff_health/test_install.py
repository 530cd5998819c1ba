"""Set-up on a bare interpreter: told in one line what is missing, done once, redone when due."""

import os
import platform
import shutil
import subprocess
import sys
import venv
from collections import namedtuple
from pathlib import Path

import pytest

from tff_health import install, machine

DiskUsage = namedtuple("DiskUsage", "total used free")


@pytest.fixture
def requirements(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("# nothing to download\n")
    return path


@pytest.fixture
def bare_environments(monkeypatch):
    """Makes environments without pip, which takes seconds to put in."""
    create = venv.create
    monkeypatch.setattr(venv, "create", lambda path, **_: create(path, clear=True))
    monkeypatch.setattr(subprocess, "call", lambda *_, **__: 0)


def test_it_is_done_once_and_redone_when_the_requirements_change(
    tmp_path, requirements, bare_environments, capsys
):
    environment = tmp_path / "venv"
    install.install(environment, requirements)
    assert install.is_installed(environment, requirements)
    assert "Installed" in capsys.readouterr().out
    marker = environment / "marker"
    marker.touch()
    install.install(environment, requirements)
    assert marker.exists()
    assert capsys.readouterr().out == ""
    requirements.write_text("# changed\n")
    install.install(environment, requirements)
    assert not marker.exists()


def test_an_interrupted_installation_is_started_anew(
    tmp_path, requirements, bare_environments, monkeypatch
):
    environment = tmp_path / "venv"

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "call", interrupt)
        with pytest.raises(KeyboardInterrupt):
            install.install(environment, requirements)
    (environment / "half").touch()
    install.install(environment, requirements)
    assert not (environment / "half").exists()
    assert install.is_installed(environment, requirements)


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        (
            "Retrying after connection broken by 'NewConnectionError'",
            "no package index",
        ),
        ("ERROR: No matching distribution found for x==1", "No matching distribution"),
        ("", "no reason given"),
    ],
)
def test_what_pip_failed_of_is_told_in_one_line(
    tmp_path, requirements, bare_environments, monkeypatch, log, message
):
    def fail(_, stdout, **__):
        stdout.write(log)
        return 1

    monkeypatch.setattr(subprocess, "call", fail)
    with pytest.raises(install.InstallError, match=message) as caught:
        install.install(tmp_path / "venv", requirements)
    assert "\n" not in str(caught.value)
    assert not install.is_installed(tmp_path / "venv", requirements)


def test_wrong_machines_are_told(monkeypatch):
    assert machine.python_problem() is None
    assert machine.platform_problem() is None
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    assert "Python 3.12.1 found" in machine.python_problem()
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.28"))
    assert "glibc 2.28 found" in machine.platform_problem()
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert "Debian 11" in machine.platform_problem()
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert "Darwin on arm64 found" in machine.platform_problem()


def test_a_disk_without_room_is_told(tmp_path, requirements, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: DiskUsage(10, 9, 2**30))
    with pytest.raises(install.InstallError, match=r"1\.0 GiB free"):
        install.install(tmp_path / "below" / "venv", requirements)
    assert not (tmp_path / "below").exists()


def test_a_folder_that_cannot_be_written_to_is_told(monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be written to" in machine.disk_problem(Path("/anything"))


def test_the_command_prints_one_line_and_fails(tmp_path):
    command = [sys.executable, "-m", "tff_health.install", str(tmp_path / "venv"), "absent.txt"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("Set-up failed: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("python", ["/bin/false", "/no/such/python"])
def test_make_without_a_suitable_python_says_so(python):
    result = subprocess.run(
        ["make", "setup", f"PYTHON={python}"], capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert "Python 3.11 is needed" in result.stderr
