"""Tables for people and for programs."""

import csv

from tff_health.reporting.report import Report, Section
from tff_health.reporting.tables import Table

TABLE = Table(
    "costs",
    "Costs",
    ("scheme", "bytes", "formula / found", "share", "why"),
    [
        ("zhang", 1_234_567, "1,254 / 1,260", 0.25, "tags"),
        ("fang", 12, "-", float("nan"), "4 of them have tags"),
        ("fedavg", 3, "", 1.0, ""),
    ],
)


def test_columns_of_numbers_stand_to_the_right():
    assert TABLE.numeric() == [False, True, True, True, False]
    assert TABLE.markdown() == (
        "| scheme | bytes | formula / found | share | why |\n"
        "| --- | ---: | ---: | ---: | --- |\n"
        "| zhang | 1,234,567 | 1,254 / 1,260 | 0.2500 | tags |\n"
        "| fang | 12 | - | - | 4 of them have tags |\n"
        "| fedavg | 3 |  | 1.0000 |  |\n"
    )


def test_a_column_without_values_holds_no_numbers():
    assert Table("t", "T", ("a",), [("",), ("",)]).numeric() == [False]
    assert Table("t", "T", ("a",), []).numeric() == [False]


def test_names_of_rows_stand_to_the_left_whatever_they_begin_with():
    table = Table("t", "T", ("", "a"), [("30 % slow", "1.5 s"), ("0 % slow", "2 s")])
    assert table.numeric() == [False, True]


def test_pages_say_for_each_cell_where_it_stands(tmp_path):
    section = Section("Costs", tables=[TABLE])
    Report(title="T", subtitle="", findings=[], sections=[section]).save(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert '<th>scheme</th><th class="number">bytes</th>' in page
    assert '<td>zhang</td><td class="number">1,234,567</td>' in page


def test_pages_break_names_and_keep_numbers_whole(tmp_path):
    table = Table("t", "T", ("client_<momentum>", "error"), [("a-b", "-2.6e-06")])
    section = Section("Costs", tables=[table])
    Report(title="T", subtitle="", findings=[], sections=[section]).save(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert "<th>client_<wbr>&lt;momentum&gt;</th>" in page
    assert '<td>a-b</td><td class="number">\N{MINUS SIGN}2.6e\N{MINUS SIGN}06</td>' in page


def test_csv_holds_numbers_as_they_are(tmp_path):
    TABLE.save(tmp_path)
    rows = list(csv.reader((tmp_path / "costs.csv").open()))
    assert rows[1] == ["zhang", "1234567", "1,254 / 1,260", "0.25", "tags"]
