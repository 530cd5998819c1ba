"""A whole study, captured between sites and server: no plain text, and no key anywhere."""

import signal

import numpy as np
import pytest

from tests.tff_health.federation.deployment import Deployment, free_port
from tests.tff_health.federation.memory import found_in, memory
from tests.tff_health.federation.own_digits import FACTS, own_images
from tests.tff_health.federation.relay import relayed
from tff_health.federation.consortium import keys
from tff_health.local.model_weights import ModelWeights

pytestmark = [pytest.mark.slow, pytest.mark.drill]
SETTINGS = {"dataset": "digits", "model": "mnist_cnn", "rounds": 2, "scheme": "bonawitz", "seed": 5}


def secrets_of(deployed):
    """What nobody else may see: keys, in the forms in which they could appear."""
    for name in deployed.names:
        folder = deployed.folder / name
        identity = keys.read_identity(folder / keys.IDENTITY_KEY).secret[:32]
        storage = keys.read_storage_key(folder / keys.STORAGE_KEY)
        for secret in (identity, storage):
            yield secret
            yield secret.hex().encode()
        yield (folder / keys.TLS_KEY).read_bytes().splitlines()[1]


def test_a_captured_study_and_what_it_leaves_hold_no_secret(tmp_path):
    with Deployment(tmp_path, SETTINGS) as deployed:
        behind = free_port()
        with relayed(deployed.port, behind) as captured:
            deployed.start_server(f"--listen=localhost:{behind}")
            for name in deployed.names:
                deployed.start(name)
            assert deployed.wait("server") == 0, deployed.logs()
        secrets = list(secrets_of(deployed))
        weights = ModelWeights.from_bytes((deployed.results / "model.weights").read_bytes())
        shown = [array.tobytes() for array in weights.trainable if array.size > 100]
    size = sum(map(len, shown))
    assert len(captured) > 2 * 3 * size  # a model down and a masked update up, of each site
    plain = [array[start : start + 16] for array in shown for start in range(0, 4000, 400)]
    plain += [b"tff_health", b"bonawitz", b"hospital", b"round"]
    for mark in (*secrets, *(mark for mark in plain if any(mark))):
        assert bytes(mark) not in captured
    files = [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and path.suffix != ".key" and "scratch" not in path.parts
    ]
    assert any(path.name == "server.log" for path in files)
    for path in files:
        content = path.read_bytes()
        assert not [mark for mark in secrets if mark in content], path
    assert not [path for path in files if path.name.startswith("core")]


PATIENT = 17  # the place of one image among the site's
LABELS = slice(100, 140)


def planted(path, folder):
    """Put pixels of our own into one image of a site; return what would give its images away."""
    with np.load(path) as read:
        images, labels = read["images"].copy(), read["labels"]
    images[PATIENT] = np.random.default_rng(20261129).integers(0, 256, images[PATIENT].shape)
    np.savez(path, images=images, labels=labels)
    row, some = np.ravel(images[PATIENT])[:28], labels[LABELS]
    assert len(set(some)) > 5
    return {
        "folder": folder.encode(),
        **{f"pixels, {form}": row.astype(form).tobytes() for form in ("u1", "<f4", "<f8")},
        "pixels from 0 to 1": (row.astype("<f4") / np.float32(255)).tobytes(),
        **{f"labels, {form}": some.astype(form).tobytes() for form in ("u1", "<i4", "<i8", "<f4")},
        "labels, text": ", ".join(map(str, some.tolist())).encode(),
    }


def test_images_and_labels_of_a_site_are_nowhere_else(tmp_path):
    own = own_images(tmp_path / "data")
    folder = own["hospital-2"].parent.with_name("patients-of-hospital-2")
    own["hospital-2"].parent.rename(folder)
    own["hospital-2"] = folder / "images.npz"
    marks = planted(own["hospital-2"], folder.name)
    settings = {**SETTINGS, "dataset": "own", "split": "clean"}
    with Deployment(tmp_path, settings, own=own, facts=FACTS) as deployed:
        behind = free_port()
        with relayed(deployed.port, behind) as captured:
            deployed.start_server(f"--listen=localhost:{behind}")
            for name in deployed.names:
                deployed.start(name)
            deployed.wait_for("hospital-2", "round 1: done")
            deployed.signal("server", signal.SIGSTOP)
            assert not found_in(memory(deployed.pid("server")), marks)
            at_the_site = found_in(memory(deployed.pid("hospital-2")), marks)
            assert {"folder", "pixels, u1"} <= at_the_site, at_the_site
            deployed.signal("server", signal.SIGCONT)
            for name in ("server", *deployed.names):
                assert deployed.wait(name) == 0, deployed.logs()
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        others = [
            path
            for path in files
            if folder not in path.parents
            and (tmp_path / "hospital-2" / "work") not in path.parents
            and path.name not in ("hospital-2.toml", "hospital-2.log")
        ]
        assert tmp_path / "hospital-2" / "transcript.jsonl" in others
        assert tmp_path / "hospital-2" / "journal.sealed" in others
    assert not found_in([bytes(captured)], marks)
    for path in others:
        assert not found_in([path.read_bytes()], marks), path
