"""A site whose disk is full, and sites and a server whose clocks are an hour off."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest

from tests.tff_health.federation.drills.drill import Drill
from tests.tff_health.federation.drills.program import Blow

pytestmark = [pytest.mark.slow, pytest.mark.drill]
# What asks for the time of day is told another one.
_SHIM = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long off(void) { const char *text = getenv("DRILL_CLOCK"); return text ? atol(text) : 0; }
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    int is_of_day = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (!failed && is_of_day) now->tv_sec += off();
    return failed;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec found;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &found)) return -1;
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *kept) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (kept) *kept = found.tv_sec;
    return found.tv_sec;
}
"""


@contextmanager
def small_disk(folder):
    """Put a folder on a disk of its own; what is in it moves there."""
    before = folder.with_name(folder.name + ".before")
    folder.rename(before)
    folder.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", folder],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"a disk of its own cannot be mounted here: {mounted.stderr.strip()}")
    try:
        for file in before.iterdir():
            shutil.copy2(file, folder)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder):
    """Leave no byte free on the disk of a folder."""
    with (folder / "full").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def test_a_site_whose_disk_is_full_gives_nothing_and_returns_when_there_is_room(tmp_path):
    with Drill(tmp_path, "bonawitz", rounds=62) as drill, small_disk(tmp_path / "hospital-2"):
        for name in drill.names:
            drill.start(name)
        drill.start_server([Blow(60, "round", "close", "before", "SIGSTOP")])
        drill.wait_for_round(2)
        fill(tmp_path / "hospital-2")
        drill.wait_for(
            "hospital-2", "cannot be written: No space left on device; nothing was given"
        )
        assert drill.stopped() == "server"  # else all rounds are over before the site is back
        (tmp_path / "hospital-2" / "full").unlink()
        drill.kill("hospital-2")
        drill.start("hospital-2")
        drill.signal("server", signal.SIGCONT)
        drill.assert_over()
        kept = drill.kept()
        assert [done["survivors"] for done in kept if len(done["survivors"]) < 4] == []
        assert [1, 3, 4, 5] in [done["survivors"] for done in kept]
        assert kept[-1]["survivors"] == [1, 2, 3, 4, 5]
        assert max(max(done["waits"].values()) for done in kept) < 15


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("there is no C compiler, with which a program is given another clock")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "clock.c").write_text(_SHIM)
    library = folder / "clock.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", library, folder / "clock.c"], check=True, timeout=60
    )
    return library


class OffDrill(Drill):
    """A drill in which clocks of some programs are off; `clocks` says by how many seconds."""

    clocks, shim = {}, None

    def environment(self):
        found = super().environment()
        if off := self.clocks.get(self.starting):
            found |= {"LD_PRELOAD": str(self.shim), "DRILL_CLOCK": str(off)}
        return found

    def _start(self, name, *arguments):
        self.starting = name
        super()._start(name, *arguments)


def test_clocks_that_are_an_hour_off_change_nothing(tmp_path, shim):
    with OffDrill(tmp_path, "zhang_hardened", rounds=3) as drill:
        drill.shim = shim
        drill.clocks = {"hospital-1": 3600, "hospital-2": -3600}
        drill.start_all()
        drill.assert_over()
        assert [done["survivors"] for done in drill.kept()] == [[1, 2, 3, 4, 5]] * 3
        for name, off in drill.clocks.items():
            hour = time.strftime("%H:", time.localtime(time.time() + off))
            assert any(line.startswith(hour) for line in drill.log(name).splitlines())


def test_a_server_whose_clock_is_an_hour_off(tmp_path, shim):
    with OffDrill(tmp_path, "bonawitz", rounds=3) as drill:
        drill.shim, drill.clocks = shim, {"server": 3600}
        drill.start_all()
        drill.assert_over()
        assert [done["survivors"] for done in drill.kept()] == [[1, 2, 3, 4, 5]] * 3
        assert os.environ.get("LD_PRELOAD", "") != str(shim)
