"""The sealed file behind journal and ledger: durable, and any change of it is found out."""

import errno
import os
import random
import signal
import stat

import pytest

from tests.tff_health.federation.parties import process
from tff_health.federation.errors import FederationError
from tff_health.federation.site import sealed_log
from tff_health.federation.site.journal import PURPOSE, SiteJournal
from tff_health.federation.site.sealed_log import HEADER, MOST, SLOT, SealedLog

KEY = b"k" * 32
RECORDS = [b"", b"one", b"\x00" * MOST, b"malignant"]


@pytest.fixture
def path(tmp_path):
    SealedLog.create(tmp_path / "log.sealed")
    return tmp_path / "log.sealed"


def opened(path, key=KEY, purpose="test"):
    log = SealedLog.open(path, key, purpose)
    log.close()
    return log.records


def fill(path, records=RECORDS):
    log = SealedLog.open(path, KEY, "test")
    for record in records:
        log.append(record)
    log.close()


def test_records_come_back_in_order(path):
    assert opened(path) == []
    fill(path)
    fill(path, [b"more"])
    assert opened(path) == [*RECORDS, b"more"]
    assert path.stat().st_size == HEADER + 5 * SLOT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"malignant" not in path.read_bytes()


@pytest.mark.parametrize("record", range(4))
def test_any_changed_byte_is_found_and_located(path, record):
    fill(path)
    content, draw = path.read_bytes(), random.Random(record)
    for _ in range(20):
        place = HEADER + record * SLOT + draw.randrange(SLOT)
        changed = bytearray(content)
        changed[place] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(FederationError, match=f"record {record + 1} is not what was written"):
            opened(path)


def test_a_changed_head_another_key_and_another_purpose(path):
    fill(path)
    content = path.read_bytes()
    for wrong in ({"key": b"K" * 32}, {"purpose": "other"}):
        with pytest.raises(FederationError, match="record 1 is not what was written"):
            opened(path, **wrong)
    for place in range(HEADER):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(FederationError, match=r"is no sealed log|record 1"):
            opened(path)


def test_records_that_were_moved_removed_or_repeated(path):
    fill(path)
    content = path.read_bytes()
    head = content[:HEADER]
    slots = [content[HEADER + i * SLOT :][:SLOT] for i in range(4)]
    for order in ([1, 0, 2, 3], [0, 2, 3], [0, 1, 1, 2, 3], [0, 1, 3, 2], [1, 2, 3]):
        path.write_bytes(head + b"".join(slots[i] for i in order))
        with pytest.raises(FederationError, match="is not what was written"):
            opened(path)


def test_a_file_that_ends_at_any_byte_keeps_what_was_promised(path):
    fill(path)
    content = path.read_bytes()
    for end in range(HEADER + SLOT, len(content), 97):
        path.write_bytes(content[:end])
        whole = (end - HEADER) // SLOT
        assert opened(path) == RECORDS[:whole]
        assert path.stat().st_size == HEADER + whole * SLOT
        fill(path, [b"next"])
        assert opened(path) == [*RECORDS[:whole], b"next"]


def test_files_that_are_none(path):
    with pytest.raises(FederationError, match="never made anew"):
        SealedLog.create(path)
    path.write_bytes(b"")
    with pytest.raises(FederationError, match="is no sealed log"):
        opened(path)
    path.unlink()
    with pytest.raises(FederationError, match=r"is gone.*enrol anew"):
        opened(path)


def test_one_program_at_a_time(path):
    log = SealedLog.open(path, KEY, "test")
    with pytest.raises(FederationError, match="another program has it open"):
        opened(path)
    log.close()
    opened(path)


def test_a_record_that_is_too_long(path):
    log = SealedLog.open(path, KEY, "test")
    with pytest.raises(FederationError, match="at most"):
        log.append(bytes(MOST + 1))
    log.append(b"goes on")
    log.close()


@pytest.mark.parametrize("written", [0, 100])
def test_a_full_disk_is_said_and_nothing_half_is_left(path, monkeypatch, written):
    fill(path)
    log = SealedLog.open(path, KEY, "test")
    write = os.pwrite

    def full(descriptor, data, offset):
        if written:
            write(descriptor, data[:written], offset)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(FederationError, match="No space left on device; nothing was given away"):
        log.append(b"lost")
    monkeypatch.undo()
    with pytest.raises(FederationError, match="takes no more"):
        log.append(b"lost too")
    log.close()
    assert opened(path) == RECORDS


def test_what_was_not_synced_is_not_promised(path, monkeypatch):
    log = SealedLog.open(path, KEY, "test")

    def broken(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(sealed_log.os, "fsync", broken)
    with pytest.raises(FederationError, match="Input/output error"):
        log.append(b"lost")
    log.close()


WRITER = """
import sys
from pathlib import Path
from tff_health.federation.site.journal import PURPOSE, SiteJournal
from tff_health.federation.site.sealed_log import SealedLog
journal = SiteJournal(SealedLog.open(Path(sys.argv[1]), b"k" * 32, PURPOSE))
journal = journal.of(b"s" * 32, "masking")
for round_id in range(int(sys.argv[2]), 10**6):
    journal.record(round_id, round_id.to_bytes(32, "little"))
    print(round_id, flush=True)
"""


def test_what_a_killed_program_recorded_is_there(path):
    start = 0
    for kills in range(4):
        with process("-c", WRITER, path, start) as child:
            for _ in range(3 + 7 * kills):
                said = int(child.stdout.readline())
            os.kill(child.pid, signal.SIGKILL)
            said = max([said, *map(int, child.stdout.read().split())])
        log = SealedLog.open(path, KEY, PURPOSE)
        journal = SiteJournal(log).of(b"s" * 32, "masking")
        for round_id in range(said + 1):
            assert journal.opened(round_id) == round_id.to_bytes(32, "little")
        assert len(log.records) in (said + 1, said + 2)  # killed between the disk and telling
        start = len(log.records)
        log.close()
