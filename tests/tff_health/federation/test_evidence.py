"""Transcripts: what parties sign, and what verifying them finds."""

import contextlib
import dataclasses
import errno
import hashlib
import json
import math
import os
import random
import shutil
import signal
import stat

import pytest

from crypto.parties import AUTHORITY, SERVER
from crypto.session.apart.participant import Call
from tests.tff_health.federation.parties import STUDY, Consortium, process
from tff_health.federation.__main__ import main
from tff_health.federation.carrier.limits import Traffic
from tff_health.federation.consortium import enrolment
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.errors import FederationError
from tff_health.federation.evidence.entries import START, SUMMED, Entry, RoundSessions
from tff_health.federation.evidence.transcript import Transcript, read_line
from tff_health.federation.evidence.verification import verify_folder
from tff_health.federation.programs.evidence import HelperEvidence
from tff_health.federation.rounds.messages import RoundClosed

NAMES = {SERVER: "server", 1: "one", 2: "two", 3: "three"}
MODELS = [bytes([i]) * 32 for i in range(10)]


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    return Consortium.found(tmp_path_factory.mktemp("consortium"), "one", "two", "three")


def session(registry, round_id, **changes):
    values = {
        **{"study": STUDY, "registry": registry, "round_id": round_id},
        **{"binding": bytes([round_id]) * 32, "sessions": (("masking", b"opened"),)},
        **{"cohort": (1, 2, 3), "survivors": (1, 2, 3)},
        **{"outcome": SUMMED, "model_before": MODELS[round_id]},
        **{"model_after": MODELS[round_id + 1], "epsilon": 0.5 * round_id},
        **{"bytes_up": 1000, "bytes_down": 2000},
    }
    return RoundSessions(**{**values, **changes})


def identity_of(consortium, party):
    return (consortium.server if party == SERVER else consortium.site(NAMES[party])).identity


def write(consortium, folder, party, sessions):
    folder.mkdir(exist_ok=True)
    shutil.copy(consortium.folder / "ca" / enrolment.REGISTRY, folder)
    path = folder / f"{NAMES[party]}.jsonl"
    identity = identity_of(consortium, party)
    transcript = Transcript.open(path, NAMES[party], party, identity)
    for one in sessions:
        transcript.add(one, when=1_700_000_000)
    transcript.close()
    return path


@pytest.fixture
def folder(consortium, tmp_path):
    """Three rounds, as all parties have them; client 2 dropped out of round 2."""
    digest = consortium.registry.digest
    rounds = [session(digest, r, survivors=(1, 3) if r == 2 else (1, 2, 3)) for r in (1, 2, 3)]
    write(consortium, tmp_path / "t", SERVER, rounds)
    for party in (1, 2, 3):
        own = [dataclasses.replace(s, model_after=None, epsilon=0.1) for s in rounds]
        if party == 2:
            own[1] = dataclasses.replace(own[1], survivors=None, outcome="the link was lost")
        write(consortium, tmp_path / "t", party, own)
    return tmp_path / "t"


def helper(consortium, folder, told):
    """The transcript of a key holder that has served rounds; returns its path."""
    path = folder / "keeper.jsonl"
    identity = consortium.site("keeper").identity
    transcript = Transcript.open(path, "keeper", AUTHORITY, identity)
    evidence = HelperEvidence(transcript, STUDY, consortium.registry.digest, Traffic())
    tasks = evidence.noting({"sum 1/decrypt": refuse_nonsense})
    for round_id, calls in told.items():
        for data in calls:
            with contextlib.suppress(ValueError):
                assert tasks["sum 1/decrypt"](Call(b"", "decrypt", data)) == b"done"
        closed = RoundClosed(round_id, bytes([round_id]) * 32, (1, 2, 3), bytes(32), False)
        evidence.told(closed)
        evidence.told(closed)  # a server that was started anew says it again
    evidence.close()
    return path


def refuse_nonsense(call):
    if call.data == b"nonsense":
        raise ValueError
    return b"done"


def test_a_key_holder_tells_what_it_was_asked_and_did(tmp_path):
    consortium = Consortium.found(tmp_path, "one")
    request = enrolment.enrol(tmp_path / "keeper", "keeper")
    enrolment.sign(tmp_path / "ca", request, spoken(request.digest), AUTHORITY)
    folder = tmp_path / "t"
    folder.mkdir()
    shutil.copy(tmp_path / "ca" / enrolment.REGISTRY, folder)
    calls = {1: [b"order 1"], 2: [], 3: [b"nonsense", b"order 3"], 4: [b"order 4", b"order 4"]}
    path = helper(consortium, folder, calls)
    assert problems(folder) == []
    told = [json.loads(line)["entry"]["told"]["sessions"] for line in lines_of(path)]
    once = {data: chained(b"", data) for data in (b"order 1", b"order 3", b"order 4")}
    assert told == [
        {"sum 1/decrypt": once[b"order 1"].hex()},
        {},
        {"sum 1/decrypt": once[b"order 3"].hex()},
        {"sum 1/decrypt": chained(once[b"order 4"], b"order 4").hex()},
    ]
    registry = consortium.registry.digest
    write(
        consortium,
        folder,
        SERVER,
        [
            session(
                registry,
                r,
                binding=bytes([r]) * 32,
                model_before=None,
                model_after=bytes(32),
                survivors=(1, 2, 3),
            )
            for r in (1, 2, 3, 4, 5)
        ],
    )
    (found,) = problems(folder)
    assert "keeper.jsonl: does not tell of round 5" in found
    path.write_bytes(path.read_bytes().replace(once[b"order 1"].hex().encode(), b"00" * 32))
    assert any("the signature of keeper does not hold" in problem for problem in problems(folder))


def chained(before, data):
    return hashlib.sha256(before + hashlib.sha256(data).digest()).digest()


def problems(folder):
    return [str(problem) for problem in verify_folder(folder).problems]


def lines_of(path):
    return path.read_bytes().split(b"\n")[:-1]


def test_transcripts_that_agree(folder, capsys):
    verdict = verify_folder(folder)
    assert (verdict.transcripts, verdict.entries, verdict.problems) == (4, 12, ())
    assert main(["verify", str(folder)]) == 0
    assert capsys.readouterr().out == "4 transcripts, 12 entries, 0 problems\n"
    assert stat.S_IMODE((folder / "one.jsonl").stat().st_mode) == 0o600


def test_entries_come_back(consortium, folder):
    path = folder / "server.jsonl"
    transcript = Transcript.open(path, "server", SERVER, identity_of(consortium, SERVER))
    transcript.close()
    first = transcript.entries[0]
    assert first.told == session(consortium.registry.digest, 1)
    assert (first.number, first.previous, first.party) == (1, START, SERVER)
    assert Entry.from_data(json.loads(first.to_bytes())) == first


@pytest.mark.parametrize("epsilon", [None, 0.0, 1.25, math.inf])
def test_sessions_come_back(epsilon):
    one = session(b"r" * 32, 1, epsilon=epsilon, survivors=None, model_before=None)
    assert RoundSessions.from_data(json.loads(json.dumps(one.to_data()))) == one


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"bytes_up":1000', b'"bytes_up":1001'),
        (b'"survivors":[1,3]', b'"survivors":[1,2]'),
        (b'"epsilon":1.0', b'"epsilon":0.1'),
        (b'"round_id":2', b'"round_id":3'),
        (b'"outcome":"summed"', b'"outcome":"summer"'),
        (b'"party":"server"', b'"party":1'),
        (b'"name":"server"', b'"name":"one"'),
        (b'{"entry"', b'{ "entry"'),
        (b'"cohort":[1,2,3]', b'"cohort":[3,2,1]'),
        (b'"number":2', b'"number":true'),
        (b'"epsilon":1.0', b'"epsilon":NaN'),
        (b'"signature":"', b'"signature":"00'),
        (b'"signature":"', b'"signature":" '),
    ],
)
def test_what_was_changed_is_found_in_its_line(folder, old, new):
    path = folder / "server.jsonl"
    lines = lines_of(path)
    assert old in lines[1]
    lines[1] = lines[1].replace(old, new)
    path.write_bytes(b"\n".join([*lines, b""]))
    found = [problem for problem in problems(folder) if "server.jsonl, line 2: " in problem]
    assert len(found) == 1
    assert found[0].endswith("what follows is not verified")


def test_any_changed_byte_is_found(folder):
    path = folder / "one.jsonl"
    content, draw = path.read_bytes(), random.Random(1)
    first, second = (len(line) for line in lines_of(path)[:2])
    for _ in range(100):
        place = first + 1 + draw.randrange(second)
        changed = bytearray(content)
        changed[place] ^= 1 << draw.randrange(7)
        path.write_bytes(changed)
        assert any(f"{path}, line 2: " in problem for problem in problems(folder))


def test_a_line_taken_from_the_middle(folder):
    path = folder / "one.jsonl"
    lines = lines_of(path)
    path.write_bytes(b"\n".join([lines[0], lines[2], b""]))
    assert "line 2: it is entry 3, and entry 2 belongs here" in problems(folder)[0]


def test_a_line_taken_from_the_end_is_missed_beside_the_others(folder):
    path = folder / "one.jsonl"
    path.write_bytes(b"\n".join([*lines_of(path)[:2], b""]))
    (found,) = problems(folder)
    assert f"{path}: does not tell of round 3, as" in found


def test_a_transcript_forged_with_another_key(consortium, folder):
    forged = write(consortium, folder / "f", 1, [session(consortium.registry.digest, 1)])
    identity = identity_of(consortium, 2)
    forged.unlink()
    transcript = Transcript.open(forged, "one", 1, identity)
    transcript.add(session(consortium.registry.digest, 1), when=0)
    transcript.close()
    assert any("signature of one does not hold" in problem for problem in problems(folder / "f"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"survivors": (1, 2)}, "survivors is {1, 2}, and {1, 2, 3} in"),
        ({"cohort": (1, 2, 3, 4)}, "cohort is {1, 2, 3, 4}, and {1, 2, 3} in"),
        ({"model_before": MODELS[9]}, "model before is 0909090909090909, and 0101010101010101 in"),
        ({"binding": b"b"}, "binding is 62, and 0101010101010101 in"),
    ],
)
def test_parties_that_were_told_different_things(consortium, tmp_path, changes, said):
    digest = consortium.registry.digest
    told = session(digest, 1)
    write(consortium, tmp_path / "t", 1, [told])
    write(consortium, tmp_path / "t", SERVER, [dataclasses.replace(told, **changes)])
    assert any(said in problem for problem in problems(tmp_path / "t"))


def test_a_second_sum_of_a_round(consortium, tmp_path):
    digest = consortium.registry.digest
    again = session(digest, 1, sessions=(("masking", b"other"),))
    write(consortium, tmp_path / "t", 1, [session(digest, 1), again])
    (found,) = problems(tmp_path / "t")
    assert "one.jsonl, line 2: a second sum of round 1; the first is in line 1" in found


def test_a_round_that_was_opened_nowhere_and_asked_again_is_no_second_sum(consortium, tmp_path):
    digest = consortium.registry.digest
    aborted = session(
        digest, 1, sessions=(("masking", b""),), outcome="2 are left, 3 are needed", survivors=None
    )
    write(consortium, tmp_path / "t", 1, [aborted, session(digest, 1)])
    assert problems(tmp_path / "t") == []


def test_a_round_that_begins_with_another_model(consortium, tmp_path):
    digest = consortium.registry.digest
    write(consortium, tmp_path / "t", SERVER, [session(digest, 1)])
    write(consortium, tmp_path / "t", 1, [session(digest, 2, model_before=MODELS[9])])
    found = problems(tmp_path / "t")
    assert any("round 2 began with another model than that with which server" in p for p in found)


def test_entries_of_before_a_change_of_keys(tmp_path):
    consortium = Consortium.found(tmp_path / "c", "one", "two", "three")
    folder, path = tmp_path / "t", tmp_path / "t" / "one.jsonl"
    write(consortium, folder, 1, [session(consortium.registry.digest, 1)])
    (folder / "registry.json").rename(folder / "registry-4.json")
    (tmp_path / "c" / "one").rename(tmp_path / "c" / "before")
    consortium.enrol("one")
    write(consortium, folder, 1, [session(consortium.registry.digest, 2)])
    assert len(lines_of(path)) == 2
    assert problems(folder) == []
    (folder / "registry-4.json").unlink()
    assert "is not in the folder" in problems(folder)[0]


def test_folders_without_what_is_needed(consortium, tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 1
    assert "has no registry" in capsys.readouterr().err
    shutil.copy(consortium.folder / "ca" / enrolment.REGISTRY, tmp_path)
    with pytest.raises(FederationError, match="has no transcripts"):
        verify_folder(tmp_path)
    foreign = Consortium.found(tmp_path / "foreign")
    shutil.copy(foreign.folder / "ca" / enrolment.REGISTRY, tmp_path / "registry-2.json")
    with pytest.raises(FederationError, match="of different consortia"):
        verify_folder(tmp_path)


def test_a_transcript_that_was_changed_takes_no_more(consortium, folder):
    path = folder / "one.jsonl"
    lines = lines_of(path)
    path.write_bytes(b"\n".join([lines[1], lines[0], b""]))
    with pytest.raises(FederationError, match="line 1: it is entry 2, and entry 1 belongs here"):
        Transcript.open(path, "one", 1, identity_of(consortium, 1))


def test_one_program_at_a_time(consortium, folder):
    path, identity = folder / "one.jsonl", identity_of(consortium, 1)
    transcript = Transcript.open(path, "one", 1, identity)
    with pytest.raises(FederationError, match="another program has it open"):
        Transcript.open(path, "one", 1, identity)
    transcript.close()


def test_a_full_disk(consortium, folder, monkeypatch):
    path, identity = folder / "one.jsonl", identity_of(consortium, 1)
    transcript = Transcript.open(path, "one", 1, identity)
    write_some = os.pwrite

    def full(descriptor, data, offset):
        write_some(descriptor, data[:50], offset)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    for said in ("No space left on device", "takes no more"):
        with pytest.raises(FederationError, match=said):
            transcript.add(session(consortium.registry.digest, 4), when=0)
    transcript.close()
    monkeypatch.undo()
    assert "line 4: the last line is unfinished" in problems(folder)[0]
    Transcript.open(path, "one", 1, identity).close()
    assert problems(folder) == []


WRITER = """
import sys
from pathlib import Path
from tests.tff_health.federation.test_evidence import Consortium, Transcript, identity_of, session
consortium = Consortium(Path(sys.argv[1]))
transcript = Transcript.open(Path(sys.argv[2]), "one", 1, identity_of(consortium, 1))
digest = consortium.registry.digest
for number in range(10**6):
    entry = transcript.add(session(digest, number % 8), when=number)
    print(entry.number, flush=True)
"""


def test_what_a_killed_program_wrote_is_there(consortium, tmp_path):
    path = tmp_path / "one.jsonl"
    for _ in range(3):
        with process("-c", WRITER, consortium.folder, path) as child:
            for _ in range(20):
                said = int(child.stdout.readline())
            os.kill(child.pid, signal.SIGKILL)
            said = max([said, *map(int, child.stdout.read().split())])
        transcript = Transcript.open(path, "one", 1, identity_of(consortium, 1))
        transcript.close()
        assert len(transcript.entries) in (said, said + 1)


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"\xff", b"{" * 9999, b'{"entry":1}'])
def test_lines_that_are_none(line):
    with pytest.raises(FederationError, match="it is no line of a transcript"):
        read_line(line, 1, START)
