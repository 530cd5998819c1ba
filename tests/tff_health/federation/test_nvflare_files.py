"""The files of the carrier over NVFlare: the server's own, and the job."""

import ast
import json
from pathlib import Path

import pytest

import tff_health
from tff_health.errors import ConfigError
from tff_health.federation.nvflare.server_file import read_places

ROOM = Path(tff_health.__file__).parent / "federation" / "nvflare"
FILE = """
[server]
study = "study.toml"
keys = "/srv/keys"
registry = "../registry.json"
results = "results"
"""


def test_a_server_file_says_where_things_are_from_its_own_folder(tmp_path):
    path = tmp_path / "tff_health.toml"
    path.write_text(FILE)
    places = read_places(path)
    assert places.study == tmp_path / "study.toml"
    assert places.keys == Path("/srv/keys")
    assert places.registry == tmp_path / "../registry.json"
    assert places.results == tmp_path / "results"
    assert (places.images, places.status) == (None, "")
    path.write_text(FILE + 'images = "test_images"\nstatus = "8471"\n')
    places = read_places(path)
    assert (places.images, places.status) == (tmp_path / "test_images", "8471")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (FILE.replace('keys = "/srv/keys"\n', ""), r"\[server\] lacks keys"),
        (FILE + 'listen = "localhost:1"\n', "unknown setting 'listen'"),
        (FILE + "[policy]\n", r"unknown section \[policy\]"),
        ("", r"has no section \[server\]"),
    ],
)
def test_what_a_server_file_may_not_say_is_named(tmp_path, text, reason):
    path = tmp_path / "tff_health.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=reason):
        read_places(path)


def test_the_job_names_two_classes_of_ours_without_arguments_and_brings_no_code():
    found = {p.relative_to(ROOM / "job") for p in (ROOM / "job").rglob("*") if p.is_file()}
    config = Path("app/config")
    server, client = config / "config_fed_server.json", config / "config_fed_client.json"
    assert found == {Path("meta.json"), server, client}
    workflow, *more = json.loads((ROOM / "job" / server).read_text())["workflows"]
    executor, *others = json.loads((ROOM / "job" / client).read_text())["executors"]
    assert (more, others, executor["tasks"]) == ([], [], ["study"])
    for named in (workflow, executor["executor"]):
        module, _, name = named["path"].rpartition(".")
        assert named["args"] == {}
        tree = ast.parse((ROOM / f"{module.rpartition('.')[2]}.py").read_text())
        assert name in [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
        assert module == f"tff_health.federation.nvflare.{module.rpartition('.')[2]}"
