"""The long fuzz run is a program outside the tests; here it runs briefly, to stay alive."""

import random

import pytest

from benchmarks.crypto.fuzz import Mutator, Recording, targets


@pytest.mark.drill
def test_every_target_takes_random_input():
    recordings = [Recording(signed=True), Recording(signed=False)]
    corpus = [data for recording in recordings for data in recording.corpus()]
    seed = random.randrange(2**32)
    names = []
    for name, run in targets(recordings, Mutator(seed, corpus)):
        assert sum(run(40).values()) == 40, f"seed {seed}"
        names.append(name)
    assert len(names) == len(set(names)) == 34
