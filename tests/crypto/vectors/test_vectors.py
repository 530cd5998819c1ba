"""Today's code makes the bytes of the files, and refuses what they say must be refused."""

import pytest

from crypto import errors
from crypto.errors import MalformedMessageError
from tests.crypto.vectors import commitments, norm_proofs, operations, proofs
from tests.crypto.vectors.form import FOLDER, as_text, plain, read
from tests.crypto.vectors.generate import files
from tests.crypto.vectors.messages import turned
from tests.crypto.vectors.sessions import kinds, name_of

CHANGED = (
    "the bytes on the wire have changed; if they had to, run "
    "`python -m tests.crypto.vectors.generate` and say so in the changelog"
)
MESSAGES = read("messages.json")["messages"]
every_kind = pytest.mark.parametrize("entry", MESSAGES, ids=lambda entry: entry["kind"])
KINDS = {name_of(kind): kind for kind in kinds().values()}


@pytest.mark.parametrize("name", files())
def test_the_files_are_what_is_made_today(name):
    assert as_text(files()[name]()) == (FOLDER / name).read_text(), CHANGED


def test_there_are_no_other_files():
    assert {path.name for path in FOLDER.glob("*.json")} == set(files())


def given_to(vector):
    """The arguments of a vector, with bytes where there is hexadecimal."""
    plain_text = {"group", "random", "purpose", "seed_label", "text"}
    return {
        name: value if name in plain_text else from_hex(value)
        for name, value in vector["given"].items()
    }


def from_hex(value):
    if isinstance(value, str):
        return bytes.fromhex(value)
    if isinstance(value, list):
        return [from_hex(item) for item in value]
    if isinstance(value, dict):
        return {key: from_hex(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize(
    ("name", "defined"),
    [
        ("primitives.json", operations.OPERATIONS),
        ("proofs.json", proofs.OPERATIONS),
        ("commitments.json", commitments.OPERATIONS),
        ("norm_proofs.json", norm_proofs.OPERATIONS),
    ],
)
def test_vectors_can_be_checked_from_the_file_alone(name, defined):
    for vector in read(name)["vectors"]:
        run, given = defined[vector["do"]], given_to(vector)
        if "error" in vector:
            with pytest.raises(getattr(errors, vector["error"])):
                run(**given)
        else:
            assert plain(run(**given)) == vector["expect"], vector["name"]


def test_every_kind_of_message_has_its_vectors():
    assert set(KINDS) == {entry["kind"] for entry in MESSAGES}
    numbers = [entry["type"] for entry in MESSAGES]
    assert len(set(numbers)) == len(numbers)


@every_kind
def test_good_messages_are_read_and_written_the_same(entry):
    data = bytes.fromhex(entry["good"])
    message = KINDS[entry["kind"]].from_bytes(data)
    assert plain(message) == entry["fields"]
    assert message.to_bytes() == data
    assert data[:4] == b"th\x01" + bytes([entry["type"]])


@every_kind
def test_bad_messages_are_refused(entry):
    kind, good = KINDS[entry["kind"]], bytes.fromhex(entry["good"])
    bad = [bytes.fromhex(each["bytes"]) for each in entry["bad"]]
    assert len(bad) >= 8
    positions = [at for first, last in entry["turned"] for at in range(first, last + 1)]
    assert positions[:4] == [0, 1, 2, 3]
    for data in (*bad, *(turned(good, position) for position in positions)):
        with pytest.raises(MalformedMessageError):
            kind.from_bytes(data)


@every_kind
def test_no_other_kind_reads_a_message(entry):
    data = bytes.fromhex(entry["good"])
    for name, kind in KINDS.items():
        if name != entry["kind"]:
            with pytest.raises(MalformedMessageError):
                kind.from_bytes(data)
