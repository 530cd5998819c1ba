"""Vectors of proofs: made, verified, and refused."""

from dataclasses import replace

from crypto.elgamal.encryption import Ciphertext, PublicKey
from crypto.proofs.bits import RangeProof, bit_weights
from crypto.proofs.equality import PowerProof, PowerStatement
from crypto.proofs.fiat_shamir import challenge
from crypto.proofs.range_proof import RangeProver, RangeVerifier
from tests.crypto.vectors.form import case
from tests.crypto.vectors.operations import GROUPS, number, source


def _challenge(purpose, group, context, elements, numbers):
    group = GROUPS[group]
    found = challenge(purpose, group, context, [group.decode(e) for e in elements], numbers)
    return {"challenge": found.to_bytes(16, "little")}


def _statement(group, key, bases, powers):
    group = GROUPS[group]
    decoded = [tuple(group.decode(each) for each in elements) for elements in (bases, powers)]
    return PowerStatement(group, group.decode(key), *decoded)


def _prove_power(group, key, bases, powers, secret, context, random):
    statement = _statement(group, key, bases, powers)
    proof = PowerProof.make(statement, number(secret), context, source(random))
    return {"proof": proof.to_bytes(statement.group)}


def _verify_power(group, key, bases, powers, context, proof):
    statement = _statement(group, key, bases, powers)
    PowerProof.from_bytes(proof, statement.group).verify(statement, context)
    return {"valid": True}


def _prove_range(group, key, maximum, value, context, random):
    group = GROUPS[group]
    prover = RangeProver(PublicKey(group, group.decode(key)), maximum)
    ciphertext, proof = prover.encrypt(value, context, source(random))
    return {"ciphertext": ciphertext.to_bytes(group), "proof": proof.to_bytes(group)}


def _verify_range(group, key, maximum, ciphertext, context, proof):
    group = GROUPS[group]
    verifier = RangeVerifier(PublicKey(group, group.decode(key)), maximum)
    read = RangeProof.from_bytes(proof, group, maximum)
    verifier.verify(Ciphertext.from_bytes(ciphertext, group), read, context, source("weights"))
    return {"valid": True}


OPERATIONS = {
    "challenge": _challenge,
    "bit weights": lambda maximum: {"weights": list(bit_weights(maximum))},
    "prove equal exponents": _prove_power,
    "verify equal exponents": _verify_power,
    "prove range": _prove_range,
    "verify range": _verify_range,
}
CONTEXT = b"session and client"


def vectors():
    """Return the content of proofs.json."""
    found = [
        case(OPERATIONS, f"up to {maximum}", "bit weights", maximum=maximum)
        for maximum in (1, 2, 5, 100, 2**62 - 1, 0, 2**62)
    ]
    for name in ("secp256k1", "edwards25519", "ffdhe2048"):
        in_group = _challenges(name) + _powers(name) + _ranges(name)
        # What is not about encodings is the same in every group, and large in this one.
        wanted = in_group if name != "ffdhe2048" else [v for v in in_group if _is_short(v)]
        found += wanted
    return {"about": "Proofs of crypto/proofs. README.md has the form.", "vectors": found}


def _is_short(vector):
    return vector.get("error") != "ProofError"


def _challenges(name):
    group = GROUPS[name]
    elements = [group.encode(group.generator_power(k)) for k in (1, 2, 3)]
    given = {"purpose": "equality", "group": name, "context": CONTEXT}
    return [
        case(OPERATIONS, f"{name}: {text}", "challenge", **{**given, **changed})
        for text, changed in {
            "elements": {"elements": elements, "numbers": []},
            "elements and numbers": {"elements": elements, "numbers": [0, 2**64 - 1]},
            "no elements": {"elements": [], "numbers": [1]},
            "another purpose": {"elements": elements, "numbers": [], "purpose": "range"},
        }.items()
    ]


def _changed(data, position):
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def _powers(name):
    group, found = GROUPS[name], []
    secret = 123456789
    size = group.exponents.element_bytes
    for count in (1, 3):
        bases = [group.encode(group.generator_power(11 + k)) for k in range(count)]
        powers = [group.encode(group.generator_power((11 + k) * secret)) for k in range(count)]
        other = group.encode(group.generator_power(2))
        given = {
            "group": name,
            "key": group.encode(group.generator_power(secret)),
            "bases": bases,
            "powers": powers,
        }
        exponent = secret.to_bytes(size, "little")
        found.append(
            case(
                OPERATIONS,
                f"{name}: {count} powers",
                "prove equal exponents",
                **given,
                secret=exponent,
                context=CONTEXT,
                random="nonce",
            )
        )
        proof = bytes.fromhex(found[-1]["expect"]["proof"])
        valid = {**given, "context": CONTEXT, "proof": proof}
        order = group.order.to_bytes(size, "little")
        for text, changed in {
            "as it was made": {},
            "another context": {"context": b"session and another client"},
            "another key": {"key": other},
            "another base": {"bases": [*bases[:-1], other]},
            "another power": {"powers": [*powers[:-1], other]},
            "another challenge": {"proof": _changed(proof, 0)},
            "another response": {"proof": _changed(proof, 16)},
            "a response of q": {"proof": proof[:16] + order},
            "a byte too few": {"proof": proof[:-1]},
            "a byte too many": {"proof": proof + b"\0"},
            "a base too many": {"bases": [*bases, other]},
            "no powers": {"bases": [], "powers": []},
        }.items():
            title = f"{name}: {count} powers, {text}"
            found.append(case(OPERATIONS, title, "verify equal exponents", **{**valid, **changed}))
        if count == 3:
            order_changed = {"bases": bases[::-1], "powers": powers[::-1]}
            title = f"{name}: {count} powers, another order"
            vector = case(OPERATIONS, title, "verify equal exponents", **{**valid, **order_changed})
            found.append(vector)
    return found


def _ranges(name):
    group, found = GROUPS[name], []
    key = group.encode(group.generator_power(4242))
    other = group.encode(group.generator_power(2))
    given = {"group": name, "key": key, "maximum": 5}
    for value in (0, 4, 5, 6, -1):
        title = f"{name}: {value} of 5"
        vector = case(
            OPERATIONS,
            title,
            "prove range",
            **given,
            value=value,
            context=CONTEXT,
            random=f"range {value}",
        )
        found.append(vector)
        if value != 4:
            continue
        made = {key: bytes.fromhex(data) for key, data in vector["expect"].items()}
    ciphertext, proof = made["ciphertext"], made["proof"]
    size, scalar = group.element_bytes, group.exponents.element_bytes
    bit = 3 * size + 16 + 2 * scalar
    valid = {**given, "context": CONTEXT, **made}
    read = Ciphertext.from_bytes(ciphertext, group)
    more = replace(read, c2=group.multiply_by_generator(read.c2)).to_bytes(group)
    order = group.order.to_bytes(scalar, "little")
    swapped = proof[bit : 2 * bit] + proof[:bit] + proof[2 * bit :]
    for text, changed in {
        "as it was made": {},
        "another context": {"context": b""},
        "another key": {"key": other},
        "another maximum, of as many bits": {"maximum": 6},
        "a maximum of more bits": {"maximum": 8},
        "one more in the ciphertext": {"ciphertext": more},
        "another c1": {"ciphertext": other + ciphertext[size:]},
        "bits exchanged": {"proof": swapped},
        "another commitment": {"proof": other + proof[size:]},
        "another first message": {"proof": proof[:size] + other + proof[2 * size :]},
        "another challenge": {"proof": _changed(proof, 3 * size)},
        "another response of a bit": {"proof": _changed(proof, 3 * size + 16)},
        "another nonce of the link": {"proof": proof[: 3 * bit] + other + proof[3 * bit + size :]},
        "another response of the link": {"proof": _changed(proof, 3 * bit + 3 * size)},
        "a response of q": {"proof": proof[:-scalar] + order},
        "no element": {"proof": b"\xff" * size + proof[size:]},
        "a byte too few": {"proof": proof[:-1]},
        "a byte too many": {"proof": proof + b"\0"},
        "nothing": {"proof": b""},
    }.items():
        title = f"{name}: 4 of 5, {text}"
        found.append(case(OPERATIONS, title, "verify range", **{**valid, **changed}))
    return found
