"""Images listed in a table."""

import pyarrow
import pytest
from pyarrow import parquet

from tests.tff_health.data.own.drawn import write_picture
from tff_health.data.own.look import look
from tff_health.data.own.read import read
from tff_health.data.reading import Reading
from tff_health.errors import DataError

ROWS = [
    ("image", "label", "patient", "lesion", "site", "split"),
    ("a", "mel", "p1", "l1", "north", "train"),
    ("b", "nv", "p1", "l2", "north", "train"),
    ("c", "nv", "p2", "l3", "south", "val"),
    ("d", "mel", "p3", "l4", "south", "test"),
]


@pytest.fixture
def root(tmp_path):
    for number, name in enumerate("abcd"):
        write_picture(tmp_path / "skin" / "images" / f"{name}.png", number)
    return tmp_path / "skin"


def write(root, rows=ROWS, *columns, separator=","):
    places = [rows[0].index(column) for column in columns or rows[0]]
    lines = [separator.join(row[place] for place in places) for row in rows]
    path = root / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def reads(path, **options):
    return read(path, Reading(**options), path.parent.parent / "cache")


def refusal(path, **options):
    with pytest.raises(DataError) as error:
        reads(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_table_says_all_that_it_has_columns_for(root):
    images = reads(write(root))
    assert images.pixels[:][:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert images.class_names == ("mel", "nv")
    assert images.labels.tolist() == [0, 1, 1, 0]
    assert images.groups.tolist() == ["p1", "p1", "p2", "p3"]
    assert images.sites.tolist() == ["north", "north", "south", "south"]
    assert images.is_test.tolist() == [False, False, False, True]
    assert (
        "table table.csv (images by image, classes by label, groups by patient, sites by site, "
        "parts by split)" in images.form
    )


def test_columns_may_be_absent(root):
    images = reads(write(root, ROWS, "image", "label"))
    assert (images.groups, images.sites, images.is_test) == (None, None, None)
    lesions = reads(write(root, ROWS, "image", "label", "lesion"))
    assert lesions.groups.tolist() == ["l1", "l2", "l3", "l4"]


def test_a_folder_with_one_table_is_that_table(root):
    write(root)
    (root / "README.csv").write_text("name,age\nx,3\n")
    assert look(root).path == root / "table.csv"
    assert reads(root / "table.csv").digest == read(root, Reading(), root.parent / "c").digest


def test_a_folder_with_two_tables_is_refused(root):
    write(root).rename(root / "train.csv")
    write(root)
    assert "has 2 tables of images (table.csv, train.csv)" in refusal(root)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_understood(root, separator):
    assert len(reads(write(root, separator=separator))) == 4


def test_parquet_is_read_as_csv_is(root):
    columns = zip(*ROWS[1:], strict=True)
    made = pyarrow.table(dict(zip(ROWS[0], map(list, columns), strict=True)))
    parquet.write_table(made, root / "table.parquet")
    assert reads(root / "table.parquet").digest == reads(write(root)).digest


def test_numbers_of_parquet_are_names(root):
    made = {"image": list("abcd"), "label": [0, 1, 1, 0], "patient": [7.0, None, 8.0, 8.0]}
    parquet.write_table(pyarrow.table(made), root / "table.parquet")
    images = reads(root / "table.parquet")
    assert images.class_names == ("0", "1")
    assert images.groups.tolist() == ["7", "line 2", "8", "8"]
    assert "1 images without patient count as of one each" in images.form


@pytest.mark.parametrize(
    "column", [pyarrow.array([b"1", b"2"]), pyarrow.array([{"bytes": b"1", "path": "a"}] * 2)]
)
def test_images_in_a_table_are_refused(root, column):
    made = pyarrow.table({"image": column, "label": ["a", "b"]})
    parquet.write_table(made, root / "table.parquet")
    told = refusal(root / "table.parquet")
    assert "column image is of type" in told
    assert "write images into files of their own" in told


def test_types_of_columns_without_a_meaning_do_not_matter(root):
    rows = [line.split(",") for line in write(root).read_text().split()[1:]]
    made = {"image": [row[0] for row in rows], "label": [row[1] for row in rows]}
    made["thumbnail"] = [b"1"] * len(rows)
    parquet.write_table(pyarrow.table(made), root / "table.parquet")
    assert len(reads(root / "table.parquet")) == len(rows)


def test_a_damaged_parquet_file_is_refused(root):
    (root / "table.parquet").write_bytes(b"PAR1 and no more")
    assert "is damaged or of another format" in refusal(root / "table.parquet")


ONE_HOT = [
    ("image", "MEL", "NV", "age"),
    ("a", "1.0", "0.0", "50"),
    ("b", "0.0", "1.0", "61"),
    ("c", "0", "1", ""),
    ("d", "1", "0", "1"),
]


def test_classes_may_have_a_column_each(root):
    images = reads(write(root, ONE_HOT))
    assert images.class_names == ("MEL", "NV")
    assert images.labels.tolist() == [0, 1, 1, 0]
    assert "a column for each class" in images.form


@pytest.mark.parametrize("values", [("1", "1", "3"), ("0", "0", "3")])
def test_several_classes_an_image_are_refused(root, values):
    text = refusal(write(root, [*ONE_HOT[:-1], ("d", *values)]))
    assert "line 5: of the columns MEL, NV one must be 1, all others 0" in text


def test_the_table_of_ham10000_is_understood(root):
    head = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
    rows = [
        (f"HAM_{n}", name, ("nv", "mel")[n % 2], "histo", "50", "male", "back", f"clinic {n // 2}")
        for n, name in enumerate("abcd")
    ]
    images = reads(write(root, [head, *rows]))
    assert images.class_names == ("mel", "nv")
    assert images.groups.tolist() == ["HAM_0", "HAM_1", "HAM_2", "HAM_3"]
    assert images.sites.tolist() == ["clinic 0", "clinic 0", "clinic 1", "clinic 1"]


@pytest.mark.parametrize("name", ["a", "a.png", "images/a.png", "images\\a.png", "./images/a.png"])
def test_images_are_named_in_many_ways(root, name):
    assert len(reads(write(root, [ROWS[0], (name, *ROWS[1][1:]), *ROWS[2:]]))) == 4


def test_a_name_that_two_files_have_is_refused(root):
    write_picture(root / "more" / "a.png", 9)
    text = refusal(write(root))
    assert "line 2: a may be images/a.png or more/a.png: name its path" in text


def test_lines_that_repeat_others_are_left_out(root):
    images = reads(write(root, [*ROWS, ROWS[1]]))
    assert len(images) == 4
    assert "1 lines left out that repeat others" in images.form


def test_lines_that_contradict_others_are_refused(root):
    text = refusal(write(root, [*ROWS, ("a", "nv", *ROWS[1][2:])]))
    assert "lines 2 and 6 say different things of a: remove one of them" in text


@pytest.mark.parametrize("name", ["x" * 5_000, "images", "images/a.png/b", "?" * 300 + ".png"])
def test_names_that_no_image_can_have_are_of_no_file(root, name):
    text = refusal(write(root, [*ROWS, (name, *ROWS[1][1:])]))
    assert "1 of 5 images cannot be read" in text
    assert "there is no such file" in text


def test_missing_files_are_unreadable(root):
    path = write(root, [*ROWS, ("e", "mel", "p9", "l9", "north", "train")])
    text = refusal(path)
    assert "1 of 5 images cannot be read: e: there is no such file. Mend" in text
    assert len(reads(path, skip_unreadable=True)) == 4


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "images/../../secret.png"])
def test_paths_that_lead_out_are_refused(root, name):
    write_picture(root.parent / "secret.png", 1)
    text = refusal(write(root, [*ROWS, (name, *ROWS[1][1:])]), skip_unreadable=True)
    assert f"line 6: {name} leads out of {root}" in text


def test_links_that_lead_out_are_refused(root):
    secret = write_picture(root.parent / "secret.png", 1)
    (root / "images" / "a.png").unlink()
    (root / "images" / "a.png").symlink_to(secret)
    assert "line 2: a leads out of" in refusal(write(root))


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, "", "line 5: no value in column image"),
        (1, "", "line 5: no value in column label"),
        (1, "NA", "line 5: no value in column label"),
        (5, "fold 3", "line 5: split is 'fold 3', but must be train, val or test"),
    ],
)
def test_values_that_are_missing_or_wrong_are_refused_by_line(root, place, value, reason):
    last = list(ROWS[-1])
    last[place] = value
    assert reason in refusal(write(root, [*ROWS[:-1], tuple(last)]))


def test_a_split_of_one_part_is_refused(root):
    rows = [ROWS[0], *((*row[:-1], "train") for row in ROWS[1:])]
    assert "column split says train of all images" in refusal(write(root, rows))


def test_one_class_is_refused(root):
    rows = [ROWS[0], *((row[0], "nv", *row[2:]) for row in ROWS[1:])]
    assert "all images are of one class, 'nv'" in refusal(write(root, rows))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "has no column image and none label; it has none"),
        ("image,label\n", "lists no images"),
        ("image,age\na,50\n", "has no column label; it has image, age"),
        ("image,label\na,nv,x\n", "line 2: more values than columns"),
        ('image,label\n"a,nv\n', "is damaged or of another format"),
        ("image\0label", "it is not text"),
    ],
)
def test_tables_that_are_none_are_refused(root, content, reason):
    (root / "table.csv").write_text(content)
    assert reason in refusal(root / "table.csv")


def test_absent_sites_are_unknown(root):
    rows = [*ROWS[:-1], (*ROWS[-1][:4], "", "test")]
    assert reads(write(root, rows)).sites.tolist() == ["north", "north", "south", "unknown"]


def test_more_classes_than_a_byte_can_number_are_refused(root):
    rows = [("image", "label"), *((f"images/x{n}.png", f"p{n:03}") for n in range(300))]
    assert "300 classes found, such as p000, p001, p002 ..." in refusal(write(root, rows))
