import csv
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from tff_health.data import ham10000, lesion_packing
from tff_health.data.files import MissingFilesError
from tff_health.data.images import class_counts
from tff_health.data.skin_lesions import CLASS_COUNTS, CLASS_NAMES
from tff_health.errors import DataError

COLUMNS = ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset"]
COUNT = 9


@pytest.fixture
def cache_dir(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def data_dir(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def read(data_dir, cache_dir):
    return lambda: ham10000.read(data_dir, cache_dir)


@pytest.fixture
def arrays():
    random = np.random.default_rng(3)
    return {
        "images": random.integers(256, size=(COUNT, 28, 28, 3), dtype=np.uint8),
        "labels": np.arange(COUNT, dtype=np.uint8) % 7,
        "class_names": np.array(CLASS_NAMES),
        "lesion_id": np.array([f"HAM_{number // 2:07}" for number in range(COUNT)]),
        "source": np.array(["rosendahl"] * COUNT),
        "age": np.full(COUNT, np.nan, np.float32),
    }


class TestPacked:
    def test_reads(self, data_dir, cache_dir, read, arrays):
        np.savez_compressed(data_dir / "ham10000_28.npz", **arrays)
        images = read()
        assert images.form == "packed file ham10000_28.npz"
        assert np.array_equal(images.pixels, arrays["images"])
        assert np.array_equal(images.labels, arrays["labels"])
        assert np.array_equal(images.groups, arrays["lesion_id"])
        assert np.array_equal(images.sites, arrays["source"])
        assert images.is_test is None
        assert not cache_dir.exists()

    def test_sources_may_be_unknown(self, data_dir, read, arrays):
        del arrays["source"]
        np.savez(data_dir / "ham10000_28.npz", **arrays)
        assert read().sites is None

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"images": np.zeros((COUNT, 28, 28), np.uint8)}, r"\(number, 28, 28, 3\)"),
            ({"images": np.zeros((COUNT, 28, 28, 3), np.int64)}, "images is int64"),
            ({"labels": np.full(COUNT, 7, np.uint8)}, "label 7.* 0 to 6"),
            ({"labels": np.zeros(COUNT - 1, np.uint8)}, "9 images need"),
            ({"class_names": np.array(["akiec", "mel"])}, "class_names are"),
            ({"lesion_id": np.array(["HAM_1"])}, "groups have shape"),
            ({"lesion_id": np.arange(COUNT)}, "groups are int64, but must be text"),
            ({"source": np.array([b"x"] * COUNT)}, "sites are .S1, but must be text"),
        ],
    )
    def test_wrong_array(self, data_dir, read, arrays, wrong, message):
        np.savez(data_dir / "ham10000_28.npz", **(arrays | wrong))
        with pytest.raises(DataError, match=message):
            read()

    def test_missing_array(self, data_dir, read, arrays):
        del arrays["lesion_id"]
        np.savez(data_dir / "ham10000_28.npz", **arrays)
        with pytest.raises(DataError, match="no array lesion_id; it has images, labels"):
            read()

    def test_truncated(self, data_dir, read, arrays):
        path = data_dir / "ham10000_28.npz"
        np.savez(path, **arrays)
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(DataError, match="is damaged"):
            read()

    def test_objects_are_not_loaded(self, data_dir, read, arrays):
        arrays["lesion_id"] = np.array([{}] * COUNT)
        np.savez(data_dir / "ham10000_28.npz", **arrays)
        with pytest.raises(DataError, match="Object arrays cannot be loaded"):
            read()

    def test_pickle_is_not_loaded(self, data_dir, read, arrays):
        (data_dir / "ham10000_28.npz").write_bytes(pickle.dumps(arrays))
        with pytest.raises(DataError, match="not a zip file"):
            read()


def write_official(folder, number=COUNT, name="HAM10000_metadata.csv", delimiter=","):
    """Metadata in another order than the images' names, and one plain-coloured image a row."""
    rows = []
    for index in reversed(range(number)):
        image_id = f"ISIC_{index:07}"
        diagnosis = CLASS_NAMES[index % 7]
        rows.append([f"HAM_{index // 2:07}", image_id, diagnosis, "histo", "", "male", "x", "a"])
        part = folder / f"HAM10000_images_part_{1 + index % 2}"
        part.mkdir(exist_ok=True)
        colour = (20 * index, 100, 200)
        Image.new("RGB", (60, 45), colour).save(part / f"{image_id}.jpg", quality=95)
    with (folder / name).open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL)
        writer.writerows([COLUMNS, *rows])


def edit_metadata(folder, old, new):
    path = folder / "HAM10000_metadata.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


class TestOfficial:
    @pytest.mark.parametrize(
        ("name", "delimiter"),
        [
            ("HAM10000_metadata.csv", ","),
            ("HAM10000_metadata", ","),
            ("HAM10000_metadata.tab", "\t"),
        ],
    )
    def test_reads(self, data_dir, read, name, delimiter):
        write_official(data_dir, name=name, delimiter=delimiter)
        images = read()
        assert images.form == f"official files beside {name}"
        assert images.pixels.shape == (COUNT, 28, 28, 3)
        assert images.labels.tolist() == [index % 7 for index in range(COUNT)]
        assert images.groups.tolist() == [f"HAM_{index // 2:07}" for index in range(COUNT)]
        assert set(images.sites) == {"a"}
        # JPEG and resizing leave a plain colour as it is, up to a rounding.
        expected = np.array([(20 * index, 100, 200) for index in range(COUNT)])
        assert np.abs(images.pixels - expected[:, None, None, :]).max() <= 2

    def test_quoted_fields_and_byte_order_mark(self, data_dir, read):
        write_official(data_dir)
        path = data_dir / "HAM10000_metadata.csv"
        lines = [line.split(",") for line in path.read_text().splitlines()]
        text = "\n".join(",".join(f'"{field}"' for field in line) for line in lines)
        path.write_text("\ufeff" + text, encoding="utf-8")
        assert len(read()) == COUNT

    def test_without_sites(self, data_dir, read):
        write_official(data_dir)
        path = data_dir / "HAM10000_metadata.csv"
        lines = [line.rpartition(",")[0] for line in path.read_text().splitlines()]
        path.write_text("\n".join(lines))
        assert read().sites is None

    def test_second_reading_decodes_nothing(self, data_dir, cache_dir, read, monkeypatch):
        write_official(data_dir)
        first = read()
        monkeypatch.setattr(lesion_packing, "_reduce", None)
        assert read().digest == first.digest
        assert len(list(cache_dir.iterdir())) == 1

    def test_changed_image_is_decoded_again(self, data_dir, read):
        write_official(data_dir)
        first = read()
        path = data_dir / "HAM10000_images_part_1" / "ISIC_0000000.jpg"
        Image.new("RGB", (60, 45), "white").save(path)
        assert read().digest != first.digest

    def test_damaged_cache_is_made_again(self, data_dir, cache_dir, read):
        write_official(data_dir)
        first = read()
        (packed,) = cache_dir.iterdir()
        packed.write_bytes(packed.read_bytes()[:1000])
        assert read().digest == first.digest

    def test_copies_of_an_image(self, data_dir, read):
        write_official(data_dir)
        shutil.copytree(data_dir / "HAM10000_images_part_1", data_dir / "copy")
        assert len(read()) == COUNT

    def test_capital_suffix(self, data_dir, read):
        write_official(data_dir)
        path = data_dir / "HAM10000_images_part_1" / "ISIC_0000000.jpg"
        path.rename(path.with_suffix(".JPG"))
        assert len(read()) == COUNT

    def test_missing_images(self, data_dir, read):
        write_official(data_dir)
        (data_dir / "HAM10000_images_part_1" / "ISIC_0000002.jpg").unlink()
        with pytest.raises(DataError, match=r"1 of them are not in .*ISIC_0000002.jpg"):
            read()

    @pytest.mark.parametrize("content", [b"", b"no image", "truncated", "png", "directory"])
    def test_corrupt_image(self, data_dir, cache_dir, read, content):
        write_official(data_dir)
        path = data_dir / "HAM10000_images_part_1" / "ISIC_0000002.jpg"
        if content == "truncated":
            path.write_bytes(path.read_bytes()[:-200])
        elif content == "png":
            Image.new("RGB", (60, 45)).save(path, "PNG")
        elif content == "directory":
            path.unlink()
            path.mkdir()
        else:
            path.write_bytes(content)
        with pytest.raises(DataError, match=r"ISIC_0000002.jpg"):
            read()
        assert not cache_dir.exists() or not list(cache_dir.iterdir())

    def test_full_disk_leaves_nothing(self, data_dir, cache_dir, read, monkeypatch):
        write_official(data_dir)

        def full(file, **_arrays):
            file.write(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(np, "savez", full)
        with pytest.raises(DataError, match="cannot be written: No space left on device"):
            read()
        assert not list(cache_dir.iterdir())

    def test_interruption_leaves_nothing(self, data_dir, cache_dir, read, monkeypatch):
        write_official(data_dir)

        def interrupted(file, **_arrays):
            file.write(b"half")
            raise KeyboardInterrupt

        monkeypatch.setattr(np, "savez", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read()
        assert not list(cache_dir.iterdir())

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("image_id", "picture", "no column image_id"),
            ("nv", "naevus", "line 5: diagnosis 'naevus' is not among akiec, bcc"),
            ("ISIC_0000004", "ISIC_0000003", "lists image ISIC_0000003 twice"),
            ("ISIC_0000004", "", "line 6: no value in column image_id"),
            (
                "ISIC_0000008,bcc,histo,,male,x,a",
                "ISIC_0000008,bcc",
                "line 2: no value in column dataset",
            ),
            ("HAM_0000002", '"HAM', "damaged"),
            ("HAM_0000004", "HAM,0000004", "line 2: more values than columns"),
        ],
    )
    def test_damaged_metadata(self, data_dir, read, old, new, message):
        write_official(data_dir)
        edit_metadata(data_dir, old, new)
        with pytest.raises(DataError, match=message):
            read()

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "no column image_id, dx; it has none"),
            (",".join(COLUMNS).encode(), "lists no images"),
            (b"\xff\xfe\x00", "damaged"),
        ],
    )
    def test_empty_or_binary_metadata(self, data_dir, read, content, message):
        write_official(data_dir)
        (data_dir / "HAM10000_metadata.csv").write_bytes(content)
        with pytest.raises(DataError, match=message):
            read()

    def test_metadata_without_any_image(self, data_dir, read):
        write_official(data_dir)
        for part in (1, 2):
            shutil.rmtree(data_dir / f"HAM10000_images_part_{part}")
        with pytest.raises(DataError, match="9 of them are not in"):
            read()


@pytest.fixture(scope="module")
def kaggle_table():
    random = np.random.default_rng(4)
    pixels = random.integers(256, size=(7, 2352))
    return np.column_stack([pixels, np.arange(7)])


def kaggle_text(table):
    header = ",".join([*(f"pixel{number:04}" for number in range(2352)), "label"])
    return "\n".join([header, *(",".join(map(str, row)) for row in table)]) + "\n"


class TestKaggle:
    def test_reads_in_our_order_of_classes(self, data_dir, read, kaggle_table):
        (data_dir / "hmnist_28_28_RGB.csv").write_text(kaggle_text(kaggle_table))
        images = read()
        names = [images.class_names[label] for label in images.labels]
        assert names == ["akiec", "bcc", "bkl", "df", "nv", "vasc", "mel"]
        assert np.array_equal(images.pixels, kaggle_table[:, :-1].reshape(-1, 28, 28, 3))
        assert images.groups is None

    def test_with_metadata_but_no_images(self, data_dir, read, kaggle_table):
        write_official(data_dir)
        shutil.rmtree(data_dir / "HAM10000_images_part_1")
        shutil.rmtree(data_dir / "HAM10000_images_part_2")
        (data_dir / "hmnist_28_28_RGB.csv").write_text(kaggle_text(kaggle_table))
        assert "Kaggle" in read().form

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda text: "", "1 columns|no data"),
            (lambda text: text.splitlines()[0], "no data"),
            (lambda text: text[:-500], "damaged"),
            (lambda text: text.replace("pixel0000", "red"), "from red to label"),
            (lambda text: text.replace(",0\n", ",7\n", 1), "label 7.* 0 to 6"),
            (lambda text: text.replace(",0\n", ",-1\n", 1), "damaged.*'-1'"),
            (lambda text: text.replace("\n", "\n256,", 1), "damaged.*'256'"),
            (lambda text: text.replace("\n", "\n1.5", 1), "damaged"),
            (lambda text: text.replace("\n", "\nx", 1), "damaged"),
            (lambda text: text.replace(",0\n", ",0,0\n", 1), "damaged"),
            (lambda text: text.replace("\n", "\né", 1), "damaged"),
        ],
    )
    def test_damaged(self, data_dir, read, kaggle_table, change, message):
        (data_dir / "hmnist_28_28_RGB.csv").write_text(change(kaggle_text(kaggle_table)))
        with pytest.raises(DataError, match=message) as caught:
            read()
        assert len(str(caught.value)) < 400

    def test_other_number_of_columns(self, data_dir, read, kaggle_table):
        lines = [",".join(line.split(",")[1:]) for line in kaggle_text(kaggle_table).splitlines()]
        (data_dir / "hmnist_28_28_RGB.csv").write_text("\n".join(lines))
        with pytest.raises(DataError, match="2352 columns from pixel0001 to label"):
            read()


class TestDetection:
    def test_order(self, data_dir, read, arrays, kaggle_table):
        (data_dir / "hmnist_28_28_RGB.csv").write_text(kaggle_text(kaggle_table))
        write_official(data_dir)
        assert "official" in read().form
        # A packed file wins even from the sub-folder.
        (data_dir / "ham10000").mkdir()
        np.savez(data_dir / "ham10000" / "ham10000_28.npz", **arrays)
        assert "packed" in read().form

    def test_empty_folder(self, read):
        with pytest.raises(MissingFilesError, match=r"no ham10000_28.npz, no HAM10000_metadata"):
            read()

    def test_directory_instead_of_file(self, data_dir, read):
        (data_dir / "hmnist_28_28_RGB.csv").mkdir()
        with pytest.raises(DataError, match=r"hmnist_28_28_RGB.csv cannot be read: Is a directory"):
            read()


def test_published_images(real_data_dir, cache_dir):
    images = ham10000.read(real_data_dir, cache_dir)
    assert tuple(class_counts(images.labels, images.class_names).values()) == CLASS_COUNTS
    assert images.pixels.shape == (10_015, 28, 28, 3)
    if images.groups is not None:
        assert len(set(images.groups)) == 7_470
