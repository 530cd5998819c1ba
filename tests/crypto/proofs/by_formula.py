"""Both proofs once more, written from the papers' formulas with nothing of `crypto`.

They live in a group so small that it protects nothing: the squares modulo 1367, of prime order 683,
with generator 2. What is hashed, and in which order, is spelled out here a second time: whoever
changes it in `crypto` must change it here, and say so.
"""

import hashlib
import struct

P, Q, NAME = 1367, 683, "tiny"


def tag(purpose, *parts):
    items = [b"tff_health/crypto", b"\x01", purpose.encode(), *parts]
    lengths = [struct.pack("<I", len(item)) + item for item in items]
    return struct.pack("<I", len(items)) + b"".join(lengths)


def challenge(purpose, context, elements, numbers=()):
    parts = [NAME.encode(), context]
    parts += [struct.pack("<Q", number) for number in numbers]
    parts += [struct.pack(">H", element) for element in elements]
    digest = hashlib.sha256(tag(f"proofs/{purpose}", *parts)).digest()
    return int.from_bytes(digest[:16], "little")


def second_generator():
    digest = hashlib.shake_256(tag("pedersen/second generator", NAME.encode())).digest(18)
    return int.from_bytes(digest, "big") ** 2 % P


def power(base, exponent):
    return pow(base, exponent % Q, P)


def product(elements):
    result = 1
    for element in elements:
        result = result * element % P
    return result


def join(key, bases, powers, context):
    """Bellare, Garay, Rabin 1998: one base and one power, weighed by hashes of all of them."""
    if len(bases) == 1:
        return bases[0], powers[0]
    seed = challenge("equality/weights", context, [key, *bases, *powers], [len(bases)])
    halves = seed // 2**64, seed % 2**64
    weights = [challenge("equality/weight", context, [], [*halves, k]) for k in range(len(bases))]
    return (
        product(power(base, weight) for base, weight in zip(bases, weights, strict=True)),
        product(power(each, weight) for each, weight in zip(powers, weights, strict=True)),
    )


def equality_proof(key, bases, powers, secret, context, nonce):
    """Chaum and Pedersen 1992: (e, k + e s) with e = H(key, base, power, g^k, base^k)."""
    base, joined = join(key, bases, powers, context)
    elements = [key, base, joined, power(2, nonce), power(base, nonce)]
    e = challenge("equality", context, elements)
    return e, (nonce + e * secret) % Q


def weights_of(maximum):
    """Lipmaa, Asokan, Niemi 2002: 1, 2, 4 ... and a last one that makes the sum `maximum`."""
    weights = []
    while 2 * (sum(weights) + 1) - 1 < maximum:
        weights.append(sum(weights) + 1)
    return [*weights, maximum - sum(weights)]


def bits_of(value, weights):
    """The last bit is 1 if the others cannot hold the value."""
    last = int(value > sum(weights[:-1]))
    rest = value - last * weights[-1]
    return [*(rest // weight % 2 for weight in weights[:-1]), last]


def range_proof(key, maximum, value, r, bit_secrets, masks, context):
    """Cramer, Damgard, Schoenmakers 1994 for each bit; Schnorr for what joins them.

    Args:
        key: h.
        maximum: M.
        value: m.
        r: of the ciphertext (g^r, g^m h^r).
        bit_secrets: of each bit: blinding, nonce of the true half, and of the other half the
            answer before e' r is added and the challenge e'.
        masks: nonces of r, m and the sum of weighted blindings.
        context: what the proof is bound to.

    Returns:
        The ciphertext; a tuple (C, A0, A1, e0, z0, z1) for each bit; the three first messages of
        the link; its three answers.
    """
    second, weights = second_generator(), weights_of(maximum)
    bits = bits_of(value, weights)
    ciphertext = power(2, r), power(2, value) * power(key, r) % P
    firsts, others = [], []
    for bit, (blinding, nonce, answer, other_e) in zip(bits, bit_secrets, strict=True):
        commitment = power(2, bit) * power(second, blinding) % P
        other_z = (answer + other_e * blinding) % Q
        # What the other half claims: C = g^(1 - bit) H^z.
        claimed = commitment * power(2, bit - 1) % P
        other_first = power(second, other_z) * power(claimed, -other_e) % P
        pair = [power(second, nonce), other_first]
        firsts.append((commitment, *(pair if bit == 0 else pair[::-1])))
        others.append((other_e, other_z))
    links = (
        power(2, masks[0]),
        power(2, masks[1]) * power(key, masks[0]) % P,
        power(2, masks[1]) * power(second, masks[2]) % P,
    )
    hashed = [key, second, *ciphertext, *(e for bit in firsts for e in bit), *links]
    e = challenge("range", context, hashed, [maximum])
    proofs = []
    for bit, first, secrets, (other_e, other_z) in zip(
        bits, firsts, bit_secrets, others, strict=True
    ):
        true_e = (e - other_e) % 2**128
        true_z = (secrets[1] + true_e * secrets[0]) % Q
        halves = [true_e, true_z, other_z] if bit == 0 else [other_e, other_z, true_z]
        proofs.append((*first, *halves))
    total = sum(weight * secrets[0] for weight, secrets in zip(weights, bit_secrets, strict=True))
    answers = [(m + e * s) % Q for m, s in zip(masks, (r, value, total), strict=True)]
    return ciphertext, proofs, links, tuple(answers)
