"""How hospitals come into the registry and leave it, and what is refused on the way."""

import json
from datetime import timedelta

import pytest

from crypto.parties import AUTHORITY
from tests.tff_health.federation.parties import Consortium
from tff_health.federation.consortium import certificates, credentials, enrolment, keys
from tff_health.federation.consortium.digests import digest_of, is_spoken, spoken
from tff_health.federation.consortium.registry import read_registry, write_registry
from tff_health.federation.errors import FederationError


@pytest.fixture
def consortium(tmp_path):
    return Consortium.found(tmp_path, "one", "two")


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    return Consortium.found(tmp_path_factory.mktemp("consortium"), "one", "two")


def test_members_are_numbered_from_one_and_known_by_their_keys(consortium):
    consortium.enrol("keyholder", party=AUTHORITY)
    consortium.enrol("seven", party=7)
    assert consortium.enrol("eight").party == 8
    registry = consortium.registry
    assert [m.party for m in registry.members] == [1, 2, AUTHORITY, 7, 8]
    assert registry.serial == 6
    keys_of = {m.party: consortium.site(m.name).identity.verify_key for m in registry.members}
    del keys_of[AUTHORITY]
    assert registry.verify_keys == keys_of
    assert registry.named("seven") is registry.member(7)
    with pytest.raises(FederationError, match="client 3 is not in the registry"):
        registry.member(3)


def test_what_is_signed_verifies_by_the_registry(consortium):
    site = consortium.site("one")
    signature = site.identity.sign("test", b"message")
    consortium.registry.verify_keys[1].verify("test", b"message", signature)


def test_a_revoked_member_keeps_its_number_and_name(consortium):
    enrolment.revoke(consortium.folder / "ca", "two")
    assert 2 not in consortium.registry.verify_keys
    with pytest.raises(FederationError, match="already"):
        enrolment.revoke(consortium.folder / "ca", "two")
    assert consortium.enrol("three").party == 3
    (consortium.folder / "two").rename(consortium.folder / "before")
    with pytest.raises(FederationError, match=r"two was revoked on .*: use another name"):
        consortium.enrol("two")
    with pytest.raises(FederationError, match="same party"):
        consortium.enrol("four", party=2)


def test_keys_are_changed_by_enrolling_again(consortium):
    before = consortium.registry.member(1)
    (consortium.folder / "one").rename(consortium.folder / "before")
    assert consortium.enrol("one").party == 1
    after = consortium.registry.member(1)
    assert (before.verify_key, before.fingerprint) != (after.verify_key, after.fingerprint)
    assert consortium.site("one").entry == after
    with pytest.raises(FederationError, match="no entry of the registry"):
        consortium.site("before")


def test_keys_are_never_overwritten(consortium):
    with pytest.raises(FederationError, match="never overwritten"):
        consortium.enrol("one")
    with pytest.raises(FederationError, match="has a consortium already"):
        Consortium.found(consortium.folder)
    consortium.site("one")


def test_a_request_is_signed_only_with_the_digest_that_was_told(consortium):
    request = enrolment.enrol(consortium.folder / "three", "three")
    other = enrolment.enrol(consortium.folder / "four", "four")
    folder = consortium.folder / "ca"
    with pytest.raises(FederationError, match="do not sign it"):
        enrolment.sign(folder, request, spoken(other.digest))
    with pytest.raises(FederationError, match="is no digest"):
        enrolment.sign(folder, request, "yes")
    assert len(consortium.registry.members) == 2
    assert enrolment.sign(folder, request, spoken(request.digest).upper()).party == 3


def test_requests_that_are_not_their_owners(consortium):
    one = enrolment.enrol(consortium.folder / "a", "three")
    two = enrolment.enrol(consortium.folder / "b", "four")
    mixed = {**one.to_data(), "csr": two.csr}
    with pytest.raises(FederationError, match="not signed by its verify key"):
        enrolment.Request.from_data(mixed)
    identity = keys.read_identity(consortium.folder / "a" / keys.IDENTITY_KEY)
    altered = two.csr.replace("A", "B", 1)
    request = enrolment.Request.make(altered, identity)
    with pytest.raises(FederationError, match="request"):
        enrolment.sign(consortium.folder / "ca", request, spoken(request.digest))


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"csr": 1}', "{" * 5000, '"x"', "\xff"])
def test_files_that_are_no_requests_and_no_registries(tmp_path, content):
    file = tmp_path / "file.json"
    file.write_text(content, encoding="latin-1")
    with pytest.raises(FederationError, match="send what `enrol` wrote"):
        enrolment.read_request(file)
    with pytest.raises(FederationError, match="is no registry"):
        read_registry(file)
    with pytest.raises(FederationError, match="cannot be read"):
        read_registry(tmp_path / "none.json")


def changes(data):
    """Ways to change a registry."""
    member = data["members"][0]
    yield "serial", {**data, "serial": data["serial"] + 1}
    yield "a member less", {**data, "members": data["members"][1:]}
    yield "revoked", {**data, "members": [{**member, "revoked": "2026-01-01T00:00:00Z"}]}
    yield "verify key", {**data, "members": [{**member, "verify_key": "00" * 32}]}
    yield "party", {**data, "members": [{**member, "party": 9}]}
    yield "no party", {**data, "members": [{**member, "party": True}]}
    yield "negative", {**data, "members": [{**member, "party": -1}]}
    yield "twice", {**data, "members": [member, member]}
    yield "the server's name", {**data, "members": [{**member, "name": "server"}]}
    yield "a field more", {**data, "note": "x"}
    yield "format", {**data, "format": 2}
    yield "server for member", {**data, "server": data["members"][0] | {}}
    yield "signature", {**data, "signature": "00" * 70}
    yield "no signature", {k: v for k, v in data.items() if k != "signature"}


def test_a_registry_that_was_changed_is_refused(lasting, tmp_path):
    text = (lasting.folder / "ca" / enrolment.REGISTRY).read_text()
    file = tmp_path / "registry.json"
    file.write_text(text)
    read_registry(file)
    for what, changed in changes(json.loads(text)):
        file.write_text(json.dumps(changed))
        with pytest.raises(FederationError) as refusal:
            read_registry(file)
        assert str(file) in str(refusal.value), what
        assert "\n" not in str(refusal.value)


def test_another_ca_cannot_sign_the_registry(lasting, tmp_path):
    other = Consortium.found(tmp_path)
    registry = lasting.registry
    file = tmp_path / "registry.json"
    write_registry(file, registry, keys.read_tls_key(other.folder / "ca" / enrolment.CA_KEY))
    with pytest.raises(FederationError, match="was changed after the CA signed it"):
        read_registry(file)


def test_digests_tell_registries_apart_and_not_copies(consortium):
    before = consortium.registry.digest
    assert consortium.registry.digest == before
    enrolment.revoke(consortium.folder / "ca", "one")
    assert consortium.registry.digest != before


def test_digests_by_phone():
    digest = digest_of("test", b"data")
    text = spoken(digest)
    assert len(text) == 47
    assert is_spoken(text, digest)
    assert is_spoken(text.replace("-", " ").upper(), digest)
    wrong = ("0" if text[0] != "0" else "1") + text[1:]
    assert not is_spoken(wrong, digest)
    with pytest.raises(ValueError, match="is no digest"):
        is_spoken(text[:-1], digest)
    assert digest_of("other", b"data") != digest


@pytest.mark.parametrize("name", ["", "A", "a b", "-a", "a-", "a" * 41, "ä", "a/b", "../x", None])
def test_names_that_are_none(tmp_path, name):
    with pytest.raises(FederationError, match="must have 1 to 40 characters"):
        enrolment.enrol(tmp_path / "keys", name)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("host", ["", "a b", "http://x", "x/y", "ü", "host:port/"])
def test_hosts_that_are_none(tmp_path, host):
    with pytest.raises(FederationError, match="without port"):
        enrolment.found_consortium(tmp_path / "ca", "tests", (host,))


def test_a_key_that_others_can_read_is_refused(consortium):
    key = consortium.folder / "one" / keys.IDENTITY_KEY
    key.chmod(0o640)
    with pytest.raises(FederationError, match=r"mode is 0640.*chmod 600"):
        consortium.site("one")


@pytest.mark.parametrize("name", [keys.TLS_KEY, keys.IDENTITY_KEY, keys.STORAGE_KEY])
@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense", b"\xff" * 50, b"x" * 20_000],
    ids=["empty", "nonsense", "bytes", "large"],
)
def test_files_that_are_no_keys(consortium, name, content):
    path = consortium.folder / "one" / name
    path.write_bytes(content)
    readers = {
        keys.TLS_KEY: keys.read_tls_key,
        keys.IDENTITY_KEY: keys.read_identity,
        keys.STORAGE_KEY: keys.read_storage_key,
    }
    with pytest.raises(FederationError, match=name) as refusal:
        readers[name](path)
    assert "nonsense" not in str(refusal.value)


def test_one_key_does_not_pass_for_another(consortium):
    folder = consortium.folder / "one"
    (folder / keys.TLS_KEY).write_bytes((folder / keys.IDENTITY_KEY).read_bytes())
    with pytest.raises(FederationError, match=r"no key on the curve P-256"):
        consortium.site("one")


def test_an_identity_of_another_is_found_out(consortium):
    there, here = (consortium.folder / n / keys.IDENTITY_KEY for n in ("two", "one"))
    here.write_bytes(there.read_bytes())
    with pytest.raises(FederationError, match="another key than that of one"):
        consortium.site("one")


def test_what_is_known_against_an_entry(consortium):
    assert credentials.problem_with(consortium.registry.member(1)) == ""
    enrolment.revoke(consortium.folder / "ca", "one")
    assert "was revoked on" in credentials.problem_with(consortium.registry.member(1))
    two = consortium.registry.member(2).x509
    later = certificates.now() + timedelta(days=400)
    assert "has expired" in certificates.lifetime_problem(two, later)
    # A clock that is an hour slow, or half a day, does no harm.
    assert not certificates.lifetime_problem(two, certificates.now() - timedelta(hours=12))
    earlier = certificates.now() - timedelta(days=2)
    assert "holds only from" in certificates.lifetime_problem(two, earlier)
