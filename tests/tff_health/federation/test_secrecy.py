"""What others see of the traffic, of files and of logs: nothing secret."""

import asyncio
import contextlib
import stat

import pytest

from tests.tff_health.federation.parties import QUICK, SMALL, Consortium, run
from tff_health.federation.carrier.line import connect
from tff_health.federation.consortium import keys

MARKER = b"the patient's lesion is malignant"


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    return Consortium.found(tmp_path_factory.mktemp("consortium"), "one", "two")


class Relay:
    """Stands between a site and the server, and keeps all that goes through."""

    def __init__(self, port):
        self.port = port
        self.captured = bytearray()

    @contextlib.asynccontextmanager
    async def listening(self):
        server = await asyncio.start_server(self.pass_on, "localhost", 0)
        async with server:
            yield f"localhost:{server.sockets[0].getsockname()[1]}"

    async def pass_on(self, reader, writer):
        try:
            there = await asyncio.open_connection("localhost", self.port)
        except OSError:  # the server is not there yet
            writer.close()
            return
        with contextlib.suppress(OSError):
            await asyncio.gather(self.copy(reader, there[1]), self.copy(there[0], writer))

    async def copy(self, reader, writer):
        while data := await reader.read(65_536):
            self.captured += data
            writer.write(data)
            await writer.drain()
        writer.close()


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
