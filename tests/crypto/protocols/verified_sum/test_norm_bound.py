"""Verified sums in which the norm of every client's vector is bounded, and proven to be."""

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from crypto.errors import ConsistencyError, MalformedMessageError, ParameterError, ProofError
from crypto.norm_proofs import layout, prover
from crypto.norm_proofs.four_squares import four_squares
from crypto.norm_proofs.parameters import NormBound
from crypto.parties import SERVER
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.verified_sum import client_session
from crypto.protocols.verified_sum import terms as terms_module
from crypto.protocols.verified_sum.messages import ProvenVector, Transcript, VerifiedInvitation
from crypto.protocols.verified_sum.stages import Stage
from crypto.protocols.verified_sum.verification import check_transcript
from crypto.session.faults import Alter, Fault
from crypto.session.signing import sign_message
from crypto.session.sum_roles import VectorShape
from tests.crypto.protocols.verified_sum.cast import (
    BITS,
    CLIENTS,
    JOINT,
    KINDS,
    LENGTH,
    MAX_QUALITY,
)

BOUNDED, LARGEST = 30, 1000
NORM = NormBound(BOUNDED, LARGEST)
CHEAT = 4


def qualities():
    return {client: 1 + client % MAX_QUALITY for client in CLIENTS}


def vectors(kind, times=1.0):
    """Vectors within the bound; that of one client is so many times as long."""
    rng, found = np.random.default_rng(0), {}
    for client in CLIENTS:
        bound = LARGEST * (qualities()[client] if kind in JOINT else 1)
        drawn = rng.normal(size=BOUNDED)
        drawn *= bound / np.linalg.norm(drawn) * (times if client == CHEAT else 1)
        free = rng.integers(-(2**15), 2**15, LENGTH - BOUNDED)
        found[client] = np.concatenate([free, np.trunc(drawn).astype(np.int64)])
    return found


def run(kind, given, round_id=1, norm=NORM, **plan):
    protocol = KINDS[kind](norm_bound=LARGEST)
    if kind in JOINT:
        more = {"max_quality": MAX_QUALITY, "round_id": round_id, "norm": norm}
        return protocol, protocol.sum(given, qualities(), BITS, **more, **plan)
    return protocol, protocol.sum(given, BITS, round_id=round_id, norm=norm, **plan)


def cheating(client=CHEAT):
    """Have one client prove what is false, as well as it goes."""
    original = prover.prove_norm

    def prove(integers, *rest):
        with mock.patch.object(layout, "four_squares", squares):
            return original(integers, *rest)

    def squares(number):
        return four_squares(number) if number >= 0 else (0, 0, 0, 0)

    return (
        mock.patch.object(prover, "check_norm"),
        mock.patch.object(terms_module, "check_norm"),
        mock.patch.object(client_session, "prove_norm", prove),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_who_keeps_to_the_bound_is_in_the_sum(kind):
    given = vectors(kind)
    protocol, result = run(kind, given)
    assert result.survivors == CLIENTS
    assert result.refusals == ()
    expected = sum(given.values()) % (1 << BITS)
    np.testing.assert_array_equal(result.sum, expected.astype(np.uint64))
    assert result.verification.receipts == CLIENTS
    check_transcript(result.verification.transcript, protocol.verify_keys)


@pytest.mark.parametrize("kind", KINDS)
def test_who_does_not_is_refused_with_blame_and_the_rest_are_summed(kind):
    given = vectors(kind, times=1.5)
    first, second, third = cheating()
    with first, second, third:
        _, result = run(kind, given)
    assert result.survivors == tuple(c for c in CLIENTS if c != CHEAT)
    (refusal,) = (r for r in result.refusals if isinstance(r.error, ProofError))
    assert (refusal.stage, refusal.by, refusal.error.culprit) == (
        Stage.COMMITMENT.value,
        SERVER,
        CHEAT,
    )
    expected = sum(v for c, v in given.items() if c != CHEAT) % (1 << BITS)
    np.testing.assert_array_equal(result.sum, expected.astype(np.uint64))


def test_an_honest_client_is_told_before_anything_leaves():
    with pytest.raises(ParameterError, match="clip it"):
        run("double masking", vectors("double masking", times=1.01))


def test_without_a_bound_nothing_is_proven():
    given = vectors("double masking", times=50)
    protocol, result = run("double masking", given, norm=None)
    assert result.survivors == CLIENTS
    assert Transcript.from_bytes(result.verification.transcript).proofs == ()
    check_transcript(result.verification.transcript, protocol.verify_keys)


def test_a_proof_or_commitment_of_another_round_is_refused():
    kind, kept = "pairwise masking", {}

    def keep(data):
        kept[CHEAT] = ProvenVector.from_bytes(data[:-64])
        return data

    protocol = KINDS[kind](norm_bound=LARGEST)
    given, plan = vectors(kind), {"norm": NORM}
    faults = [Fault(Alter(keep), Stage.COMMITMENT.value, CHEAT)]
    assert protocol.sum(given, BITS, round_id=1, faults=faults, **plan).refusals == ()

    def replayed(data):
        message = ProvenVector.from_bytes(data[:-64])
        identity = protocol._signers._consortium.identity(CHEAT)
        for_this = replace(message, proof=kept[CHEAT].proof)
        return sign_message(for_this, identity)

    faults = [Fault(Alter(replayed), Stage.COMMITMENT.value, CHEAT)]
    result = protocol.sum(given, BITS, round_id=2, faults=faults, **plan)
    assert CHEAT not in result.survivors
    (error,) = {
        type(r.error) for r in result.refusals if r.by == SERVER and r.error.culprit == CHEAT
    }
    assert error is ProofError

    def old_commitment(data):
        message = ProvenVector.from_bytes(data[:-64])
        identity = protocol._signers._consortium.identity(CHEAT)
        whole = replace(message, committed=kept[CHEAT].committed, proof=kept[CHEAT].proof)
        return sign_message(whole, identity)

    faults = [Fault(Alter(old_commitment), Stage.COMMITMENT.value, CHEAT)]
    result = protocol.sum(given, BITS, round_id=3, faults=faults, **plan)
    assert CHEAT not in result.survivors
    assert any(
        "another session" in r.error.what and r.error.culprit == CHEAT for r in result.refusals
    )


def test_bytes_that_are_no_proof_are_malformed():
    protocol = KINDS["double masking"](norm_bound=LARGEST)

    def cut(data):
        message = ProvenVector.from_bytes(data[:-64])
        identity = protocol.identity(CHEAT)
        return sign_message(replace(message, proof=message.proof[:100]), identity)

    faults = [Fault(Alter(cut), Stage.COMMITMENT.value, CHEAT)]
    given = vectors("double masking")
    result = protocol.sum(given, BITS, round_id=1, faults=faults, norm=NORM)
    assert CHEAT not in result.survivors
    assert any(
        isinstance(r.error, MalformedMessageError) and r.error.culprit == CHEAT
        for r in result.refusals
    )


def test_a_transcript_without_proofs_or_with_others_is_refused():
    protocol, result = run("double masking", vectors("double masking"))
    transcript = Transcript.from_bytes(result.verification.transcript)
    keys = protocol.verify_keys
    for proofs in ((), transcript.proofs[:-1], (*transcript.proofs, transcript.proofs[0])):
        with pytest.raises(ConsistencyError, match="proofs of norms"):
            check_transcript(replace(transcript, proofs=proofs).to_bytes(), keys)
    exchanged = (transcript.proofs[1], transcript.proofs[0], *transcript.proofs[2:])
    with pytest.raises(ProofError) as caught:
        check_transcript(replace(transcript, proofs=exchanged).to_bytes(), keys)
    assert caught.value.culprit == SERVER


def test_bounds_where_no_norm_can_be_proven_are_refused():
    with pytest.raises(ParameterError, match="norm_bound"):
        KINDS["double masking"]().sum(vectors("double masking"), BITS, round_id=1, norm=NORM)
    with pytest.raises(ParameterError, match="norm_bound"):
        KINDS["scheme V"]().sum(
            vectors("scheme V"), qualities(), BITS, max_quality=5, round_id=1, norm=NORM
        )
    with pytest.raises(ParameterError, match="norm_bound"):
        DoubleMasking().serve(None, "sum", CLIENTS, VectorShape(LENGTH, BITS, NORM), round_id=1)
    with pytest.raises(ParameterError, match="bounded="):
        run("double masking", vectors("double masking"), norm=NormBound(LENGTH + 1, 5))
    with pytest.raises(ParameterError, match="a norm of"):
        VerifiedInvitation(b"", 5, bytes(32), 0, 7)
