"""Packed files, and the TFF computations that read them in a worker."""

import numpy as np
import pytest

from tff_health.data.client_data import client_keys, training_data, validation_data
from tff_health.data.federated import federate
from tff_health.data.images import LabelledImages
from tff_health.data.pack import pack_clients, part_file
from tff_health.data.partition import PartitionSpec

SHAPE, CLIENTS = (4, 5, 3), 3


@pytest.fixture(scope="module")
def federated():
    rng = np.random.default_rng(0)
    images = LabelledImages(
        name="digits",
        form="made by a test",
        pixels=rng.integers(0, 256, (400, *SHAPE), np.uint8),
        labels=rng.integers(0, 4, 400).astype(np.uint8),
        class_names=tuple("abcd"),
    )
    return federate(images, "clean", 2, PartitionSpec("dirichlet", CLIENTS, alpha=1.0), seed=0)


@pytest.fixture(scope="module")
def folder(federated, tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "clients"
    pack_clients(federated, path, lambda *_: None)
    return path


def read(computation, client, round_number=1):
    batches = list(computation(client_keys([client], round_number)[0]))
    pixels = np.concatenate([x.numpy() for x, _ in batches])
    return pixels, np.concatenate([y.numpy() for _, y in batches]), [len(y) for _, y in batches]


def expected(federated, client, part):
    examples = getattr(federated.clients[client], part)
    pixels = np.concatenate(list(examples.pixels(federated.images, federated.augmenter)))
    return pixels.astype(np.float32) / 255, examples.labels


def sorted_rows(pixels, labels):
    rows = np.concatenate([pixels.reshape(len(pixels), -1), labels[:, None]], axis=1)
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("client", range(CLIENTS))
def test_the_worker_reads_what_was_packed(tff_context, federated, folder, client):
    pixels, labels, sizes = read(training_data(folder, SHAPE, 16, 1, seed=0), client)
    np.testing.assert_array_equal(
        sorted_rows(pixels, labels), sorted_rows(*expected(federated, client, "training"))
    )
    assert set(sizes[:-1]) <= {16}
    assert 0 < sizes[-1] <= 16


def test_validation_comes_in_order(tff_context, federated, folder):
    pixels, labels, _ = read(validation_data(folder, SHAPE, 16), 1)
    wanted_pixels, wanted_labels = expected(federated, 1, "validation")
    np.testing.assert_array_equal(pixels, wanted_pixels)
    np.testing.assert_array_equal(labels, wanted_labels)


def test_order_depends_on_seed_client_round_and_epoch_alone(tff_context, federated, folder):
    count = len(federated.clients[0].training)
    data = training_data(folder, SHAPE, 16, 2, seed=5)
    pixels, _, _ = read(data, 0, 3)
    assert len(pixels) == 2 * count
    np.testing.assert_array_equal(pixels, read(data, 0, 3)[0])
    again = training_data(folder, SHAPE, 16, 2, seed=5)
    np.testing.assert_array_equal(pixels, read(again, 0, 3)[0])
    assert not np.array_equal(pixels[:count], pixels[count:])
    assert not np.array_equal(pixels, read(data, 0, 4)[0])
    other_seed = training_data(folder, SHAPE, 16, 2, seed=6)
    assert not np.array_equal(pixels, read(other_seed, 0, 3)[0])


def test_packing_is_done_once_and_redone_for_other_data(federated, folder, tmp_path):
    stamps = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    pack_clients(federated, folder, lambda *_: pytest.fail("packed again"))
    assert stamps == {path: path.stat().st_mtime_ns for path in folder.iterdir()}

    target = tmp_path / "clients"
    other = federate(federated.images, "clean", 0, PartitionSpec("iid", 2), seed=0)
    pack_clients(federated, target, lambda *_: None)
    pack_clients(other, target, lambda *_: None)
    assert not (target / part_file("training", 2)).exists()


def test_nothing_half_written_stays_after_a_failure(federated, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tff_health.data.pack.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        pack_clients(federated, tmp_path / "clients", lambda *_: None)
    assert not (tmp_path / "clients").exists()


@pytest.mark.parametrize("how", ["missing", "cut", "empty", "garbled", "more", "stamp"])
def test_what_is_damaged_is_packed_anew(federated, tmp_path, how):
    folder = tmp_path / "clients"
    pack_clients(federated, folder, lambda *_: None)
    path = folder / part_file("training", 1)
    whole = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "stamp":
        (folder / "complete.sha256").write_bytes(b"\xff")
    elif how == "more":
        (folder / part_file("training", 77)).write_bytes(b"")
    else:
        spoilt = {"cut": whole[:-785], "empty": b"", "garbled": bytes(len(whole))}
        path.write_bytes(spoilt[how])
    done = []
    pack_clients(federated, folder, lambda number, _: done.append(number))
    assert done == list(range(1, len(federated.clients) + 1))
    assert path.read_bytes() == whole
    pack_clients(federated, folder, lambda *_: pytest.fail("packed again"))
