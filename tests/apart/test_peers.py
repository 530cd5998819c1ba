"""What docs/peers.md says of peers, by their own code at a small size."""

import os

import pytest

from benchmarks.peers.__main__ import ours, peer
from tests.apart.environment import INSTALL

pytestmark = pytest.mark.apart
CLIENTS, COORDINATES, UPDATE = 5, 1000, 0.01


def told(name):
    found = peer(name, CLIENTS, COORDINATES, install=bool(os.environ.get(INSTALL)))
    if found is None:
        pytest.skip(f"{name} is not installed: make apart")
    return found


def test_ours_is_exact_whenever_one_is_lost():
    found = ours(CLIENTS, COORDINATES)
    assert found["largest_error"] <= 2.0**-21
    assert len(found["one_lost_in"]) == 5
    assert all(found["one_lost_in"].values())


def test_flower_loses_the_round_early_and_clips_after_weighting():
    found = told("flower")
    assert found["version"] == "1.42.0"
    assert found["largest_error"] < 1e-4
    assert found["one_lost_in"] == {
        "setup": False,
        "share keys": False,
        "collect masked vectors": True,
        "unmask": True,
    }
    values = found["mean_of_2_-3_7.5"]
    assert values["100"] == values["1000"] == pytest.approx([2, -3, 7.5], abs=1e-3)
    assert values["10000"] == pytest.approx([0.8, -0.8, 0.8], abs=1e-3)


def test_nvflare_gives_every_site_the_same_secret_key():
    found = told("nvflare")
    assert found["version"] == "2.9.0"
    assert found["kits_that_hold_the_secret_key"] == CLIENTS
    assert found["different_kits"] == 1
    assert not found["server_holds_the_secret_key"]
    assert max(found["largest_error"], found["largest_error_with_one_lost"]) < 1e-6


def test_openfl_rebuilds_all_seeds_and_masks_a_tensor_by_one_number():
    found = told("openfl")
    assert found["version"] == "1.9"
    assert found["seeds_at_the_aggregator_after_set_up"] == CLIENTS
    assert found["distinct_masks_of_one_tensor"] == 1
    assert found["largest_error"] < 1e-12
    assert found["largest_error_weighted_by_examples"] > UPDATE
    assert found["largest_error_with_one_lost"] > UPDATE
    assert "TimeoutError" in found["set_up_with_one_lost"][0]


def test_appfl_weights_updates_whose_masks_then_do_not_cancel():
    found = told("appfl")
    assert found["version"] == "1.12.0"
    assert found["largest_error"] < 1e-5
    assert found["largest_error_weighted_by_examples"] > 10 * UPDATE
    assert found["largest_error_with_one_lost"] > 10 * UPDATE
