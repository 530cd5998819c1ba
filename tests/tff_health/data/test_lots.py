"""Poisson lots: how often what is drawn, by record and by lesion."""

import numpy as np
import pytest
import tensorflow as tf

from tff_health.data import lots as module
from tff_health.data import part_reading
from tff_health.data.client_data import client_keys
from tff_health.data.federated import federate
from tff_health.data.images import LabelledImages
from tff_health.data.lots import lots
from tff_health.data.pack import UNITS_FILE, pack_clients, part_file
from tff_health.data.partition import PartitionSpec
from tff_health.data.preparation import Preparation
from tff_health.errors import DataError

SHAPE, CLIENTS, STEPS = (2, 2, 1), 2, 400
KEY = (12, -7)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    numbers = np.arange(200)
    pixels = np.zeros((200, *SHAPE), np.uint8)
    pixels[:, 0, 0, 0] = numbers  # which image it is
    return LabelledImages(
        name="digits",
        form="made by a test",
        pixels=pixels,
        labels=rng.integers(0, 3, 200).astype(np.uint8),
        class_names=tuple("abc"),
        groups=np.array([f"lesion{i // 5 if i < 100 else i}" for i in numbers]),
    )


@pytest.fixture(scope="module")
def packed(images, tmp_path_factory):
    found = {}
    for by_group in (False, True):
        federated = federate(
            *(images, "clean", 0, PartitionSpec("iid", CLIENTS), 0),
            by_group=by_group,
            validation_fraction=0.0,
        )
        folder = tmp_path_factory.mktemp("lots") / "clients"
        pack_clients(federated, folder, lambda *_: None)
        found[by_group] = (federated, folder)
    return found


def draw(folder, lot_size, by_group=False, client=0, round_number=1, key=KEY, steps=STEPS):
    data = lots(folder, SHAPE, lot_size, steps, key, by_group=by_group)
    drawn = list(data(client_keys([client], round_number)[0]))
    rows = [np.rint(255 * x.numpy()[:, 0, 0, 0]).astype(int) for x, _, _ in drawn]
    return rows, [y.numpy() for _, y, _ in drawn], [tuple(s.numpy()) for _, _, s in drawn]


def test_the_seeds_of_noise_are_drawn_whole(packed):
    _, folder = packed[False]
    seeds = np.array(draw(folder, 20)[2])
    assert seeds.dtype == np.int64
    assert len(np.unique(seeds)) == seeds.size
    # Of 64 random bits the upper 32 are all alike once in 2^31 times.
    assert np.all(np.abs(seeds.astype(float)) > 2**32)


def test_every_record_is_drawn_with_the_same_probability_by_itself(tff_context, packed):
    federated, folder = packed[False]
    examples = federated.clients[0].training
    rows, labels, streams = draw(folder, 20)
    rate = 20 / len(examples)
    sizes = np.array([len(lot) for lot in rows])
    deviation = np.sqrt(len(examples) * rate * (1 - rate))
    assert abs(sizes.mean() - 20) < 4 * deviation / np.sqrt(STEPS)
    assert 0.85 * deviation < sizes.std() < 1.15 * deviation  # sizes vary as Poisson sampling's do
    often = np.bincount(np.concatenate(rows), minlength=200)[examples.rows]
    expected, error = STEPS * rate, np.sqrt(STEPS * rate * (1 - rate))
    assert np.abs(often - expected).max() < 4.5 * error
    assert abs(((often - expected) ** 2).mean() / error**2 - 1) < 0.5
    assert all(len(set(lot.tolist())) == len(lot) for lot in rows)
    true = dict(zip(examples.rows.tolist(), examples.labels.tolist(), strict=True))
    for lot, named in zip(rows, labels, strict=True):
        assert [true[row] for row in lot.tolist()] == named.tolist()
    assert len(set(streams)) == STEPS


def test_a_lesion_gives_one_image_and_as_often_as_any_other(tff_context, packed, images):
    federated, folder = packed[True]
    client = federated.clients[0]
    lesion_of = dict(enumerate(images.groups.tolist()))
    held = sorted({lesion_of[row] for row in client.training.rows.tolist()})
    assert client.num_units == len(held) < len(client.training)
    others = {lesion_of[row] for row in federated.clients[1].training.rows.tolist()}
    assert not others & set(held)
    rows, _, _ = draw(folder, 10, by_group=True)
    for lot in rows:
        drawn = [lesion_of[row] for row in lot.tolist()]
        assert len(set(drawn)) == len(drawn)
    found = [lesion_of[row] for lot in rows for row in lot.tolist()]
    rate = 10 / len(held)
    expected, error = STEPS * rate, np.sqrt(STEPS * rate * (1 - rate))
    often = np.array([found.count(lesion) for lesion in held])
    assert np.abs(often - expected).max() < 4.5 * error
    seen = {row for lot in rows for row in lot.tolist()}
    assert seen == set(client.training.rows.tolist())  # any image of a lesion may be the one


def test_lots_follow_from_key_client_round_and_step_alone(tff_context, packed):
    _, folder = packed[False]
    given = {"lot_size": 20, "steps": 5}
    first = np.concatenate(draw(folder, **given)[0])
    np.testing.assert_array_equal(first, np.concatenate(draw(folder, **given)[0]))
    for change in ({"client": 1}, {"round_number": 2}, {"key": (12, -8)}, {"key": (11, -7)}):
        assert not np.array_equal(first, np.concatenate(draw(folder, **given, **change)[0]))


def test_lots_may_be_empty_or_everything(tff_context, packed):
    federated, folder = packed[False]
    sizes = [len(lot) for lot in draw(folder, 1, steps=60)[0]]
    assert 0 in sizes
    assert max(sizes) > 1
    count = len(federated.clients[0].training)
    assert [len(lot) for lot in draw(folder, 10**6, steps=2)[0]] == [count, count]


def test_classes_cannot_be_balanced(packed):
    with pytest.raises(ValueError, match="class_balance"):
        lots(packed[False][1], SHAPE, 10, 1, KEY, Preparation(class_balance=0.5))


def test_lesions_must_be_known(images):
    without = LabelledImages(
        name="digits",
        form="made by a test",
        pixels=images.pixels,
        labels=images.labels,
        class_names=images.class_names,
    )
    with pytest.raises(DataError, match="dp_unit=record"):
        federate(without, "clean", 0, PartitionSpec("iid", 2), 0, by_group=True)


@pytest.mark.parametrize("count", [100, 128, 129, 256, 32_768, 32_769])
@pytest.mark.parametrize("by_group", [False, True])
def test_positions_do_not_wrap_whatever_the_number_of_images(
    tff_context, tmp_path, monkeypatch, count, by_group
):
    """Positions in the narrowest type that holds them would, as jax-privacy 2.0.0 draws them."""
    found = []

    def read_part(*arguments):
        labels, pixels = part_reading.read_part(*arguments)

        def noted(positions):
            found.append(positions.dtype)
            return pixels(positions)

        return labels, noted

    monkeypatch.setattr(module, "read_part", read_part)
    labels = np.arange(count) % 251
    pixels = np.arange(count) // 251 % 251
    (tmp_path / part_file("training", 0)).write_bytes(bytes(map(int, [*labels, *pixels])))
    if by_group:
        (tmp_path / f"{UNITS_FILE}0").write_bytes(np.ones(count, np.int32).tobytes())
    data = lots(tmp_path, (1, 1, 1), count, 1, KEY, by_group=by_group)
    ((images, drawn, _),) = data(client_keys([0], 1)[0])
    assert found == [tf.int64]
    np.testing.assert_array_equal(drawn, labels)
    np.testing.assert_array_equal(np.rint(255 * images[:, 0, 0, 0]), pixels)
