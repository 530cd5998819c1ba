"""Every dataclass of crypto/ is a value: frozen. What is secret stays out of its repr."""

import dataclasses
import importlib
import pkgutil

import pytest

import crypto


def dataclasses_of_crypto():
    found = {}
    for module in pkgutil.walk_packages(crypto.__path__, "crypto."):
        for value in vars(importlib.import_module(module.name)).values():
            if not isinstance(value, type) or value.__module__ != module.name:
                continue
            if dataclasses.is_dataclass(value):
                found[f"{module.name}.{value.__qualname__}"] = value
    return found


VALUES = dataclasses_of_crypto()


@pytest.mark.parametrize("name", VALUES)
def test_dataclasses_are_frozen(name):
    assert VALUES[name].__dataclass_params__.frozen


HIDDEN = {
    "crypto.protocols.dkg.shares.SharePair": ("share", "blinding"),
    "crypto.elgamal.encryption.PublicKey": ("group",),
    "crypto.primitives.key_agreement.AgreementKeyPair": ("private",),
    "crypto.protocols.masking.client_states.Advertised": ("seed",),
    "crypto.protocols.masking.client_states.Shared": ("seed",),
    "crypto.protocols.masking.keys.ShareChannelKeys": ("sending", "receiving"),
    "crypto.paillier.packed.PackedPrivateKey": ("p", "q"),
    "crypto.paillier.phe_keys.PaillierPrivateKey": ("private",),
    "crypto.protocols.pairwise_masking.messages.DealtKeys": ("mask_key", "share_key"),
    "crypto.proofs.range_proof._BitDraft": (
        "bit",
        "exponent",
        "nonce",
        "other_challenge",
        "other_response",
    ),
    "crypto.protocols.quality_sum.parameters.Contribution": ("vector", "quality"),
    "crypto.protocols.quality_sum.key_messages.DealtSystemKey": ("share",),
    "crypto.primitives.shamir.Share": ("value",),
    "crypto.primitives.share_channel.PairKeys": ("sending", "receiving"),
    "crypto.primitives.signatures.SigningIdentity": ("secret",),
    "crypto.elgamal.threshold.Dealing": ("shares",),
    "crypto.elgamal.threshold.KeyShare": ("value",),
    "crypto.vector_schemes.exponential_elgamal.ElGamalPrivateKey": ("secret",),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_secrets_stay_out_of_the_repr(name):
    shown = {field.name for field in dataclasses.fields(VALUES[name]) if field.repr}
    assert not shown & set(HIDDEN[name])
