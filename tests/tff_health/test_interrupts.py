"""Ctrl-C at any time: one line, exit code 130, no traceback."""

import itertools
import signal
import subprocess
import sys
import textwrap

import pytest

from tests.tff_health.runs import user_environment

LINE = "interrupted: the same command goes on from the last round"


def start(command, **options):
    """Starts a process that Ctrl-C interrupts even where tests are a background job of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=user_environment(), **options
        )
    finally:
        signal.signal(signal.SIGINT, before)


MODULES = (
    *("absl.flags", "tff_health.schemes"),
    *("tensorflow.python.eager.context", "tff_health.data.pack"),
)


@pytest.mark.drill
@pytest.mark.parametrize(
    ("module", "signum"),
    [
        *itertools.product(MODULES, [signal.SIGINT, signal.SIGTERM]),
        (MODULES[0], signal.SIGHUP),
    ],
)
def test_while_libraries_are_imported(tmp_path, module, signum):
    process = start(
        [
            *(sys.executable, "-X", "importtime", "run_experiments.py"),
            *("--dataset=digits", f"--out_dir={tmp_path / 'run'}"),
        ]
    )
    imported = None
    while imported != module:
        line = process.stderr.readline()
        assert line, f"{module} was never imported"
        imported = line.rpartition("|")[2].strip()
    process.send_signal(signum)
    _, rest = process.communicate(timeout=300)
    said = [line for line in rest.splitlines() if not line.startswith("import time:")]
    assert (said, process.returncode) == ([LINE], 130)


@pytest.mark.drill
@pytest.mark.parametrize("module", ["tff_health.data", "tff_health.doctor"])
def test_other_commands(module):
    process = start([sys.executable, "-X", "importtime", "-m", module, "show", "digits"])
    imported = None
    while imported != "tff_health.interrupts":
        imported = process.stderr.readline().rpartition("|")[2].strip()
    while imported != "tff_health.data.catalog" and process.poll() is None:
        imported = process.stderr.readline().rpartition("|")[2].strip()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=300)
    assert "Traceback" not in rest


def run(code):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )


PRELUDE = """
import os, signal, time
from tff_health import interrupts
interrupts.watch("interrupted")
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
"""


def test_before_anything_is_begun_it_ends_at_once():
    result = run(f"{PRELUDE}try:\n    interrupt()\nexcept BaseException:\n    print('caught')")
    assert (result.stdout, result.stderr, result.returncode) == ("", "interrupted\n", 130)


def test_the_first_can_be_cleaned_up_after_and_the_second_ends_at_once():
    result = run(
        PRELUDE
        + """
interrupts.allow_cleanup()
try:
    interrupt()
except KeyboardInterrupt:
    print("cleaning", flush=True)
    interrupt()
print("too late")
"""
    )
    assert (result.stdout, result.stderr, result.returncode) == ("cleaning\n", "interrupted\n", 130)


def test_while_a_part_is_imported_it_ends_at_once_and_not_after():
    result = run(
        PRELUDE
        + """
interrupts.allow_cleanup()
with interrupts.no_cleanup():
    pass
try:
    interrupt()
except KeyboardInterrupt:
    print("caught", flush=True)
"""
    )
    assert (result.stdout, result.stderr, result.returncode) == ("caught\n", "", 0)
    code = "interrupts.allow_cleanup()\nwith interrupts.no_cleanup():\n    interrupt()\n"
    result = run(f"{PRELUDE}{code}")
    assert (result.stderr, result.returncode) == ("interrupted\n", 130)


def test_one_that_a_finaliser_swallows_is_not_lost():
    result = run(
        PRELUDE
        + """
interrupts.allow_cleanup()
class Finalised:
    def __del__(self):
        interrupt()
del Finalised
class Finalised2:
    def __del__(self):
        interrupt()
x = Finalised2()
del x
print("went on")
"""
    )
    assert (result.stdout, result.stderr, result.returncode) == ("", "interrupted\n", 130)


def test_what_is_ignored_stays_ignored_and_finished_work_is_not_spoilt():
    ignored = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    result = run(f"{ignored}{PRELUDE}interrupt()\nprint('went on')")
    assert (result.stdout, result.stderr, result.returncode) == ("went on\n", "", 0)
    result = run(f"{PRELUDE}interrupts.ignore()\ninterrupt()\nprint('done')")
    assert (result.stdout, result.stderr, result.returncode) == ("done\n", "", 0)
