"""What schemes do when clients vanish, tried on small sums."""

import pytest

from tff_health.errors import RunError
from tff_health.measurements.scheme_probe import ProbeTask, probe
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import BINDINGS, ProtocolSettings
from tff_health.secure_aggregation.protocols import SumsOutcome

SETTINGS = ProtocolSettings(dropout_rate=0.0, value_bits=20)
FOUND = {
    "bonawitz": (True, ""),
    "fedopt": (False, "what compression leaves"),
    "fang": (False, "all parameters"),
    "zhang": (True, "the quality"),
    "zhang_hardened": (True, "the quality"),
}


def task_for(name):
    return ProbeTask(200, 4, 24, 1000 if name.startswith("zhang") else 0)


@pytest.mark.parametrize("name", FOUND)
def test_schemes_behave_as_the_paper_says(name):
    protocol = BINDINGS[SCHEMES[name].protocol].build(SETTINGS)
    found = probe(protocol, task_for(name))
    assert (found.supports_dropouts, found.encrypted) == FOUND[name]
    assert tuple(found.survives) == protocol.stages
    assert found.fixed_seconds >= 0
    assert found.seconds_per_number >= 0


def test_every_scheme_with_a_protocol_is_tried_here():
    assert set(FOUND) == {name for name, scheme in SCHEMES.items() if scheme.protocol}


def test_a_sum_that_is_none_is_found():
    protocol = BINDINGS["double_masking"].build(SETTINGS)

    class Wrong:
        stages = protocol.stages

        def sum(self, slots, tensors, plan):
            right = protocol.sum(slots, tensors, plan)
            return SumsOutcome([right.sums[0] + 1], right.survivors, right.costs, right.refusals)

    with pytest.raises(RunError, match="not the survivors' sum"):
        probe(Wrong(), task_for("bonawitz"))
