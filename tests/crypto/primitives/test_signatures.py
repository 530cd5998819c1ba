import hashlib

import pytest
from nacl import bindings

from crypto.domain import domain_tag
from crypto.errors import ParameterError, SignatureError
from crypto.primitives.signatures import SigningIdentity, VerifyKey


def test_the_signature_scheme_is_that_of_rfc_8032():
    # Section 7.1, test 1: pins the library; the next test pins our use of it.
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public, secret = bindings.crypto_sign_seed_keypair(seed)
    assert public.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert bindings.crypto_sign(b"", secret)[:64].hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


def test_what_is_signed_is_the_tagged_hash():
    identity = SigningIdentity.generate()
    digest = hashlib.sha256(domain_tag("p") + b"message").digest()
    expected = bindings.crypto_sign(digest, identity.secret)[:64]
    assert identity.sign("p", b"message") == expected


def test_signatures_verify_for_their_message_purpose_and_key_only():
    identity, other = SigningIdentity.generate(), SigningIdentity.generate()
    signature = identity.sign("purpose", b"message")
    identity.verify_key.verify("purpose", b"message", signature)
    for key, purpose, message in [
        (other.verify_key, "purpose", b"message"),
        (identity.verify_key, "other", b"message"),
        (identity.verify_key, "purpose", b"messages"),
        (identity.verify_key, "purpose", b""),
    ]:
        with pytest.raises(SignatureError):
            key.verify(purpose, message, signature)


def test_every_bit_of_a_signature_counts():
    identity = SigningIdentity.generate()
    signature = identity.sign("p", b"m")
    for position in range(512):
        changed = bytearray(signature)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(SignatureError):
            identity.verify_key.verify("p", b"m", bytes(changed))


@pytest.mark.parametrize("size", [0, 63, 65, 128])
def test_signatures_have_64_bytes(size):
    with pytest.raises(SignatureError):
        SigningIdentity.generate().verify_key.verify("p", b"m", bytes(size))


@pytest.mark.parametrize("key", ["00" * 32, "01" + "00" * 31, "ff" * 32])
def test_weak_keys_verify_nothing(key):
    with pytest.raises(SignatureError):
        VerifyKey(bytes.fromhex(key)).verify("p", b"m", bytes(64))
    with pytest.raises(SignatureError):
        VerifyKey(bytes.fromhex(key)).verify("p", b"m", bytes.fromhex(key) + bytes(32))


def test_keys_have_32_bytes_and_secrets_do_not_print():
    for size in (0, 31, 33):
        with pytest.raises(ParameterError):
            VerifyKey(bytes(size))
    identity = SigningIdentity.generate()
    assert repr(identity.secret) not in repr(identity)
