"""What binds a client of a joint session to what was agreed, and a proof to its ciphertext."""

from dataclasses import replace
from itertools import product

import pytest

from crypto.elgamal.encryption import Ciphertext
from crypto.errors import PolicyError, ProofError
from crypto.groups.secp256k1 import SECP256K1
from crypto.parties import SERVER
from crypto.protocols.quality_sum.encryption import QualityEncryption
from crypto.protocols.quality_sum.parameters import QualityParameters
from tests.crypto.protocols.quality_sum.cast import Cast

KINDS = {
    "paper": {},
    "with proofs": {"proofs": True},
    "hardened": {"hardened": True},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_takes_part_only_in_sessions_with_the_proofs_and_checks_agreed_to(kind):
    cast = Cast(**KINDS[kind])
    agreed = cast.server.invitation
    own = agreed.parameters.proofs, agreed.parameters.checked
    for proofs, checked in product((False, True), repeat=2):
        if (proofs, checked) == own:
            continue
        parameters = replace(agreed.parameters, proofs=proofs, checked=checked)
        changed = replace(agreed, parameters=parameters)
        with pytest.raises(PolicyError, match="agreed to") as caught:
            cast.clients[1].join(changed.to_bytes())
        assert caught.value.culprit == SERVER


def test_a_proof_of_knowledge_is_of_the_whole_ciphertext():
    """Its statement is about c1 alone: the context keeps others from changing the value in c2."""
    cast = Cast()
    parameters = QualityParameters(1, 100, proofs=True, checked=True)
    encryption = QualityEncryption(bytes(32), cast.ready.system, parameters)
    message, _ = encryption.encrypt(2, 40)
    ciphertext = encryption.decode(message)
    shifted = Ciphertext(ciphertext.c1, SECP256K1.multiply_by_generator(ciphertext.c2))
    with pytest.raises(ProofError) as caught:
        encryption.decode(replace(message, ciphertext=shifted.to_bytes(SECP256K1)))
    assert caught.value.culprit == 2
