"""What others see of the traffic, of files and of logs: nothing secret."""

import stat

import pytest

from tests.tff_health.federation.parties import QUICK, SMALL, Consortium, run
from tests.tff_health.federation.relay import Relay
from tff_health.federation.carrier.line import connect
from tff_health.federation.consortium import keys

MARKER = b"the patient's lesion is malignant"


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    return Consortium.found(tmp_path_factory.mktemp("consortium"), "one", "two")


def test_a_capture_of_all_traffic_holds_no_plain_text(consortium, caplog, capfd):
    caplog.set_level("DEBUG")
    message = MARKER * 1000

    async def work():
        async with consortium.hub() as (hub, address):
            relay = Relay(int(address.rpartition(":")[2]))
            async with (
                relay.listening() as through,
                connect(
                    through, consortium.site("one"), consortium.greeting(), SMALL, QUICK
                ) as line,
            ):
                await line.send(message)
                assert (await hub.receive()).data == message
                await hub.send(1, message)
                assert await line.receive() == message
            return bytes(relay.captured)

    captured = run(work())
    assert len(captured) > 2 * len(message)
    site = consortium.site("one")
    for secret in (MARKER, b"malignant", site.identity.secret[:32], site.key[60:100]):
        assert secret not in captured
    # Not even who takes part: TLS 1.3 encrypts certificates.
    assert site.certificate[60:100] not in captured
    assert b"client 1" not in captured
    assert "malignant" not in caplog.text
    assert "malignant" not in "".join(capfd.readouterr())


def test_files_of_keys_are_for_their_owner_alone(consortium):
    found = [*consortium.folder.rglob("*.key")]
    assert {path.name for path in found} == {
        *("ca.key", keys.TLS_KEY, keys.IDENTITY_KEY, keys.STORAGE_KEY)
    }
    for path in found:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_travels_holds_no_key(consortium):
    secrets = [path.read_bytes() for path in consortium.folder.rglob("*.key")]
    marks = [text[line : line + 30] for text in secrets for line in (0, 40) if b"BEGIN" not in text]
    marks += [text.splitlines()[1] for text in secrets if b"BEGIN" in text]
    marks += [consortium.site(name).identity.secret[:32].hex().encode() for name in ("one", "two")]
    for file in (*consortium.folder.rglob("*.json"),):
        content = file.read_bytes()
        assert not [mark for mark in marks if mark in content], file


def test_nothing_that_has_a_key_shows_it(consortium):
    site = consortium.site("one")
    text = repr(site)
    assert repr(site.key) not in text
    assert repr(site.identity.secret) not in text
