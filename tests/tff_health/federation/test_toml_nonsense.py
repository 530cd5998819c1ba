"""Files of studies and sites with every value of every kind: refused in a line, or taken."""

import pytest

from tests.tff_health.federation.parties import Consortium
from tests.tff_health.federation.test_study_and_site import SITE, STUDY
from tff_health.errors import TffHealthError
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.site.policy import SitePolicy
from tff_health.federation.site.site_file import SiteSection, read_site
from tff_health.federation.study import StudySection, read_study
from tff_health.settings.setting import settings_of
from tff_health.settings.table import LOCAL, SETTINGS

NONSENSE = (
    *("true", "0", "-1", "1", "3", "1.5", "nan", "inf", "-inf", "1e308", str(10**30)),
    *('""', '" "', '"x"', r'"\u0000"', '"../.."', '"' + "y" * 300 + '"', "'''\n'''"),
    *("[]", "[[]]", "[1]", "[1, 1]", '["x"]', '[1, "x"]', "[true]", "[nan]", "[[1, 2], [3]]"),
    *("{}", "{a = 1}", "2026-01-01", "2026-01-01T00:00:00Z", "12:00:00"),
)


def with_value(text, section, name, value):
    """The file with this value, instead of the one that it has."""
    lines = [line for line in text.splitlines() if not line.startswith(f"{name} =")]
    place = lines.index(f"[{section}]")
    return "\n".join([*lines[: place + 1], f"{name} = {value}", *lines[place + 1 :]])


def refused_or_taken(read, path, text):
    path.write_text(text)
    try:
        read(path)
    except TffHealthError as error:
        assert all(len(line) < 2000 for line in str(error).split("\n"))
        return 1
    return 0


@pytest.mark.parametrize("name", [s.name for s in settings_of(StudySection, "study")])
def test_sections_of_studies(tmp_path, name):
    texts = [with_value(STUDY, "study", name, value) for value in NONSENSE]
    refused = [refused_or_taken(read_study, tmp_path / "study.toml", text) for text in texts]
    assert sum(refused) > len(NONSENSE) / 3


def test_settings_of_studies(tmp_path):
    names = [n for n, s in SETTINGS.items() if not s.is_own and s.group != LOCAL]
    refused = 0
    for name in names:
        for value in NONSENSE:
            text = with_value(STUDY, "settings", name, value)
            refused += refused_or_taken(read_study, tmp_path / "study.toml", text)
    assert refused > len(names) * len(NONSENSE) / 2


def test_site_files(tmp_path):
    consortium = Consortium.found(tmp_path, "one", "two", "three")
    (tmp_path / "study.toml").write_text(STUDY)
    study = spoken(read_study(tmp_path / "study.toml").digest)
    registry = spoken(consortium.registry.digest)
    good = SITE.format(study=study, registry=registry, images="")
    assert not refused_or_taken(read_site, tmp_path / "site.toml", good)
    refused = tried = 0
    for section, group in (("site", SiteSection), ("policy", SitePolicy)):
        for setting in settings_of(group, section):
            for value in NONSENSE:
                text = with_value(good, section, setting.name, value)
                refused += refused_or_taken(read_site, tmp_path / "site.toml", text)
                tried += 1
    assert refused > tried / 2
