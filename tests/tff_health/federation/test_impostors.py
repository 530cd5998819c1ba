"""Whoever must not connect is refused, with the reason in the log of who refuses."""

import asyncio
from dataclasses import replace

import grpc
import pytest

from crypto.session.apart.links import LinkLostError
from tests.tff_health.federation.parties import QUICK, Consortium, run, until, with_key_of
from tff_health.federation.carrier.channel import METHOD, channel_credentials
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.consortium import certificates, enrolment, keys
from tff_health.federation.errors import RefusedError


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    return Consortium.found(tmp_path_factory.mktemp("consortium"), "one", "two")


@pytest.fixture(scope="module", params=["tests", "others"])
def foreign(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("foreign")
    return Consortium.found(folder, "one", consortium=request.param)


@pytest.fixture
def changing(tmp_path):
    return Consortium.found(tmp_path, "one", "two")


async def refused_by_tls(consortium, site):
    """A site that TLS refuses, while another one is served all the time."""
    async with consortium.hub() as (hub, address), consortium.line(address, "two") as other:
        with pytest.raises(LinkLostError):
            async with consortium.line(address, "one", site=site):
                pass
        await other.send(b"served")
        assert (await hub.receive()).data == b"served"
        assert hub.connected == {2}


def issued(consortium, name, key, usage=certificates.CLIENT, days=1):
    """A certificate that the CA signs behind the registry's back."""
    ca_key = keys.read_tls_key(consortium.folder / "ca" / enrolment.CA_KEY)
    ca = certificates.read_certificate(consortium.registry.ca)
    return certificates.issue(ca, ca_key, key.public_key(), name, usage, days)


def with_certificate(site, certificate):
    return replace(site, entry=replace(site.entry, certificate=certificates.pem(certificate)))


def test_a_foreign_ca(consortium, foreign, capfd):
    site = replace(foreign.site("one"), ca=consortium.site("one").ca)
    run(refused_by_tls(consortium, site))
    assert "Handshake failed with error SSL_ERROR_SSL" in capfd.readouterr().err


def test_no_certificate(consortium, capfd):
    async def work():
        async with consortium.hub() as (hub, address):
            anonymous = grpc.ssl_channel_credentials(consortium.site("one").ca)
            async with grpc.aio.secure_channel(address, anonymous) as channel:
                call = channel.stream_stream(METHOD)()
                with pytest.raises(grpc.aio.AioRpcError):
                    await call.read()
            assert not hub.connected

    run(work())
    assert "PEER_DID_NOT_RETURN_A_CERTIFICATE" in capfd.readouterr().err


def test_plain_text(consortium):
    async def work():
        async with consortium.hub() as (hub, address), consortium.line(address, "two") as other:
            async with grpc.aio.insecure_channel(address) as channel:
                with pytest.raises(grpc.aio.AioRpcError):
                    await channel.stream_stream(METHOD)().read()
            await other.send(b"served")
            assert (await hub.receive()).data == b"served"

    run(work())


def test_an_expired_certificate(consortium, capfd):
    key = keys.read_tls_key(consortium.folder / "one" / keys.TLS_KEY)
    expired = issued(consortium, "one", key, days=-1)
    run(refused_by_tls(consortium, with_certificate(consortium.site("one"), expired)))
    assert "certificate has expired" in capfd.readouterr().err


def test_another_sites_certificate_without_its_key(consortium):
    two = consortium.site("two")
    run(refused_by_tls(consortium, with_key_of(two, consortium.site("one"))))


def test_the_servers_own_certificate_is_none_of_a_site(consortium, capfd):
    site = consortium.site("one")
    server = consortium.server
    run(refused_by_tls(consortium, replace(site, entry=server.entry, key=server.key)))
    assert "purpose" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("three", "'three' is not in the registry"),
        ("one", "one .client 1.: this is not the certificate that the registry"),
    ],
)
def test_the_registry_and_not_the_ca_alone_decides(consortium, caplog, name, reason):
    key = keys.read_tls_key(consortium.folder / "one" / keys.TLS_KEY)
    site = with_certificate(consortium.site("one"), issued(consortium, name, key))

    async def work():
        async with consortium.hub() as (_, address):
            with pytest.raises(RefusedError, match=reason) as refusal:
                async with consortium.line(address, "one", site=site):
                    pass
            assert refusal.value.is_final

    run(work())
    assert "refused" in caplog.text


def test_a_revoked_site(changing, caplog):
    site = changing.site("one")

    async def work():
        async with changing.hub() as (hub, address):
            async with changing.line(address, "one", site=site) as line:
                enrolment.revoke(changing.folder / "ca", "one")
                with pytest.raises(LinkLostError):
                    await line.receive()  # it is cut off while it is connected
            assert (await hub.receive()).data is None
            with pytest.raises(RefusedError, match=r"one .client 1.: was revoked on 20"):
                async with changing.line(address, "one", site=site):
                    pass

    run(work())
    assert "cut off: one (client 1): was revoked" in caplog.text


def test_a_certificate_that_was_replaced(changing):
    old = changing.site("one")
    (changing.folder / "one").rename(changing.folder / "before")
    changing.enrol("one")

    async def work():
        async with changing.hub() as (hub, address):
            with pytest.raises(RefusedError, match="not the certificate"):
                async with changing.line(address, "one", site=old):
                    pass
            async with changing.line(address, "one"):
                assert hub.connected == {1}

    run(work())


def test_a_registry_that_cannot_be_read_admits_nobody(changing, caplog):
    async def work():
        site, greeting = changing.site("one"), changing.greeting()
        async with changing.hub() as (_, address):
            file = changing.folder / "ca" / enrolment.REGISTRY
            text = file.read_text()
            file.write_text(text.replace('"two"', '"tow"'))
            with pytest.raises(RefusedError, match="no registry") as refusal:
                async with changing.line(address, "one", site=site, greeting=greeting):
                    pass
            assert not refusal.value.is_final
            file.write_text(text)
            async with changing.line(address, "one", site=site, greeting=greeting):
                pass

    run(work())
    assert "registry.json" in caplog.text


def test_a_second_stream_of_a_living_site(consortium, caplog):
    async def work():
        async with consortium.hub() as (hub, address), consortium.line(address, "one") as first:
            with pytest.raises(RefusedError, match="connected already") as refusal:
                async with consortium.line(address, "one"):
                    pass
            assert not refusal.value.is_final
            await first.send(b"goes on")
            assert (await hub.receive()).data == b"goes on"

    run(work())
    assert "a second program runs with the same keys" in caplog.text


def test_a_second_stream_replaces_one_that_gives_no_sign_of_life(consortium):
    patient = replace(QUICK, silence=20.0)

    async def work():
        async with consortium.hub(pace=patient) as (hub, address):
            credentials = channel_credentials(consortium.site("one"))
            async with grpc.aio.secure_channel(address, credentials) as channel:
                dead = channel.stream_stream(METHOD)()
                await dead.write(consortium.greeting().to_frame())
                await until(lambda: hub.connected)
                async with consortium.line(address, "one") as line:
                    assert (await hub.receive()).data is None  # of the first
                    await line.send(b"the second")
                    assert (await hub.receive()).data == b"the second"

    run(work(), seconds=10)


def test_a_server_with_another_study(consortium, caplog):
    async def work():
        async with consortium.hub() as (hub, address):
            greeting = consortium.greeting(study=b"t" * 32)
            with pytest.raises(RefusedError, match=r"one .client 1. has another study"):
                async with consortium.line(address, "one", greeting=greeting):
                    pass
            assert not hub.connected

    run(work())
    assert "one (client 1) has another study" in caplog.text


def test_a_site_that_decodes_images_otherwise(consortium, caplog):
    async def work():
        async with consortium.hub(decoding=b"p" * 32) as (hub, address):
            other = consortium.greeting(decoding=b"q" * 32)
            with pytest.raises(RefusedError, match="decodes image files otherwise"):
                async with consortium.line(address, "one", greeting=other):
                    pass
            assert not hub.connected
            # The same pixels are let in, and so is who decodes nothing, such as a key holder.
            for decoding in (b"p" * 32, b""):
                greeting = consortium.greeting(decoding=decoding)
                async with consortium.line(address, "one", greeting=greeting) as line:
                    assert line.server.decoding == b"p" * 32
                await until(lambda: not hub.connected)

    run(work())
    assert "one (client 1) decodes image files otherwise" in caplog.text


def test_another_version(consortium):
    async def work():
        async with consortium.hub() as (_, address):
            greeting = replace(consortium.greeting(), version=2, package="9.9")
            with pytest.raises(RefusedError, match="install the same version"):
                async with consortium.line(address, "one", greeting=greeting):
                    pass

    run(work())


def test_a_check_does_not_join(consortium):
    async def work():
        async with consortium.hub() as (hub, address):
            greeting = replace(consortium.greeting(), is_check=True)
            async with consortium.line(address, "one", greeting=greeting) as line:
                assert isinstance(line.server, Greeting)
                with pytest.raises(LinkLostError):
                    await line.receive()
            assert not hub.connected
            assert hub._inbox._queue.empty()

    run(work())


def test_who_never_greets_is_sent_away(consortium, caplog):
    async def work():
        async with consortium.hub() as (hub, address):
            credentials = channel_credentials(consortium.site("one"))
            async with grpc.aio.secure_channel(address, credentials) as channel:
                call = channel.stream_stream(METHOD)()
                await asyncio.sleep(1.3)
                assert b"gave no greeting" in await call.read()
            assert not hub.connected

    run(work())
    assert "gave no greeting" in caplog.text
