"""Servers that a site refuses, and addresses behind which there is none."""

import socket
from dataclasses import replace

import pytest

from crypto.session.apart.links import LinkLostError
from tests.tff_health.federation.parties import QUICK, SMALL, STUDY, Consortium, run
from tff_health.federation.carrier.hub import GrpcHub
from tff_health.federation.consortium import certificates, enrolment, keys
from tff_health.federation.errors import FederationError, RefusedError


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    return Consortium.found(tmp_path_factory.mktemp("consortium"), "one", "two")


@pytest.fixture(scope="module", params=["tests", "others"])
def foreign(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("foreign")
    return Consortium.found(folder, "one", consortium=request.param)


def test_a_server_of_another_name(tmp_path):
    consortium = Consortium.found(tmp_path, "one", host="fed.example.org")

    async def work():
        async with consortium.hub() as (_, address):
            with pytest.raises(LinkLostError, match="localhost"):
                async with consortium.line(address, "one"):
                    pass

    run(work())


def test_a_site_is_no_server(consortium):
    # Even for the right name: its certificate is made for clients.
    key = keys.read_tls_key(consortium.folder / "one" / keys.TLS_KEY)
    ca_key = keys.read_tls_key(consortium.folder / "ca" / enrolment.CA_KEY)
    ca = certificates.read_certificate(consortium.registry.ca)
    certificate = certificates.issue(
        ca, ca_key, key.public_key(), "one", certificates.CLIENT, 1, ("localhost",)
    )
    site = consortium.site("one")
    entry = replace(site.entry, certificate=certificates.pem(certificate))
    impostor = replace(site, entry=entry)

    async def work():
        hub = GrpcHub(impostor, STUDY, lambda: consortium.registry, SMALL, QUICK)
        port = await hub.start("localhost:0")
        try:
            with pytest.raises(LinkLostError):
                async with consortium.line(f"localhost:{port}", "two"):
                    pass
        finally:
            await hub.close("the test is over")

    run(work())


def test_a_foreign_server(consortium, foreign):
    async def work():
        async with foreign.hub() as (hub, address):
            with pytest.raises(LinkLostError, match="Ssl handshake failed"):
                async with consortium.line(address, "one"):
                    pass
            assert not hub.connected

    run(work())


def test_two_servers_do_not_share_a_port(consortium):
    async def work():
        async with consortium.hub() as (_, address):
            with pytest.raises(FederationError, match="cannot be listened at"):
                async with consortium.hub(address=address):
                    pass

    run(work())


def test_a_port_that_says_nothing_is_waited_for_not_long(consortium):
    async def work():
        with socket.create_server(("localhost", 0)) as mute:
            address = f"localhost:{mute.getsockname()[1]}"
            with pytest.raises(LinkLostError, match="gave no answer in 1 seconds"):
                async with consortium.line(address, "one"):
                    pass

    run(work(), seconds=5)


def test_a_server_whose_keys_were_renewed_is_no_server_any_more(tmp_path):
    consortium = Consortium.found(tmp_path, "one")
    old = consortium.server
    enrolment.renew_server(tmp_path / "ca", tmp_path / "new")
    (tmp_path / "ca" / "server").rename(tmp_path / "old")

    async def work():
        hub = GrpcHub(old, STUDY, lambda: consortium.registry, SMALL, QUICK)
        port = await hub.start("localhost:0")
        try:
            with pytest.raises(RefusedError, match="has not signed"):
                async with consortium.line(f"localhost:{port}", "one"):
                    pass
        finally:
            await hub.close("the test is over")
        (tmp_path / "new").rename(tmp_path / "ca" / "server")
        async with consortium.hub() as (hub, address), consortium.line(address, "one"):
            assert hub.connected == {1}

    run(work())
