"""Study files, site files and policies: what is allowed, and how it is said if not."""

import numpy as np
import pytest

from tests.tff_health.federation.parties import Consortium
from tff_health.errors import ConfigError
from tff_health.federation.consortium import enrolment
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.errors import FederationError
from tff_health.federation.site.site_file import read_site
from tff_health.federation.study import read_study

STUDY = """
[study]
name = "lesions"
server = "localhost:8470"
clients = [3, 1, 2]

[settings]
scheme = "bonawitz"
dataset = "digits"
rounds = 2
"""
SITE = """
[site]
folder = "one"
registry = "ca/registry.json"
registry_digest = "{registry}"
study = "study.toml"
study_digest = "{study}"
{images}
[policy]
schemes = ["bonawitz", "zhang_hardened"]
smallest_cohort = 3
smallest_threshold = 3
colluders = 2
epsilon_budget = inf
rounds_a_day = 10
"""


FACTS = """
[facts]
image_height = 28
image_width = 28
image_channels = 3
class_names = ["0", "1", "2", "3"]
most_examples = 40
fewest_units = 10
"""


def study_of(folder, text=STUDY, images=None):
    (folder / "study.toml").write_text(text)
    return read_study(folder / "study.toml", images)


def test_a_study_has_all_settings_settled(tmp_path):
    study = study_of(tmp_path)
    assert study.clients == (1, 2, 3)
    assert study.config.cohort.num_clients == 3
    assert study.config.value("rounds") == 2
    assert study.section.stage_seconds == 60
    assert (study.plan.survivors, study.plan.colluders) == (3, 2)


def test_the_digest_is_of_what_is_settled_and_not_of_how_it_is_written(tmp_path):
    digest = study_of(tmp_path).digest
    rewritten = STUDY.replace("rounds = 2", "# twice\nrounds=2\nsignatures = true")
    assert study_of(tmp_path, rewritten.replace("[3, 1, 2]", "[1, 2, 3]")).digest == digest
    others = {
        study_of(tmp_path, STUDY.replace(old, new)).digest
        for old, new in (
            ("rounds = 2", "rounds = 3"),
            ("[3, 1, 2]", "[4, 1, 2]"),
            ("lesions", "nevi"),
            ("8470", "8471"),
            ("rounds = 2", "rounds = 2\nsignatures = false"),
            ("[settings]", "stage_seconds = 61\n[settings]"),
        )
    }
    assert len(others) == 6
    assert digest not in others


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "rounds = 2",
            "round = 2",
            r"\[settings\] has an unknown setting 'round'; did you mean ro",
        ),
        ("rounds = 2", 'rounds = "2"', r"rounds is '2', but must be a whole number"),
        ("rounds = 2", "rounds = 0", r"--rounds=0: must be 1 or more"),
        ("rounds = 2", "rounds = -1\nseed = 1.5", r"seed is 1.5, but must be a whole number"),
        ('"bonawitz"', '"bonawits"', r"did you mean bonawitz"),
        ('"bonawitz"', '"local"', r"scheme local shares nothing"),
        ('"digits"', '"digit"', r"allowed are .*did you mean digits"),
        ("rounds = 2", "num_clients = 3", r"num_clients: leave it out: it follows from `clients`"),
        ("rounds = 2", "dropout_rate = 0.1", r"sites drop out by themselves"),
        ("rounds = 2", 'data_dir = "/data"', r"unknown setting 'data_dir'"),
        ("rounds = 2", 'experiment = "costs"', r"experiment: leave it out: a study trains"),
        ("rounds = 2", "epsilons = [1.0]", r"epsilons"),
        ("rounds = 2", "phi = 3", r"phi"),
        ("rounds = 2", "threshold = 4", r"threshold"),
        ("[3, 1, 2]", "[1, 2]", r"3"),
        ("[3, 1, 2]", "[1, 2, 2]", r"must have nothing twice"),
        ("[3, 1, 2]", "[1, 2, -1]", r"clients is \[1, 2, -1\], but must be from 0"),
        ("[3, 1, 2]", "[1, 2, 4294967296]", r"must be from 0"),
        ("[3, 1, 2]", '"all"', r"clients is 'all', but must be"),
        ("localhost:8470", "localhost", r"must be host:port"),
        ("localhost:8470", "localhost:0", r"must be host:port"),
        ("localhost:8470", "https://x:1", r"must be host:port"),
        ("localhost:8470", "a:1, b:2", r"must be host:port"),
        ("lesions", "", r"name is '', but must not be empty"),
        ('name = "lesions"', "", r"\[study\] lacks name: The study's name"),
        ("[study]", "[studies]", r"unknown section \[studies\]; did you mean study"),
        ("[settings]", "[study.settings]", r"has no section \[settings\]"),
        ("[settings]", "stage_second = 1\n[settings]", r"unknown setting 'stage_second'; did you"),
        ("[settings]", "stage_seconds = 0\n[settings]", r"must be from 1 to 86400"),
        ("[settings]", "stage_seconds = nan\n[settings]", r"must be from 1 to 86400"),
        ("[study]", "[study", r"is no TOML"),
        ("rounds = 2", "rounds = 2\nrounds = 3", r"is no TOML"),
        ('"digits"', '"own"', r"say where those of this machine are \(--images, or"),
    ],
)
def test_studies_that_are_none(tmp_path, old, new, said):
    assert old in STUDY
    with pytest.raises(ConfigError, match=said) as refusal:
        study_of(tmp_path, STUDY.replace(old, new))
    assert all("study.toml" in line for line in str(refusal.value).split("\n"))


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"\x00", b"x" * 1_000_001, b"a=" + b"[" * 10_000]
)
def test_files_that_are_no_toml(tmp_path, content):
    (tmp_path / "study.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"is no TOML|is too large"):
        read_study(tmp_path / "study.toml")


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(ConfigError, match="cannot be read"):
            read_study(path)


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    return Consortium.found(tmp_path_factory.mktemp("consortium"), "one", "two", "three")


def site_of(consortium, *changes, study=STUDY, images=None, digest=None):
    folder, read = consortium.folder, study_of(consortium.folder, study, images)
    line = f'images = "{images}"' if images else ""
    text = SITE.format(
        registry=spoken(consortium.registry.digest),
        study=digest or spoken(read.digest),
        images=line,
    )
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "site.toml").write_text(text)
    return read_site(folder / "site.toml")


def test_a_site_file(consortium):
    site = site_of(consortium)
    assert site.folder == consortium.folder / "one"
    assert site.study.section.name == "lesions"
    assert site.registry.digest == consortium.registry.digest
    site.policy.check_cohort(3, 3)


def test_a_study_that_was_changed_after_it_was_pinned(consortium):
    pinned = spoken(study_of(consortium.folder).digest)
    weaker = STUDY + "signatures = false\n"
    with pytest.raises(FederationError, match=r"the study has digest .* was changed since"):
        site_of(consortium, study=weaker, digest=pinned)


def test_a_registry_that_was_changed_after_it_was_pinned(tmp_path):
    consortium = Consortium.found(tmp_path, "one", "two", "three")
    pinned = spoken(consortium.registry.digest)
    consortium.enrol("spy")
    text = 'registry_digest = "'
    with pytest.raises(FederationError, match=r"the registry has digest .* was changed since"):
        site_of(consortium, (text + spoken(consortium.registry.digest), text + pinned))


def test_a_study_with_who_is_not_in_the_registry_or_not_any_more(tmp_path):
    consortium = Consortium.found(tmp_path, "one", "two", "three")
    with pytest.raises(FederationError, match="client 9 is not in the registry"):
        site_of(consortium, study=STUDY.replace("[3, 1, 2]", "[3, 1, 2, 9]"))
    enrolment.revoke(tmp_path / "ca", "two")
    with pytest.raises(FederationError, match=r"two \(client 2\) of study 'lesions' was revoked"):
        site_of(consortium)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"bonawitz", ', "", r"scheme bonawitz; schemes are zhang_hardened"),
        ("smallest_cohort = 3", "smallest_cohort = 4", r"a cohort of 3: smallest_cohort is 4"),
        ("smallest_threshold = 3", "smallest_threshold = 4", r"a threshold of 3: smallest_thr"),
        ("colluders = 2", "colluders = 3", r"it bears 2 clients .*; colluders is 3"),
        ("epsilon_budget = inf", "epsilon_budget = 8", r"it adds no noise; epsilon_budget is 8"),
        ("colluders = 2", "colluders = 2\nverified = true", r"its sites do not check sums"),
    ],
)
def test_studies_that_a_policy_forbids(consortium, old, new, said):
    with pytest.raises(FederationError, match=f"policy forbids study 'lesions': {said}"):
        site_of(consortium, (old, new))


def test_a_policy_that_insists_on_checked_sums_takes_a_study_that_has_them(consortium):
    insisting = ("colluders = 2", "colluders = 2\nverified = true")
    assert site_of(consortium, insisting, study=STUDY + "verify = true\n").policy.verified


def test_a_study_without_signatures(consortium):
    study = STUDY + "signatures = false\n"
    with pytest.raises(FederationError, match="it trusts the server to follow the protocol"):
        site_of(consortium, study=study)
    allowed = ("colluders = 2", "colluders = 1\nsignatures = false")
    assert site_of(consortium, allowed, study=study)


@pytest.mark.parametrize(
    ("settings", "changes", "said"),
    [
        ("epsilon = 4.0", [], ""),
        ("epsilon = 9.0", [], r"epsilon 9; epsilon_budget is 8"),
        ("epsilon = 4.0\ndelta = 1e-3", [], r"delta 0.001; delta is 1e-05"),
        ("epsilon = 4.0", [("rounds_a_day", 'dp_unit = "group"\nrounds_a_day')], r"single records"),
    ],
)
def test_private_studies(consortium, settings, changes, said):
    study = STUDY + f'dp_noise = "local"\n{settings}\n'
    changes = [("epsilon_budget = inf", "epsilon_budget = 8"), *changes]
    if not said:
        assert site_of(consortium, *changes, study=study)
        return
    with pytest.raises(FederationError, match=said):
        site_of(consortium, *changes, study=study)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rounds_a_day = 10", "", r"\[policy\] lacks rounds_a_day"),
        ("rounds_a_day = 10", "round_a_day = 10", r"unknown setting 'round_a_day'; did you mean"),
        ("rounds_a_day = 10", "rounds_a_day = 0", r"rounds_a_day is 0, but must be 1 or more"),
        ("epsilon_budget = inf", "epsilon_budget = nan", r"epsilon_budget is nan, but must be"),
        ("epsilon_budget = inf", "epsilon_budget = 0", r"epsilon_budget is 0, but must be above 0"),
        ("smallest_cohort = 3", "smallest_cohort = 2", r"must be 3 or more"),
        ('"bonawitz", ', '"bonawits", ', r"allowed are fedavg, bonawitz"),
        ('study_digest = "', 'study_digest = "x', r"study_digest: .* is no digest"),
        ("[policy]", "[police]", r"unknown section \[police\]; did you mean policy"),
        ('folder = "one"', "", r"\[site\] lacks folder"),
    ],
)
def test_site_files_that_are_none(consortium, old, new, said):
    with pytest.raises(ConfigError, match=said):
        site_of(consortium, (old, new))


def test_images_of_ones_own_stay_in_the_data_folder(consortium, tmp_path):
    images = tmp_path / "data" / "images.npz"
    images.parent.mkdir()
    pixels, labels = np.zeros((40, 28, 28, 3), np.uint8), np.arange(40).reshape(-1, 1) % 4
    np.savez(images, train_images=pixels, train_labels=labels, test_images=pixels[:8])
    study = STUDY.replace('"digits"', '"own"') + 'split = "clean"\ntrain_flips = true\n'
    with pytest.raises(ConfigError, match=r"a section \[facts\] must say what all have agreed on"):
        study_of(tmp_path, study, images)
    study += FACTS
    np.savez(images, images=pixels, labels=labels.ravel())
    with pytest.raises(FederationError, match="there is no data_folder"):
        site_of(consortium, study=study, images=images)
    inside = ("rounds_a_day", f'data_folder = "{images.parent}"\nrounds_a_day')
    assert site_of(consortium, inside, study=study, images=images).images == images
    outside = ("rounds_a_day", f'data_folder = "{tmp_path / "dat"}"\nrounds_a_day')
    with pytest.raises(FederationError, match=r"images .* are not in data_folder"):
        site_of(consortium, outside, study=study, images=images)
    elsewhere = tmp_path / "copy.npz"
    elsewhere.write_bytes(images.read_bytes())
    digests = {study_of(tmp_path, study, path).digest for path in (images, elsewhere)}
    assert len(digests) == 1  # wherever they lie


def test_facts_have_no_effect_on_other_studies(tmp_path):
    with pytest.raises(ConfigError, match=r"so \[facts\] has no effect"):
        study_of(tmp_path, STUDY + FACTS)


def test_what_sites_agreed_on_is_in_the_digest(tmp_path):
    images = tmp_path / "images.npz"
    np.savez(images, images=np.zeros((40, 28, 28, 3), np.uint8), labels=np.arange(40) % 4)
    study = STUDY.replace('"digits"', '"own"') + 'split = "clean"\n' + FACTS
    other = study.replace("fewest_units = 10", "fewest_units = 9")
    assert study_of(tmp_path, study, images).digest != study_of(tmp_path, other, images).digest


def test_images_have_no_effect_on_other_studies(tmp_path):
    with pytest.raises(ConfigError, match='write dataset = "own"'):
        study_of(tmp_path, images=tmp_path)
