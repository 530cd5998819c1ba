"""Images with files of their own: the same batches, bit for bit, as from one file that is read
whole, which is the slow twin where a client has many."""

import numpy as np
import pytest

from tff_health.data import pack
from tff_health.data.client_data import client_keys, training_data, validation_data
from tff_health.data.federated import federate
from tff_health.data.images import LabelledImages
from tff_health.data.lots import lots
from tff_health.data.pack import pack_clients, packed_in_pieces
from tff_health.data.partition import PartitionSpec
from tff_health.data.preparation import Preparation

SHAPE, CLIENTS = (6, 6, 3), 2
EVERYTHING = Preparation(flips=True, rotations=True, colours=0.1, class_balance=0.5)


def made(shape=SHAPE, count=120):
    rng = np.random.default_rng(0)
    images = LabelledImages(
        name="digits",
        form="made by a test",
        pixels=rng.integers(0, 256, (count, *shape), np.uint8),
        labels=rng.integers(0, 4, count).astype(np.uint8),
        class_names=tuple("abcd"),
        groups=(np.arange(count) // 3).astype(str),
    )
    spec = PartitionSpec("iid", CLIENTS)
    return federate(images, "clean", 2, spec, seed=0, by_group=True, validation_fraction=0.4)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Of both roads, by whether images have files of their own."""
    federated, found = made(), {}
    for in_pieces in (False, True):
        found[in_pieces] = tmp_path_factory.mktemp("packed") / "clients"
        with pytest.MonkeyPatch.context() as patched:
            if in_pieces:
                patched.setattr(pack, "HELD_BYTES", 0)
                patched.setattr(pack, "_BLOCK_BYTES", 0)
            assert packed_in_pieces(federated) == in_pieces
            pack_clients(federated, found[in_pieces], lambda *_: None)
    return found


def computations(folder, in_pieces):
    lot = (folder, SHAPE, 1, 12, (5, 6), Preparation(flips=True))
    return {
        "training": training_data(
            *(folder, SHAPE, 16, 2, 7, EVERYTHING, 4, True), in_pieces=in_pieces
        ),
        "validation": validation_data(folder, SHAPE, 1, in_pieces=in_pieces),
        "lots": lots(*lot, in_pieces=in_pieces),
        "lots by group": lots(*lot, True, in_pieces=in_pieces),
    }


@pytest.mark.parametrize("kind", ["training", "validation", "lots", "lots by group"])
def test_both_roads_give_the_same_batches(tff_context, folders, kind):
    whole, pieces = (computations(folders[road], road)[kind] for road in (False, True))
    for client in range(CLIENTS):
        for round_number in (1, 2):
            (key,) = client_keys([client], round_number)
            batches = [[x.numpy() for x in batch] for batch in whole(key)]
            others = [[x.numpy() for x in batch] for batch in pieces(key)]
            assert len(batches) == len(others) > 1
            for batch, other in zip(batches, others, strict=True):
                for one, same in zip(batch, other, strict=True):
                    assert one.dtype == same.dtype
                    np.testing.assert_array_equal(one, same)
    if kind == "lots":
        assert min(len(batch[0]) for batch in batches) == 0  # an empty lot reads nothing


@pytest.mark.parametrize("how", ["missing", "garbled", "more"])
def test_a_damaged_image_is_packed_anew(tmp_path, monkeypatch, how):
    monkeypatch.setattr(pack, "HELD_BYTES", 0)
    monkeypatch.setattr(pack, "_BLOCK_BYTES", 0)
    federated, folder = made(), tmp_path / "clients"
    pack_clients(federated, folder, lambda *_: None)
    pack_clients(federated, folder, lambda *_: pytest.fail("packed again"))
    path = folder / "training-1" / "5"
    whole = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "more":
        path.with_name("1000").write_bytes(whole)
    else:
        path.write_bytes(bytes(len(whole)))
    done = []
    pack_clients(federated, folder, lambda number, _: done.append(number))
    assert done == [1, 2]
    assert path.read_bytes() == whole
    assert not path.with_name("1000").exists()


@pytest.mark.parametrize(
    ("shape", "count", "expected"),
    [((28, 28, 3), 90_000, False), ((64, 64, 3), 4_000, False), ((64, 64, 3), 20_000, True)],
)
def test_only_large_parts_of_large_images_get_files_of_their_own(shape, count, expected):
    pixels = np.lib.stride_tricks.as_strided(  # as many as are said, in the memory of one number
        np.zeros(1, np.uint8), (count, *shape), (0, 0, 0, 0)
    )
    images = LabelledImages(
        name="digits",
        form="made by a test",
        pixels=pixels,
        labels=np.zeros(count, np.uint8),
        class_names=("a",),
    )
    federated = federate(images, "clean", 0, PartitionSpec("iid", CLIENTS), seed=0)
    assert packed_in_pieces(federated) == expected
