"""Whatever a server asks for, helpers decrypt the agreed survivors' sum of qualities or nothing.

Two of five clients are the server's, as many as the threshold of four bears, and it holds their
shares and identities. It makes up requests from all ciphertexts that it has seen, in this session
and in an earlier one, and such as it makes from them. What it can compute from the answers is
tried: a request whose honest helpers all answered is decrypted with the colluders' shares. The
masks of such sessions are those of double masking, where a server like this one plays against them.
"""

from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crypto.elgamal.discrete_log import DiscreteLog
from crypto.elgamal.encryption import Ciphertext, add_all
from crypto.elgamal.threshold import lagrange_base
from crypto.errors import AbortError, ParameterError, ProtocolError
from crypto.groups.secp256k1 import SECP256K1
from crypto.proofs.knowledge import KnowledgeClaim, KnowledgeProof
from crypto.protocols.quality_sum.decryption_helper import Helper
from crypto.protocols.quality_sum.encryption import QualityEncryption
from crypto.protocols.quality_sum.messages import (
    CheckedHelpRequest,
    EncryptedQuality,
    PartialDecryption,
    QualityUpload,
)
from crypto.protocols.quality_sum.proof_contexts import knowledge_context
from crypto.protocols.quality_sum.server import QualityServer
from crypto.randomness import SYSTEM
from crypto.session.signing import sign_message, split_signed
from tests.crypto.protocols.quality_sum.cast import BITS, Cast

HONEST, COLLUDERS = (1, 2, 3), (4, 5)
QUALITIES = {1: 1, 2: 2, 3: 4, 4: 0, 5: 0}  # what comes out tells whose qualities are in it
HELPERS = (1, 2, 4, 5)
ORDER = SECP256K1.order


class Scene:
    """Two sessions of the same clients, both up to the help; the server deviates from there on."""

    def __init__(self):
        self.cast = Cast(5, threshold=4, hardened=True, qualities=QUALITIES)
        self.cast.unmask()
        self.earlier = self.signed()
        cast = self.cast
        parameters = cast.masking.plan(cast.vectors, BITS)
        masks, cast.dealing = cast.masking.open(cast.cohort, parameters, 2)
        cast.server = QualityServer(
            masks,
            cast.ready.system,
            cast.parameters,
            DiscreteLog(SECP256K1, 500),
            cast.masking.registry,
            SYSTEM,
        )
        cast.openings = dict(cast.server.openings())
        cast.unmask()
        self.now = self.signed()
        self.session_id = cast.server.invitation.session_id()
        self.attempt = 0

    def signed(self):
        uploads = self.cast.up["masked input"]
        return {c: QualityUpload.from_bytes(data).quality for c, data in uploads.items()}

    def ciphertext(self, signed):
        message = EncryptedQuality.from_bytes(signed[:-64])
        return Ciphertext.from_bytes(message.ciphertext, SECP256K1)

    def made(self, client, how):
        """A message under a client's name: its own, an old one, or one of the server's making."""
        if how == "own":
            return self.now[client]
        if how == "earlier":
            return self.earlier[client]
        if how in HONEST:  # another client's
            return self.now[how]
        public = self.cast.ready.system.public
        ciphertext = public.encrypt_with(0, 12345)
        if how == "inverse":  # takes clients 2 and 3 out of the sum
            others = add_all([self.ciphertext(self.now[c]) for c in (2, 3)], SECP256K1)
            ciphertext = Ciphertext(
                *(SECP256K1.power(part, ORDER - 1) for part in (others.c1, others.c2))
            )
        encoded = ciphertext.to_bytes(SECP256K1)
        claim = KnowledgeClaim(ciphertext.c1, knowledge_context(self.session_id, client, encoded))
        proof = KnowledgeProof.make(SECP256K1, claim, 12345).to_bytes(SECP256K1)
        message = EncryptedQuality(self.session_id, client, encoded, proof)
        signer = client if client in COLLUDERS else COLLUDERS[0]
        return sign_message(message, self.cast.masking.identity(signer))

    def ask(self, choice, helpers=HELPERS):
        """Ask the honest ones among `helpers`, and return what comes out: a number, or None.

        None, too, if none of them is asked: what then comes out was known before.
        """
        if not set(helpers) & set(HONEST):
            return None
        signed = [self.made(client, how) for client, how in choice]
        self.attempt += 1
        try:
            request = CheckedHelpRequest(self.session_id, self.attempt, helpers, tuple(signed))
        except ParameterError:
            return None
        system = self.cast.ready.system
        try:
            total = add_all([self.ciphertext(one) for one in signed], SECP256K1)
            answers = [self.answer(c, request) for c in helpers if c in HONEST]
        except (ProtocolError, AbortError, IndexError):
            return None
        points = [system.point(helper) for helper in helpers]
        for colluder in set(helpers) & set(COLLUDERS):
            share = self.cast.ready.held[colluder].share
            base = lagrange_base(total.c1, share.point, points, SECP256K1)
            answers.append(share.partially_decrypt(base, SECP256K1))
        mask = SECP256K1.product(answers)
        for number in range(-16, 64):
            power = SECP256K1.generator_power(number % ORDER)
            if SECP256K1.product([power, mask]) == total.c2:
                return number
        return None

    def answer(self, client, request):
        data = self.cast.parts[client].help(request.to_bytes())
        message = split_signed(PartialDecryption, data, signed=True)[0]
        return SECP256K1.decode(message.value)


OWN = tuple((client, "own") for client in (1, 2, 3, 4, 5))
ATTACKS = {
    "one client's alone": ((1, "own"),),
    "others under forged names": ((1, "own"), (2, "zero"), (3, "zero"), (4, "own"), (5, "own")),
    "a ciphertext made from others": (*OWN[:4], (5, "inverse")),
    "an earlier session's": ((1, "own"), (2, "earlier"), (3, "own"), (4, "own"), (5, "own")),
    "one twice": ((1, "own"), (2, 1), (3, "own"), (4, "own"), (5, "own")),
}


class _Trusted:
    def verify(self, *args):
        pass


def open_any_number(self, qualities, agreed):
    return [
        self._encryption.decode(split_signed(EncryptedQuality, signed, signed=True)[0])
        for signed in qualities
    ]


def open_unsigned(honest):
    def careless(self, qualities, agreed):
        registry = dict.fromkeys(agreed.registry, _Trusted())
        return honest(self, qualities, type(agreed)(agreed.survivors, registry))

    return careless


def decode_without_proof(self, message):
    return Ciphertext.from_bytes(message.ciphertext, SECP256K1)


CARELESS = [
    ("one client's alone", Helper, "_open", lambda _: open_any_number),
    ("others under forged names", Helper, "_open", open_unsigned),
    ("a ciphertext made from others", QualityEncryption, "decode", lambda _: decode_without_proof),
]


@cache
def kept_scene():
    return Scene()


@pytest.fixture
def scene():
    return kept_scene()


def test_the_agreed_sum_comes_out(scene):
    assert scene.ask(OWN) == sum(QUALITIES.values())


@pytest.mark.parametrize(("name", "owner", "check", "make"), CARELESS, ids=[c[0] for c in CARELESS])
def test_a_careless_helper_gives_one_quality_away(scene, monkeypatch, name, owner, check, make):
    monkeypatch.setattr(owner, check, make(getattr(owner, check)))
    assert scene.ask(ATTACKS[name]) == QUALITIES[1]


@pytest.mark.parametrize("name", ATTACKS)
def test_helpers_that_check_do_not_answer(scene, name):
    assert scene.ask(ATTACKS[name]) is None
    assert scene.ask(OWN) == sum(QUALITIES.values())  # a refusal has used nothing up


hows = st.sampled_from(["own", "own", "own", "earlier", "zero", "inverse", *HONEST])
choices = st.one_of(
    st.tuples(*(st.tuples(st.just(client), hows) for client in range(1, 6))),
    st.lists(st.tuples(st.integers(1, 5), hows), max_size=6).map(tuple),
)
helper_sets = st.one_of(
    st.just(HELPERS), st.sets(st.integers(1, 5)).map(lambda found: tuple(sorted(found)))
)


@example(OWN, HELPERS)
@example((), ())
@settings(max_examples=60, deadline=None)
@given(choices, helper_sets)
def test_no_request_opens_another_sum(choice, helpers):
    assert kept_scene().ask(choice, helpers) in (None, sum(QUALITIES.values()))
