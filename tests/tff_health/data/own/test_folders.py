"""Images in a folder for each class, from the files to `LabelledImages`."""

import os

import numpy as np
import pytest
from PIL import Image

from tests.tff_health.data.own.drawn import write_folder, write_picture
from tff_health.data.own.read import read
from tff_health.data.reading import Reading
from tff_health.errors import DataError


@pytest.fixture
def reads(tmp_path):
    def reads(path, **options):
        return read(path, Reading(**options), tmp_path / "cache")

    return reads


def refusal(reads, path, **options):
    with pytest.raises(DataError) as error:
        reads(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_folder_names_the_class_of_its_images(reads, tmp_path):
    images = reads(write_folder(tmp_path / "skin"))
    assert images.name == str(tmp_path / "skin")
    assert images.class_names == ("benign", "malignant")
    assert images.labels.tolist() == [0] * 6 + [1] * 6
    assert images.image_shape == (64, 64, 3)
    assert images.pixels[:][:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 40, 41, 42, 43, 44, 45]
    assert "folder skin with a folder for each class" in images.form
    assert images.groups is None
    assert images.is_test is None


def test_folders_below_a_class_belong_to_it(reads, tmp_path):
    write_folder(tmp_path / "skin", each=1)
    write_picture(tmp_path / "skin" / "benign" / "2019" / "a.jpg", 9)
    assert reads(tmp_path / "skin").labels.tolist() == [0, 0, 1]


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "valid", "Testing")])
def test_the_publishers_test_part_is_kept_and_val_is_trained_on(reads, tmp_path, names):
    for name in names:
        write_folder(tmp_path / "skin" / name, each=2)
    images = reads(tmp_path / "skin")
    assert len(images) == 12
    assert images.is_test.tolist() == [False] * 8 + [True] * 4
    assert f"in {names[0]} and {names[1]} to train with, in {names[2]} to test" in images.form


def test_without_a_test_part_val_is_it(reads, tmp_path):
    for name in ("train", "val"):
        write_folder(tmp_path / "skin" / name, each=2)
    images = reads(tmp_path / "skin")
    assert images.is_test.sum() == 4
    assert "in train to train with, in val to test" in images.form


def test_train_alone_is_a_class_like_others(reads, tmp_path):
    write_folder(tmp_path / "skin", ("train", "car"))
    assert reads(tmp_path / "skin").class_names == ("car", "train")


def test_classes_that_are_numbers_are_in_their_order(reads, tmp_path):
    write_folder(tmp_path / "skin", ("10", "2", "7"), each=1)
    assert reads(tmp_path / "skin").class_names == ("2", "7", "10")


def test_other_files_are_left_out_and_counted(reads, tmp_path):
    write_folder(tmp_path / "skin")
    (tmp_path / "skin" / "benign" / "notes.txt").write_text("")
    (tmp_path / "skin" / "benign" / "Thumbs.db").write_text("")
    (tmp_path / "skin" / "benign" / ".hidden.png").write_text("")
    assert "2 files left out that are no images (.db, .txt)" in reads(tmp_path / "skin").form


def test_dicom_files_are_read_without_a_suffix_too(reads, tmp_path):
    from tests.tff_health.data.own.test_dicom import GREY, write

    for label in ("benign", "malignant"):
        (tmp_path / "skin" / label).mkdir(parents=True)
        write(tmp_path / "skin" / label / "IM0001", GREY)
        write(tmp_path / "skin" / label / "IM0002.dcm", GREY)
    images = reads(tmp_path / "skin", side=12)
    assert images.image_shape == (12, 12, 1)
    assert len(images) == 4
    assert "pydicom" in images.form


def test_grey_and_coloured_images_become_rgb_together(reads, tmp_path):
    root = write_folder(tmp_path / "skin")
    for name in ("benign", "malignant"):
        Image.new("L", (20, 20), 77).save(root / name / "99.png")
    images = reads(root)
    assert images.image_shape == (64, 64, 3)
    assert images.pixels[6].tolist() == np.full((64, 64, 3), 77).tolist()
    assert reads(root, channels=1).image_shape == (64, 64, 1)


def test_images_that_are_all_grey_stay_so(reads, tmp_path):
    for name in ("benign", "malignant"):
        (tmp_path / "skin" / name).mkdir(parents=True)
        Image.new("L", (20, 20), 77).save(tmp_path / "skin" / name / "1.png")
    assert reads(tmp_path / "skin").image_shape == (64, 64, 1)
    assert reads(tmp_path / "skin", channels=3).image_shape == (64, 64, 3)


def test_images_are_cropped_or_padded_to_a_square(reads, tmp_path):
    for name in ("benign", "malignant"):
        (tmp_path / "skin" / name).mkdir(parents=True)
        wide = np.zeros((16, 32), np.uint8)
        wide[:, 8:24] = 200
        Image.fromarray(wide).save(tmp_path / "skin" / name / "1.png")
    assert (reads(tmp_path / "skin", side=16).pixels[:] == 200).all()
    padded = reads(tmp_path / "skin", side=16, fit="pad").pixels[0][:, :, 0]
    assert not padded[:4].any()
    assert not padded[12:].any()
    assert padded[4:12, 6:10].min() > 190


def test_one_class_is_refused(reads, tmp_path):
    write_folder(tmp_path / "skin", ("benign",))
    assert "all images are of one class, 'benign'" in refusal(reads, tmp_path / "skin")


def test_too_many_classes_are_refused(reads, tmp_path):
    write_folder(tmp_path / "skin", tuple(map(str, range(257))), each=1, size=(8, 8))
    assert "257 classes found" in refusal(reads, tmp_path / "skin")


def test_pipes_are_not_waited_for(reads, tmp_path):
    root = write_folder(tmp_path / "skin")
    os.mkfifo(root / "benign" / "pipe")
    os.mkfifo(root / "benign" / "pipe.png")
    text = refusal(reads, root)
    assert "1 of 13 images cannot be read: benign/pipe.png: there is no such file" in text


def test_links_that_stay_inside_are_followed(reads, tmp_path):
    root = write_folder(tmp_path / "skin")
    (root / "other").symlink_to(root / "benign")
    (root / "benign" / "link.png").symlink_to("00.png")
    assert np.bincount(reads(root).labels).tolist() == [7, 6, 7]


@pytest.mark.parametrize("link", ["benign/link.png", "benign/link", "other"])
def test_links_that_lead_out_are_refused(reads, tmp_path, link):
    root = write_folder(tmp_path / "skin")
    outside = write_picture(tmp_path / "elsewhere" / "a.png", 1)
    (root / link).symlink_to(outside if link.endswith("png") else outside.parent)
    assert f"{root / link} leads out of {root}" in refusal(reads, root)


def test_links_in_a_circle_are_refused(reads, tmp_path):
    root = write_folder(tmp_path / "skin")
    (root / "benign" / "again").symlink_to(root / "benign")
    assert "leads back to" in refusal(reads, root)


def test_unreadable_images_are_refused_together(reads, tmp_path):
    root = write_folder(tmp_path / "skin")
    for number in range(6):
        (root / "benign" / f"9{number}.png").write_text("text")
    Image.new("L", (1, 1)).save(root / "malignant" / "97.png")
    text = refusal(reads, root)
    assert f"{root}: 7 of 19 images cannot be read: benign/90.png: it is no image" in text
    assert "; and 2 more. Mend or remove them, or go on without them: --skip_unreadable" in text
    assert not list((tmp_path / "cache").rglob("*.bin"))


def test_unreadable_images_are_left_out_if_asked_and_counted(reads, tmp_path):
    root = write_folder(tmp_path / "skin")
    (root / "benign" / "00.png").write_text("text")
    Image.new("L", (1, 1)).save(root / "malignant" / "00.png")
    images = reads(root, skip_unreadable=True)
    assert images.labels.tolist() == [0] * 5 + [1] * 5
    assert images.pixels[0][0, 0, 0] == 1
    assert (
        "2 of 12 images left out: 1 as it is no image of a kind that is read, 1 as it has 1x1 "
        "pixels, fewer than 8x8" in images.form
    )
    assert "2 of 12" in refusal(reads, root)  # though it was packed


def test_a_class_of_which_nothing_can_be_read_is_gone(reads, tmp_path):
    root = write_folder(tmp_path / "skin", ("a", "b", "c"), each=1)
    (root / "b" / "00.png").write_text("text")
    images = reads(root, skip_unreadable=True)
    assert images.class_names == ("a", "c")
    assert images.labels.tolist() == [0, 1]


def test_nothing_but_unreadable_images_is_refused_even_so(reads, tmp_path):
    root = write_folder(tmp_path / "skin", each=1)
    for path in root.rglob("*.png"):
        path.write_text("text")
    assert "none of 2 images can be read" in refusal(reads, root, skip_unreadable=True)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ([], "is empty: name a folder with"),
        (["a.png", "b.png"], "has 2 images, but nothing that says their classes"),
        (["images.zip"], "has images.zip, which is to be unpacked first"),
        (["a.npz"], "has a.npz, which is to be named itself"),
        (["benign/notes.txt"], "has folders, but no images in them"),
        (["people.csv"], "has people.csv, without columns image and label"),
    ],
)
def test_folders_without_classes_are_refused_by_what_they_have(reads, tmp_path, made, reason):
    root = tmp_path / "skin"
    root.mkdir()
    for name in made:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("name,age\nx,3\n")
    assert reason in refusal(reads, root)


def test_other_paths_are_refused(reads, tmp_path):
    assert "does not exist: name a folder with" in refusal(reads, tmp_path / "missing")
    (tmp_path / "a.pdf").write_text("")
    assert "is a file of another kind" in refusal(reads, tmp_path / "a.pdf")
