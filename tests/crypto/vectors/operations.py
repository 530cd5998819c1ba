"""The primitives, each as a function from bytes to bytes, and vectors of them."""

import numpy as np

from crypto.domain import domain_hash, domain_tag
from crypto.elgamal.encryption import Ciphertext, PublicKey
from crypto.elgamal.threshold import KeyDealer
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048, FFDHE3072
from crypto.groups.pedersen import Pedersen, second_generator
from crypto.groups.secp256k1 import SECP256K1
from crypto.paillier.packed import PackedEncryptor, PackedPrivateKey
from crypto.primitives import aead, key_agreement
from crypto.primitives.field import SECRET_FIELD, PrimeField
from crypto.primitives.prg import expand_mask
from crypto.primitives.shamir import Reconstructor, Share, lagrange_at_zero, split_secret
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.randomness import TestVectorRandomness, uniform_below
from tests.crypto.vectors.form import case

GROUPS = {group.name: group for group in (SECP256K1, EDWARDS25519, FFDHE2048, FFDHE3072)}


def source(label):
    return TestVectorRandomness(label.encode())


def number(data):
    return int.from_bytes(data, "little")


def _random_bytes(random, counts):
    drawn = source(random)
    return {"draws": [drawn.bytes(count) for count in counts]}


def _uniform(random, bound, count):
    drawn = source(random)
    return {"numbers": [uniform_below(bound, drawn) for _ in range(count)]}


def _field_decode(modulus, data):
    field = PrimeField(number(modulus))
    return {"same": field.encode(field.decode(data))}


def _split(secret, threshold, points, random):
    shares = split_secret(secret, threshold, points, source(random))
    return {"shares": [share.to_bytes() for share in shares]}


def _reconstruct(shares, threshold):
    read = {int(point): Share.from_bytes(data) for point, data in shares.items()}
    return {"secret": Reconstructor().reconstruct(read, threshold)}


def _lagrange(points):
    return {"factors": [SECRET_FIELD.encode(f) for f in lagrange_at_zero(points, SECRET_FIELD)]}


def _mask(seed, length, modulus_bits):
    return {"mask": np.asarray(expand_mask(seed, length, modulus_bits)).tolist()}


def _agree(private, peer):
    pair = key_agreement.AgreementKeyPair.from_private(private)
    return {"public": pair.public, "secret": pair.agree(peer)}


def _sign(seed_label, purpose, message):
    identity = SigningIdentity.generate(source(seed_label))
    return {"key": identity.verify_key.data, "signature": identity.sign(purpose, message)}


def _verify(key, purpose, message, signature):
    VerifyKey(key).verify(purpose, message, signature)
    return {"valid": True}


def _element(group, data):
    group = GROUPS[group]
    return {"same": group.encode(group.decode(data))}


def _power(group, exponent):
    group = GROUPS[group]
    return {"element": group.encode(group.generator_power(number(exponent)))}


def _second_generator(group):
    return {"element": GROUPS[group].encode(second_generator(GROUPS[group]))}


def _commit(group, value, blinding):
    commitment = Pedersen(GROUPS[group]).commit(number(value), number(blinding))
    return {"commitment": GROUPS[group].encode(commitment)}


def _encrypt(group, key, value, random):
    group = GROUPS[group]
    ciphertext = PublicKey(group, group.decode(key)).encrypt(value, source(random))
    return {"ciphertext": ciphertext.to_bytes(group)}


def _read_ciphertext(group, data):
    return {"same": Ciphertext.from_bytes(data, GROUPS[group]).to_bytes(GROUPS[group])}


def _deal(group, threshold, points, random):
    group = GROUPS[group]
    dealing = KeyDealer(group, source(random)).deal(threshold, points)
    return {
        "commitments": [group.encode(element) for element in dealing.key.commitments],
        "shares": [group.exponents.encode(share.value) for share in dealing.shares],
    }


def _packed(key_bits, value_bits, addends, values, random):
    drawn = source(random)
    private = PackedPrivateKey.generate(key_bits, drawn)
    encryptor = PackedEncryptor(private.public_key, drawn)
    packing = private.public_key.plan(value_bits, addends)
    vector = encryptor.encrypt(np.array(values, np.uint64), packing, drawn)
    size = (key_bits + 7) // 8
    return {
        "n": private.public_key.n.to_bytes(size, "little"),
        "fingerprint": private.public_key.fingerprint,
        "message": vector.to_bytes(),
    }


OPERATIONS = {
    "random bytes": _random_bytes,
    "uniform below": _uniform,
    "domain tag": lambda purpose, parts: {"tag": domain_tag(purpose, *parts)},
    "domain hash": lambda purpose, parts: {"hash": domain_hash(purpose, *parts)},
    "field decode": _field_decode,
    "shamir split": _split,
    "shamir reconstruct": _reconstruct,
    "lagrange at zero": _lagrange,
    "expand mask": _mask,
    "x25519 agree": _agree,
    "hkdf derive": lambda secret, info, length: {
        "key": key_agreement.derive_key(secret, info, length)
    },
    "aes-gcm encrypt": lambda key, plaintext, bound_to: {
        "ciphertext": aead.encrypt_once(key, plaintext, bound_to)
    },
    "aes-gcm decrypt": lambda key, ciphertext, bound_to: {
        "plaintext": aead.decrypt_once(key, ciphertext, bound_to)
    },
    "ed25519 sign": _sign,
    "ed25519 verify": _verify,
    "group power": _power,
    "group decode": _element,
    "second generator": _second_generator,
    "pedersen commit": _commit,
    "elgamal encrypt": _encrypt,
    "elgamal decode": _read_ciphertext,
    "threshold deal": _deal,
    "packed paillier": _packed,
}


def vectors():
    """Return the content of primitives.json."""
    return {
        "about": "Primitives of crypto/. README.md beside this file has the form.",
        "vectors": [*_plain_vectors(), *_group_vectors()],
    }


def _plain_vectors():
    def add(name, do, **given):
        return case(OPERATIONS, name, do, **given)

    key, other, secret = bytes(range(32)), bytes(range(1, 33)), bytes(range(32, 64))
    split = OPERATIONS["shamir split"](secret, 3, [1, 2, 3, 4, 5], "shamir")["shares"]
    three = {1: split[0], 3: split[2], 5: split[4]}
    signed = _sign("identity", "a purpose", b"message")
    public = _agree(other, bytes([9, *bytes(31)]))["public"]
    box = aead.encrypt_once(key, b"plaintext", b"bound to")
    modulus = SECRET_FIELD.modulus
    verify = {"key": signed["key"], "purpose": "a purpose", "message": b"message"}
    opened = {"key": key, "ciphertext": box, "bound_to": b"bound to"}

    def flip(data, position):
        return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]

    return [
        add("draws of several lengths", "random bytes", random="any", counts=[1, 16, 32, 0, 33]),
        add("without rejection", "uniform below", random="any", bound=256, count=4),
        add("with rejection", "uniform below", random="any", bound=5, count=12),
        add("one number", "uniform below", random="any", bound=1, count=2),
        add("no number", "uniform below", random="any", bound=0, count=1),
        add("no parts", "domain tag", purpose="p", parts=[]),
        add("parts and empty parts", "domain tag", purpose="a purpose", parts=[b"", b"ab", b""]),
        add("hashed", "domain hash", purpose="a purpose", parts=[b"ab", b"c"]),
        add("parts cut elsewhere", "domain hash", purpose="a purpose", parts=[b"a", b"bc"]),
        add(
            "largest element",
            "field decode",
            modulus=modulus.to_bytes(33, "little"),
            data=(modulus - 1).to_bytes(33, "little"),
        ),
        add(
            "the modulus itself",
            "field decode",
            modulus=modulus.to_bytes(33, "little"),
            data=modulus.to_bytes(33, "little"),
        ),
        add(
            "a byte too few",
            "field decode",
            modulus=modulus.to_bytes(33, "little"),
            data=bytes(32),
        ),
        add(
            "three of five",
            "shamir split",
            secret=secret,
            threshold=3,
            points=[1, 2, 3, 4, 5],
            random="shamir",
        ),
        add(
            "a short secret",
            "shamir split",
            secret=secret[:-1],
            threshold=2,
            points=[1, 2, 3],
            random="s",
        ),
        add(
            "a threshold above the holders",
            "shamir split",
            secret=secret,
            threshold=4,
            points=[1, 2, 3],
            random="s",
        ),
        add(
            "a point at 0",
            "shamir split",
            secret=secret,
            threshold=2,
            points=[0, 1, 2],
            random="s",
        ),
        add("a point twice", "shamir split", secret=secret, threshold=2, points=[1, 1], random="s"),
        add("any three", "shamir reconstruct", shares=three, threshold=3),
        add("too few", "shamir reconstruct", shares={1: split[0], 2: split[1]}, threshold=3),
        add(
            "false shares that lead beyond 32 bytes",
            "shamir reconstruct",
            shares={1: (modulus - 1).to_bytes(33, "little")},
            threshold=1,
        ),
        add(
            "a share of p",
            "shamir reconstruct",
            shares={1: modulus.to_bytes(33, "little")},
            threshold=1,
        ),
        add("small points", "lagrange at zero", points=[1, 2, 5]),
        add("the same point", "lagrange at zero", points=[2, 2]),
        *(
            add(f"{bits} bits", "expand mask", seed=key, length=5, modulus_bits=bits)
            for bits in (1, 20, 32, 33, 62, 63)
        ),
        add("a short seed", "expand mask", seed=key[1:], length=1, modulus_bits=8),
        add("agreement", "x25519 agree", private=key, peer=public),
        add("a key of small order", "x25519 agree", private=key, peer=bytes(32)),
        add("a short key", "x25519 agree", private=key, peer=bytes(31)),
        add("derived", "hkdf derive", secret=key, info=b"info", length=48),
        add(
            "encrypted",
            "aes-gcm encrypt",
            key=key,
            plaintext=b"plaintext",
            bound_to=b"bound to",
        ),
        add("opened", "aes-gcm decrypt", **opened),
        add("another tag", "aes-gcm decrypt", **{**opened, "ciphertext": flip(box, len(box) - 1)}),
        add("another byte", "aes-gcm decrypt", **{**opened, "ciphertext": flip(box, 0)}),
        add("bound to another", "aes-gcm decrypt", **{**opened, "bound_to": b"bound"}),
        add("another key", "aes-gcm decrypt", **{**opened, "key": other}),
        add(
            "signed", "ed25519 sign", seed_label="identity", purpose="a purpose", message=b"message"
        ),
        add("verified", "ed25519 verify", **verify, signature=signed["signature"]),
        *(
            add(name, "ed25519 verify", **{**verify, "signature": signed["signature"], **changed})
            for name, changed in {
                "another purpose": {"purpose": "another"},
                "another message": {"message": b"massage"},
                "another signature": {"signature": flip(signed["signature"], 0)},
                "a longer signature": {"signature": signed["signature"] + b"\0"},
                "a shorter signature": {"signature": signed["signature"][:-1]},
                "another signer": {"key": _sign("x", "p", b"")["key"]},
                "a short key": {"key": signed["key"][1:]},
                "a key of small order": {"key": bytes([1, *bytes(31)])},
            }.items()
        ),
        add(
            "a small key",
            "packed paillier",
            key_bits=256,
            value_bits=20,
            addends=10,
            values=[0, 1, 2**20 - 1, 7, 77, 777, 7777, 9],
            random="packed",
        ),
        add(
            "an odd number of bits",
            "packed paillier",
            key_bits=257,
            value_bits=20,
            addends=10,
            values=[],
            random="packed",
        ),
    ]


def _group_vectors():
    found = []
    for name, group in GROUPS.items():
        size, scalar = group.element_bytes, group.exponents.element_bytes
        key = group.encode(group.generator_power(12345))

        def add(text, do, name=name, **given):
            found.append(case(OPERATIONS, f"{name}: {text}", do, group=name, **given))

        def exponent(value, group=group, scalar=scalar):
            return (value % group.order).to_bytes(scalar, "little")

        for value in (0, 1, 2, 12345, -1):
            add(f"generator to the {value}", "group power", exponent=exponent(value))
        add("a member", "group decode", data=key)
        add("a byte too few", "group decode", data=key[:-1])
        add("a byte too many", "group decode", data=key + b"\0")
        add("nothing but ones", "group decode", data=b"\xff" * size)
        for text, data in _outsiders(group):
            add(text, "group decode", data=data)
        add("H", "second generator")
        add("g^7 H^8", "pedersen commit", value=exponent(7), blinding=exponent(8))
        add("5 under g^12345", "elgamal encrypt", key=key, value=5, random="elgamal")
        add(
            "under the identity",
            "elgamal encrypt",
            key=group.encode(group.identity),
            value=5,
            random="elgamal",
        )
        add("read", "elgamal decode", data=key + key)
        add("half", "elgamal decode", data=key)
        add("one half none", "elgamal decode", data=key + b"\xff" * size)
        add("two of three", "threshold deal", threshold=2, points=[1, 2, 3], random="deal")
        add("none of three", "threshold deal", threshold=0, points=[1, 2, 3], random="deal")
    return found


def _outsiders(group):
    """Encodings that are well formed, and of no member."""
    if hasattr(group, "prime"):
        size = group.element_bytes
        yield "zero", bytes(size)
        yield "a number that is no square", (group.prime - 1).to_bytes(size, "big")
        yield "a square plus p", (group.prime + 1).to_bytes(size, "big")
    elif group.element_bytes == 33:
        yield "an x off the curve", b"\x02" + (5).to_bytes(32, "big")
        yield "the prefix of another form", b"\x04" + group.encode(group.generator)[1:]
    else:
        yield (
            "a point of order 8",
            bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        )
        yield "a y that is not reduced", (2**255 - 19 + 1).to_bytes(32, "little")
