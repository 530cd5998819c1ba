"""HAM10000 in the forms that people have it in; all pixels are made up."""

import csv
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from tff_health.data import catalog, ham10000
from tff_health.data.files import MissingFilesError
from tff_health.data.skin_lesions import CLASS_NAMES
from tff_health.errors import DataError

COUNT = 14
IDS = [f"ISIC_{24306 + index:07}" for index in range(COUNT)]
LABELS = [index // 2 for index in range(COUNT)]
LESIONS = [f"HAM_{index // 2:07}" for index in range(COUNT)]
ROWS = [
    {
        "lesion_id": LESIONS[index],
        "image_id": IDS[index],
        "dx": CLASS_NAMES[LABELS[index]],
        "dx_type": "histo",
        "age": "",
        "dataset": "rosendahl",
    }
    for index in range(COUNT)
]
IN_WORDS = (
    "Actinic keratosis",
    "basal cell carcinoma",
    "pigmented benign keratosis",
    "Dermatofibroma",
    "melanoma",
    "nevus",
    "vascular lesion",
)
CHALLENGE_ORDER = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
TABLE = "HAM10000_metadata.csv"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data"
    made.mkdir()
    return made


@pytest.fixture
def read(folder, tmp_path):
    return lambda: ham10000.read(folder, tmp_path / "cache")


def picture(index, form="JPEG"):
    stream = io.BytesIO()
    Image.new("RGB", (60, 45), (15 * index, 100, 200)).save(stream, form)
    return stream.getvalue()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def write_images(folder, indices=range(COUNT), suffix=".jpg", form="JPEG"):
    for index in indices:
        write(folder / f"{IDS[index]}{suffix}", picture(index, form))


def write_zip(path, names, indices):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, index in zip(names, indices, strict=True):
            archive.writestr(name, picture(index))


def table_of(rows=ROWS, columns=None, delimiter=",", encoding="utf-8", end="\n", index=False):
    columns = columns or list(rows[0])
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=end)
    writer.writerow([""] * index + columns)
    for number, row in enumerate(rows):
        writer.writerow([number] * index + [row[column] for column in columns])
    return stream.getvalue().encode(encoding)


def renamed(old, new, values):
    """The rows with column `old` under another name and with other values."""
    return [
        {(new if name == old else name): (value if name == old else row[name]) for name in row}
        for row, value in zip(ROWS, values, strict=True)
    ]


def check(images, lesions=True, sites=True):
    assert images.labels.tolist() == LABELS
    assert np.abs(images.pixels[:, 14, 14, 0] - 15.0 * np.arange(COUNT)).max() <= 2
    assert (None if images.groups is None else images.groups.tolist()) == (
        LESIONS if lesions else None
    )
    assert (images.sites is not None) == sites


@pytest.mark.parametrize(
    "table",
    [
        table_of(delimiter=";"),
        table_of(delimiter="\t"),
        table_of(delimiter="|"),
        table_of(end="\r\n", encoding="utf-8-sig"),
        table_of(end="\r"),
        table_of(encoding="utf-16"),
        table_of(index=True),
        table_of() + b"\n\n",
        b"sep=;\r\n" + table_of(delimiter=";", end="\r\n"),
        table_of(renamed("dataset", "dataset", ["Universitätsklinik"] * COUNT), encoding="cp1252"),
        table_of(renamed("dx", "dx", [row["dx"].upper() for row in ROWS])),
        table_of(renamed("dx", "Diagnosis", [IN_WORDS[label] for label in LABELS])),
        table_of(renamed("image_id", "image", [f"{name}.jpg" for name in IDS])),
        table_of(renamed("image_id", "Filename", [f"part_1\\{name}.JPG" for name in IDS])),
        table_of(renamed("image_id", "isic_id", [f" {name} " for name in IDS])),
        table_of(renamed("image_id", "ImageID", [f"{name}.tif" for name in IDS])),
        table_of(renamed("image_id", "image-id", IDS)),
        table_of(renamed("dx", "Class Name", [IN_WORDS[label] for label in LABELS])),
        table_of([*ROWS, *ROWS[:3]]),
        table_of().replace(b"rosendahl", b"rosendahl,,"),
        table_of(encoding="utf-16-le"),
        table_of(encoding="utf-16-be"),
        table_of(encoding="utf-32"),
    ],
    ids=[
        "semicolons",
        "tabs",
        "bars",
        "byte order mark",
        "carriage returns",
        "UTF-16",
        "index column",
        "empty lines",
        "Excel's note",
        "Windows encoding",
        "upper case",
        "in words",
        "with suffix",
        "with folder",
        "with blanks",
        "other suffix",
        "hyphen",
        "other names",
        "lines twice",
        "longer lines",
        "UTF-16 without a mark",
        "UTF-16 the other way round",
        "UTF-32",
    ],
)
def test_tables(folder, read, table):
    write(folder / TABLE, table)
    write_images(folder / "HAM10000_images_part_1", range(7))
    write_images(folder / "HAM10000_images_part_2", range(7, COUNT))
    check(read())


def test_without_sites(folder, read):
    columns = [name for name in ROWS[0] if name != "dataset"]
    write(folder / TABLE, table_of(columns=columns))
    write_images(folder)
    check(read(), sites=False)


@pytest.mark.parametrize("columns", [["image_id", "dx"], ["dx", "age", "image_id"]])
def test_without_lesions_there_is_no_clean_split(folder, read, columns):
    write(folder / TABLE, table_of(columns=columns))
    write_images(folder)
    images = read()
    check(images, lesions=False, sites=False)
    assert "lesions unknown" in images.form
    assert catalog.allowed_splits(images) == ("paper",)


@pytest.mark.parametrize("none", ["", "NaN", "NA", "None", " null "])
def test_empty_optional_columns_count_as_absent(folder, read, none):
    rows = [row | {"lesion_id": none, "dataset": none} for row in ROWS]
    write(folder / TABLE, table_of(rows))
    write_images(folder)
    check(read(), lesions=False, sites=False)


class TestPlaces:
    def test_nested_twice_with_stray_files(self, folder, read):
        part = "HAM10000_images_part_1"
        write(folder / "archive" / "ham10000_METADATA.CSV", table_of())
        write_images(folder / "archive" / part / part)
        write_images(folder / "archive" / part.lower())
        write(folder / "archive" / part / "Thumbs.db", b"x")
        write(folder / "__MACOSX" / f"{IDS[0]}.jpg", b"\0\5\x16\7")
        write(folder / "archive" / part / f"._{IDS[1]}.jpg", b"\0\5\x16\7")
        write(folder / "masks" / f"{IDS[2]}_segmentation.png", picture(0, "PNG"))
        write(folder / "ISIC2018_Task3_Test_GroundTruth.csv", table_of(ROWS[:2]))
        check(read())

    def test_linked_folders_and_a_circle_of_links(self, folder, read, tmp_path):
        write(folder / TABLE, table_of())
        write_images(tmp_path / "storage")
        (folder / "part_1").symlink_to(tmp_path / "storage")
        (folder / "again").symlink_to(folder)
        check(read())

    def test_upper_case_suffixes_and_names(self, folder, read):
        write(folder / "HAM10000" / TABLE, table_of())
        for index in range(COUNT):
            write(folder / "HAM10000" / "images" / f"{IDS[index].lower()}.JPG", picture(index))
        check(read())

    def test_png_copies(self, folder, read):
        write(folder / TABLE, table_of())
        write_images(folder, suffix=".png", form="PNG")
        check(read())

    @pytest.mark.parametrize(
        ("suffix", "form"),
        [(".tif", "TIFF"), (".webp", "WEBP"), (".BMP", "BMP"), (".jfif", "JPEG")],
    )
    def test_other_kinds_of_images(self, folder, read, suffix, form):
        write(folder / TABLE, table_of())
        write_images(folder, suffix=suffix, form=form)
        check(read())

    def test_originals_before_their_thumbnails(self, folder, read):
        write(folder / TABLE, table_of())
        write_images(folder / "originals")
        for name in IDS:
            stream = io.BytesIO()
            Image.new("RGB", (30, 22)).save(stream, "JPEG")
            write(folder / "a_thumbnails" / f"{name}.jpg", stream.getvalue())
        check(read())

    def test_the_table_before_its_copies(self, folder, read):
        write(folder / TABLE, table_of())
        write(folder / TABLE.replace(".csv", " (1).csv"), table_of(ROWS[:2]))
        write_images(folder)
        check(read())

    def test_a_table_of_another_name(self, folder, read):
        write(folder / "train_test_labels.csv", table_of())
        write_images(folder)
        check(read())

    def test_jpeg_before_its_png_copy(self, folder, read):
        write(folder / TABLE, table_of())
        write_images(folder / "z")
        for index in range(COUNT):
            write(folder / "a" / f"{IDS[index]}.png", picture(0, "PNG"))
        check(read())


class TestArchives:
    def test_images_still_zipped(self, folder, read):
        write(folder / TABLE, table_of())
        names = [f"{name}.jpg" for name in IDS]
        write_zip(folder / "HAM10000_images_part_1.zip", names[:7], range(7))
        write_zip(folder / "HAM10000_images_part_2.ZIP", names[7:], range(7, COUNT))
        images = read()
        check(images)
        assert "images in HAM10000_images_part_1.zip, HAM10000_images_part_2.ZIP" in images.form

    def test_an_archive_whose_name_lost_its_suffix(self, folder, read):
        write(folder / TABLE, table_of())
        names = [f"{name}.jpg" for name in IDS]
        write_zip(folder / "HAM10000_images_part_1", names, range(COUNT))
        check(read())

    @pytest.mark.parametrize(
        "name", ["a.tar.gz", "a.7z", "a.rar", "a.zip.crdownload", "a.zip.part", "a.z01"]
    )
    @pytest.mark.parametrize("has_table", [True, False])
    def test_archives_that_are_not_read(self, folder, read, name, has_table):
        write(folder / name, b"whatever")
        if has_table:
            write(folder / TABLE, table_of())
        with pytest.raises(DataError, match=rf"{name} is an archive that is not read .*: unpack"):
            read()

    def test_the_second_part_of_an_archive_alone(self, folder, read):
        write(folder / TABLE, table_of())
        write_zip(folder / "a.zip", [f"{name}.jpg" for name in IDS], range(COUNT))
        (folder / "a.zip").write_bytes((folder / "a.zip").read_bytes()[3000:])
        with pytest.raises(DataError, match=r"a.zip/ISIC_0024306.jpg .*the archive lacks a part"):
            read()

    def test_everything_in_one_archive(self, folder, read):
        names = [f"HAM10000_images_part_1/{name}.jpg" for name in IDS]
        write_zip(folder / "archive.zip", names, range(COUNT))
        with zipfile.ZipFile(folder / "archive.zip", "a") as archive:
            archive.writestr(TABLE, table_of())
            archive.writestr(f"__MACOSX/._{TABLE}", b"\0\5\x16\7")
        check(read())

    def test_second_reading_takes_the_cache(self, folder, read, tmp_path):
        write(folder / TABLE, table_of())
        write_zip(folder / "images.zip", [f"{name}.jpg" for name in IDS], range(COUNT))
        first = read()
        assert read().digest == first.digest
        assert len(list((tmp_path / "cache").iterdir())) == 1

    def test_other_images_in_the_archive_are_read_anew(self, folder, read):
        write(folder / TABLE, table_of())
        names = [f"{name}.jpg" for name in IDS]
        write_zip(folder / "images.zip", names, range(COUNT))
        first = read()
        write_zip(folder / "images.zip", names, [0, *range(COUNT - 1)])
        assert read().digest != first.digest

    def test_archive_inside_an_archive(self, folder, read):
        with zipfile.ZipFile(folder / "dataverse_files.zip", "w") as archive:
            archive.writestr("HAM10000_images_part_1.zip", b"PK")
            archive.writestr(TABLE, table_of())
        with pytest.raises(DataError, match=r"files.zip/HAM.*inside another one.*: unpack"):
            read()

    def test_damaged_archive(self, folder, read):
        write(folder / TABLE, table_of())
        write(folder / "HAM10000_images_part_1.zip", b"PK half an archive")
        with pytest.raises(DataError, match=r"part_1.zip is an archive .*damaged.*: unpack it"):
            read()

    def test_damaged_member(self, folder, read):
        write(folder / TABLE, table_of())
        path = folder / "images.zip"
        write_zip(path, [f"{name}.jpg" for name in IDS], range(COUNT))
        content = bytearray(path.read_bytes())
        content[content.index(b"\xff\xd8") + 200] ^= 255
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"images.zip/ISIC_0024306.jpg is damaged"):
            read()


class TestIsic:
    def one_hot(self, rows=range(COUNT)):
        return [
            {"image": IDS[index]}
            | {
                name: f"{float(name.lower() == CLASS_NAMES[LABELS[index]])}"
                for name in CHALLENGE_ORDER
            }
            for index in rows
        ]

    def write_challenge(self, folder, rows):
        truth = "ISIC2018_Task3_Training_GroundTruth"
        write(folder / truth / f"{truth}.csv", table_of(rows))
        write_images(folder / "ISIC2018_Task3_Training_Input")

    def test_challenge_with_groups_of_lesions(self, folder, read):
        self.write_challenge(folder, self.one_hot())
        groups = [{"image": row["image_id"], "lesion_id": row["lesion_id"]} for row in ROWS]
        write(folder / "ISIC2018_Task3_Training_LesionGroupings.csv", table_of(groups))
        check(read(), sites=False)

    def test_challenge_without_groups(self, folder, read):
        self.write_challenge(folder, self.one_hot())
        check(read(), lesions=False, sites=False)

    def test_groups_of_other_images_are_not_taken(self, folder, read):
        self.write_challenge(folder, self.one_hot())
        groups = [{"image": f"ISIC_{index:07}", "lesion_id": "HAM_1"} for index in range(COUNT)]
        write(folder / "groups.csv", table_of(groups))
        check(read(), lesions=False, sites=False)

    @pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("1,0", "0,0"), ("True", "FALSE")])
    def test_marks_of_diagnoses(self, folder, read, yes, no):
        rows = [
            {name: {"1.0": yes, "0.0": no}.get(value, value) for name, value in row.items()}
            for row in self.one_hot()
        ]
        self.write_challenge(folder, rows)
        check(read(), lesions=False, sites=False)

    @pytest.mark.parametrize("value", ["1.0", "0.5", "x", ""])
    def test_not_one_diagnosis(self, folder, read, value):
        rows = self.one_hot()
        rows[1]["NV"] = value
        self.write_challenge(folder, rows)
        table = folder / "ISIC2018_Task3_Training_GroundTruth"
        (table / f"{table.name}.csv").rename(folder / TABLE)
        with pytest.raises(DataError, match=r"line 3: of the columns mel, nv, .* one must be 1"):
            read()

    def test_archive_metadata(self, folder, read):
        rows = [
            {
                "isic_id": row["image_id"],
                "attribution": "Anonymous",
                "copyright_license": "CC-BY-NC",
                "diagnosis_1": "Benign",
                "diagnosis_2": "",
                "diagnosis_3": IN_WORDS[label],
                "lesion_id": row["lesion_id"],
            }
            for row, label in zip(ROWS, LABELS, strict=True)
        ]
        write(folder / "metadata.csv", table_of(rows))
        write(folder / "attribution.txt", b"some, words\nof, thanks")
        write_images(folder)
        check(read(), sites=False)


class TestFolders:
    def test_named_by_diagnosis(self, folder, read):
        for index in range(COUNT):
            name = IN_WORDS[LABELS[index]] if index % 2 else CLASS_NAMES[LABELS[index]].upper()
            write(folder / "train" / name / f"{IDS[index]}.jpg", picture(index))
        images = read()
        check(images, lesions=False, sites=False)
        assert images.form == "images in folders by diagnosis; lesions unknown"

    def test_one_image_under_two_diagnoses(self, folder, read):
        for name in ("mel", "nv"):
            write(folder / name / f"{IDS[0]}.jpg", picture(0))
        with pytest.raises(DataError, match="one image under two diagnoses"):
            read()


class TestClearErrors:
    def test_half_of_the_images(self, folder, read):
        write(folder / TABLE, table_of())
        write_images(folder / "HAM10000_images_part_1", range(7))
        with pytest.raises(DataError, match=r"lists 14 images, but 7 .*part_2.zip hold them all"):
            read()

    def test_images_without_a_table(self, folder, read):
        write_images(folder)
        with pytest.raises(MissingFilesError, match=r"14 images are there, but no table .*: put"):
            read()

    @pytest.mark.parametrize(
        ("name", "table", "told"),
        [
            (
                "metadata.csv",
                table_of([{"isic_id": name, "benign_malignant": "benign"} for name in IDS]),
                "metadata.csv has no column dx; it has isic_id, benign_malignant",
            ),
            (
                "metadata.csv",
                table_of([{"isic_id": name, "diagnosis_1": "Benign"} for name in IDS]),
                "metadata.csv, line 2: diagnosis 'Benign' is not among akiec",
            ),
            ("HAM10000_metadata.xlsx", b"PK", "HAM10000_metadata.xlsx is not read: save it as CSV"),
            ("HAM10000_metadata.csv.gz", b"x", "csv.gz is an archive that is not read"),
        ],
    )
    def test_a_table_that_is_not_taken(self, folder, read, name, table, told):
        write(folder / name, table)
        write_images(folder)
        with pytest.raises(MissingFilesError, match=f"no table of their diagnoses.*{told}"):
            read()

    def test_a_table_that_is_no_text(self, folder, read):
        write(folder / TABLE, b"PK\3\4\x83\x9d\0\0")
        write_images(folder)
        with pytest.raises(DataError, match="it is not text: save the table as CSV in UTF-8"):
            read()

    def test_images_of_other_names(self, folder, read):
        write(folder / TABLE, table_of(renamed("image_id", "image_id", range(COUNT))))
        write_images(folder)
        with pytest.raises(DataError, match=r"14 images of other names are there, such as ISIC_0"):
            read()

    def test_truncated_image(self, folder, read, tmp_path):
        write(folder / TABLE, table_of())
        write_images(folder)
        path = folder / f"{IDS[5]}.jpg"
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(DataError, match=r"ISIC_0024311.jpg is damaged.*get this image again"):
            read()
        assert not (tmp_path / "cache").exists()

    @pytest.mark.parametrize(
        ("image", "message"),
        [
            (Image.fromarray(np.full((45, 60), 30_000, np.uint16)), "more than 8 bits a channel"),
            (Image.new("RGB", (1, 1)), "1x1 pixels, fewer than 28x28"),
        ],
        ids=["16 bits", "one pixel"],
    )
    def test_images_that_would_come_out_wrong(self, folder, read, image, message):
        write(folder / TABLE, table_of())
        write_images(folder, range(1, COUNT))
        image.save(folder / f"{IDS[0]}.png")
        with pytest.raises(DataError, match=f"ISIC_0024306.png .*{message}"):
            read()

    def test_link_to_nothing(self, folder, read, tmp_path):
        write(folder / TABLE, table_of())
        write_images(folder, range(1, COUNT))
        (folder / f"{IDS[0]}.jpg").symlink_to(tmp_path / "gone.jpg")
        with pytest.raises(DataError, match=r"ISIC_0024306.jpg cannot be read: No such file"):
            read()

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ({"dx": "scar"}, "line 4: diagnosis 'scar' is not among akiec"),
            ({"dx": ""}, "line 4: no value in column dx: fill it in"),
            ({"lesion_id": ""}, "line 4: no value in column lesion_id: fill it in"),
            ({"image_id": IDS[0]}, "lists image ISIC_0024306 twice: remove"),
            ({"image_id": f"{IDS[0].lower()}.jpg"}, "lists image isic_0024306 twice: remove"),
        ],
    )
    def test_wrong_line(self, folder, read, row, message):
        rows = [*ROWS]
        rows[2] = rows[2] | row
        write(folder / TABLE, table_of(rows))
        write_images(folder)
        with pytest.raises(DataError, match=message):
            read()
