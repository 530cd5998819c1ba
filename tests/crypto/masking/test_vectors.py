"""Test vectors: with fixed randomness every byte of a session is fixed.

They pin the wire format and all labels of version 1. If one of these digests must change, the
version of the protocol must change with it.
"""

import hashlib

import numpy as np
import pytest

from crypto.faults import Alter, Fault
from crypto.masking.session import DoubleMasking
from crypto.masking.stages import Stage
from crypto.masking.topology import CompleteGraph
from crypto.parties import SERVER
from crypto.randomness import TestVectorRandomness
from tests.crypto.conformance import Recorder


def transcript(signed):
    """Stage and direction -> digest of all messages, in a session of 4 clients with one dropout."""
    vectors = {c: np.arange(10 * c, 10 * c + 5, dtype=np.uint64) for c in (1, 2, 5, 9)}
    protocol = DoubleMasking(
        CompleteGraph(3), signed=signed, randomness=TestVectorRandomness(b"vectors")
    )
    recorders = {
        (stage, direction): Recorder() for stage in protocol.stages for direction in ("up", "down")
    }
    faults = [
        Fault(Alter(record), stage, **({"receiver": SERVER} if way == "up" else {"sender": SERVER}))
        for (stage, way), record in recorders.items()
    ]
    result = protocol.sum(
        vectors, 20, round_id=7, dropouts={5: Stage.MASKED_INPUT.value}, faults=faults
    )
    assert result.sum.tolist() == [120, 123, 126, 129, 132]
    return {
        key: hashlib.sha256(b"".join(record.messages)).hexdigest()[:16]
        for key, record in recorders.items()
    }


SIGNED = {
    ("advertise keys", "up"): "7c0fa36c483ace4c",
    ("advertise keys", "down"): "c60be1d18304a83a",
    ("share keys", "up"): "dd6eb8dc8606eccd",
    ("share keys", "down"): "de7af4dbf618087f",
    ("masked input", "up"): "585f682268843594",
    ("masked input", "down"): "79d894e68365deac",
    ("consistency", "up"): "54e4ee3203874c52",
    ("consistency", "down"): "4783d9560af53fde",
    ("unmasking", "up"): "f795e2b470b7869a",
    ("unmasking", "down"): "d056c43562a1a5d3",
}
UNSIGNED = {
    ("advertise keys", "up"): "458b1ce06ff29f85",
    ("advertise keys", "down"): "67362651cf7a1555",
    ("share keys", "up"): "0e1f543618b9283f",
    ("share keys", "down"): "d8428a608abdba1f",
    ("masked input", "up"): "e5631ac80f0ce415",
    ("masked input", "down"): "826354b83412630a",
    ("unmasking", "up"): "f8199a9e77a6653a",
    ("unmasking", "down"): "cf38f47bfda71453",
}


@pytest.mark.parametrize(("signed", "expected"), [(True, SIGNED), (False, UNSIGNED)])
def test_transcripts_are_those_of_version_1(signed, expected):
    assert transcript(signed) == expected
