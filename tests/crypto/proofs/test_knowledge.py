"""Proofs that a client knows what it encrypted."""

import hashlib

import pytest

from crypto.domain import domain_tag
from crypto.errors import DecodingError, ProofError
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048
from crypto.groups.secp256k1 import SECP256K1
from crypto.paillier.phe_keys import PaillierPrivateKey, PaillierPublicKey
from crypto.proofs.fiat_shamir import challenge
from crypto.proofs.knowledge import (
    KnowledgeClaim,
    KnowledgeProof,
    decode_knowledge_proofs,
    knowledge_proof_bytes,
    verify_knowledge_proofs,
)
from crypto.proofs.paillier_knowledge import (
    PlaintextClaim,
    PlaintextProof,
    decode_plaintext_proofs,
    plaintext_proof_bytes,
    verify_plaintext_proofs,
)
from crypto.randomness import SYSTEM, TestVectorRandomness, uniform_below

CONTEXT = b"session, client and index"
GROUPS = [SECP256K1, EDWARDS25519, FFDHE2048]
KEY = PaillierPrivateKey.generate(512).public_key


class Counted:
    """The operating system's randomness, with a note of what was drawn."""

    def __init__(self):
        self.drawn = []

    def bytes(self, count):
        self.drawn.append(SYSTEM.bytes(count))
        return self.drawn[-1]


def known(group, exponent=5, context=CONTEXT, randomness=SYSTEM):
    claim = KnowledgeClaim(group.generator_power(exponent), context)
    return claim, KnowledgeProof.make(group, claim, exponent, randomness)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
class TestExponents:
    def test_who_knows_is_believed(self, group):
        pairs = [known(group, r) for r in (1, 2, group.order - 1, group.random_exponent())]
        data = b"".join(proof.to_bytes(group) for _, proof in pairs)
        proofs = decode_knowledge_proofs(data, group, 4)
        assert list(proofs) == [proof for _, proof in pairs]
        verify_knowledge_proofs(group, [claim for claim, _ in pairs], proofs)
        verify_knowledge_proofs(group, [], [])

    def test_the_proof_is_schnorrs(self, group):
        nonce = group.random_exponent(TestVectorRandomness(b"nonce"))
        claim, proof = known(group, randomness=TestVectorRandomness(b"nonce"))
        first = group.generator_power(nonce)
        expected = challenge("knowledge", group, CONTEXT, (claim.element, first))
        assert proof == KnowledgeProof(first, (nonce + expected * 5) % group.order)

    def test_everything_is_bound(self, group):
        claim, proof = known(group)
        element, context = claim.element, claim.context
        commitment, response = proof.commitment, proof.response
        for changed, wrong in (
            (proof, KnowledgeClaim(group.generator_power(6), context)),
            (proof, KnowledgeClaim(group.invert(element), context)),
            (proof, KnowledgeClaim(element, context + b" of another")),
            (KnowledgeProof(group.multiply(commitment, element), response), claim),
            (KnowledgeProof(commitment, (response + 1) % group.order), claim),
        ):
            with pytest.raises(ProofError):
                verify_knowledge_proofs(group, [wrong], [changed])

    def test_who_does_not_know_is_not_believed(self, group):
        claim = KnowledgeClaim(group.generator_power(5), CONTEXT)
        with pytest.raises(ProofError):
            verify_knowledge_proofs(group, [claim], [KnowledgeProof.make(group, claim, 6)])

    def test_one_false_proof_among_many_is_found_and_errors_do_not_cancel(self, group):
        pairs = [known(group, r) for r in (3, 4, 5, 6)]
        claims, proofs = [claim for claim, _ in pairs], [proof for _, proof in pairs]
        up, down = (
            KnowledgeProof(proof.commitment, (proof.response + step) % group.order)
            for proof, step in ((proofs[1], 1), (proofs[2], -1))
        )
        for changed in ([proofs[0], up, *proofs[2:]], [proofs[0], up, down, proofs[3]]):
            with pytest.raises(ProofError):
                verify_knowledge_proofs(group, claims, changed)

    def test_each_proof_draws_a_nonce_of_its_own(self, group):
        source = Counted()
        (_, first), (_, second) = (known(group, randomness=source) for _ in range(2))
        assert first.commitment != second.commitment
        assert len(source.drawn) >= 2

    def test_each_check_draws_weights(self, group):
        source = Counted()
        pairs = [known(group, r) for r in (3, 4, 5)]
        verify_knowledge_proofs(group, *map(list, zip(*pairs, strict=True)), source)
        assert len(set(source.drawn)) >= 3

    def test_encodings(self, group):
        size = knowledge_proof_bytes(group)
        _, proof = known(group)
        data = proof.to_bytes(group)
        assert len(data) == size
        assert len(decode_knowledge_proofs(data * 3, group, 3)) == 3
        assert decode_knowledge_proofs(b"", group, 0) == ()
        tail = size - group.element_bytes
        for wrong, count in (
            (data[:-1], 1),
            (data + b"x", 1),
            (data, 2),
            (data, 0),
            (data[: group.element_bytes] + b"\xff" * tail, 1),
            (b"\xff" * group.element_bytes + data[-tail:], 1),
        ):
            with pytest.raises(DecodingError):
                decode_knowledge_proofs(wrong, group, count)


def plaintext(value=5, context=CONTEXT, randomness=SYSTEM):
    r = KEY.random_unit()
    ciphertext = KEY.encrypt_with(value, r)
    return PlaintextClaim(ciphertext, context), PlaintextProof.make(
        KEY, ciphertext, value, r, context, randomness
    )


class TestPlaintexts:
    def test_who_knows_is_believed(self):
        pairs = [plaintext(value) for value in (0, 1, 2**100, KEY.n // 3 - 1)]
        encoded = b"".join(proof.to_bytes(KEY) for _, proof in pairs)
        assert len(encoded) == 4 * plaintext_proof_bytes(KEY)
        proofs = decode_plaintext_proofs(encoded, KEY, 4)
        assert list(proofs) == [proof for _, proof in pairs]
        verify_plaintext_proofs(KEY, [claim for claim, _ in pairs], proofs)
        verify_plaintext_proofs(KEY, [], [])

    def test_the_equation_is_that_of_the_paper(self):
        n, square = KEY.n, KEY.n**2
        claim, proof = plaintext(7)
        size = (n.bit_length() + 7) // 8
        parts = (
            n.to_bytes(size, "little"),
            CONTEXT,
            KEY.encode(claim.ciphertext),
            KEY.encode(proof.commitment),
        )
        digest = hashlib.sha256(domain_tag("proofs/plaintext", *parts)).digest()
        e = int.from_bytes(digest[:16], "little")
        left = (1 + proof.value * n) * pow(proof.root, n, square) % square
        assert left == proof.commitment * pow(claim.ciphertext, e, square) % square

    @pytest.mark.parametrize("field", ["commitment", "value", "root"])
    def test_every_number_of_a_proof_counts(self, field):
        claim, proof = plaintext()
        changed = PlaintextProof(
            **{
                name: getattr(proof, name) + (name == field)
                for name in ("commitment", "value", "root")
            }
        )
        with pytest.raises(ProofError):
            verify_plaintext_proofs(KEY, [claim], [changed])

    def test_everything_is_bound(self):
        claim, proof = plaintext()
        other, _ = plaintext()
        for wrong in (
            PlaintextClaim(claim.ciphertext, CONTEXT + b" of another"),
            PlaintextClaim(other.ciphertext, CONTEXT),
        ):
            with pytest.raises(ProofError):
                verify_plaintext_proofs(KEY, [wrong], [proof])

    def test_a_ciphertext_made_from_another_is_not_believed(self):
        claim, proof = plaintext()
        square = KEY.n**2
        for factor in (KEY.encrypt(0), KEY.encrypt(1)):
            related = PlaintextClaim(claim.ciphertext * factor % square, CONTEXT)
            with pytest.raises(ProofError):
                verify_plaintext_proofs(KEY, [related], [proof])
        inverse = PlaintextClaim(pow(claim.ciphertext, -1, square), CONTEXT)
        with pytest.raises(ProofError):
            verify_plaintext_proofs(KEY, [inverse], [proof])

    def test_one_false_proof_among_many_is_found_and_errors_do_not_cancel(self):
        pairs = [plaintext(value) for value in range(4)]
        claims, proofs = [claim for claim, _ in pairs], [proof for _, proof in pairs]
        up = PlaintextProof(proofs[1].commitment, (proofs[1].value + 1) % KEY.n, proofs[1].root)
        down = PlaintextProof(proofs[2].commitment, (proofs[2].value - 1) % KEY.n, proofs[2].root)
        for changed in ([proofs[0], up, *proofs[2:]], [proofs[0], up, down, proofs[3]]):
            with pytest.raises(ProofError):
                verify_plaintext_proofs(KEY, claims, changed)

    def test_each_proof_draws_its_own_nonces(self):
        source = Counted()
        _, first = plaintext(randomness=source)
        drawn = len(source.drawn)
        _, second = plaintext(randomness=source)
        assert drawn >= 2
        assert len(source.drawn) - drawn >= 2  # not as many: candidates out of range are rejected
        assert first.commitment != second.commitment

    def test_each_check_draws_weights(self):
        source = Counted()
        pairs = [plaintext(value) for value in range(3)]
        verify_plaintext_proofs(KEY, *map(list, zip(*pairs, strict=True)), source)
        assert len(set(source.drawn)) >= 3

    def test_nothing_secret_is_shown(self):
        _, proof = plaintext()
        assert str(proof.value) not in repr(proof)
        assert str(proof.root) not in repr(proof)

    def test_encodings(self):
        _, proof = plaintext()
        data = proof.to_bytes(KEY)
        size = (KEY.bits + 7) // 8
        n = KEY.n.to_bytes(size, "little")
        for wrong, count in (
            (data[:-1], 1),
            (data, 2),
            (data, 0),
            (bytes(KEY.ciphertext_bytes) + data[KEY.ciphertext_bytes :], 1),
            (data[: -2 * size] + n + data[-size:], 1),
            (data[:-size] + bytes(size), 1),
            (data[:-size] + n, 1),
        ):
            with pytest.raises(DecodingError):
                decode_plaintext_proofs(wrong, KEY, count)


def test_units_are_drawn_with_inverses():
    key = PaillierPublicKey(15)
    drawn = {key.random_unit() for _ in range(400)}
    assert drawn == {1, 2, 4, 7, 8, 11, 13, 14}
    assert uniform_below(1) == 0
