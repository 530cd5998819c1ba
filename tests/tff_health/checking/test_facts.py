"""What is counted of images that are alike, of groups and of sites."""

import numpy as np
import pytest

from tff_health.checking.alike import Alike
from tff_health.checking.facts import Copies, find_facts
from tff_health.checking.words import findings, lines, section
from tff_health.data.augment import Augmenter
from tff_health.data.examples import Examples
from tff_health.data.federated import ClientExamples, FederatedImages
from tff_health.data.images import LabelledImages

# Twelve images: 0 to 3 with client 0, 4 to 7 with client 1, 8 to 11 in the test part.
LABELS = [0, 0, 1, 1, 0, 1, 1, 1, 0, 0, 1, 2]
GROUPS = ["a", "a", "b", "c", "d", "b", "e", "f", "g", "h", "i", "f"]
SITES = ["north"] * 6 + ["south"] * 6
SAME = [0, 1, 2, 3, 0, 4, 5, 6, 7, 1, 8, 9]  # 0 and 4; 1 and 9
NEAR = [[2, 4], [5, 9]]  # 2 and 5; 6 and 11


def held(images, *rows):
    return Examples.originals(images, np.array(rows, np.int64))


@pytest.fixture
def federated():
    images = LabelledImages(
        name="digits",
        form="made by a test",
        pixels=np.zeros((12, 4, 4, 1), np.uint8),
        labels=np.array(LABELS, np.uint8),
        class_names=("nevus", "melanoma", "rare"),
        groups=np.array(GROUPS),
        sites=np.array(SITES),
        unreadable=(("x.jpg", "cut short"), ("y.jpg", "cut short")),
    )
    clients = (
        ClientExamples(held(images, 0, 1, 2), held(images, 3)),
        ClientExamples(held(images, 4, 5, 6), held(images, 7)),
    )
    test = held(images, 8, 9, 10, 11)
    return FederatedImages(images, Augmenter(12, 0), clients, test, "clean")


@pytest.fixture
def facts(federated):
    alike = Alike(np.array(SAME), np.array(NEAR), is_all=True)
    return find_facts(federated, "iid", alike, "digest")


def test_where_equal_images_stand_is_counted_by_sets(facts):
    assert facts.same == Copies(
        found=2,
        images=4,
        in_training_and_test=1,  # 1 and 9
        at_several_clients=1,  # 0 and 4
        of_several_groups=2,
        with_several_labels=0,
    )


def test_where_images_that_look_the_same_stand_is_counted_by_pairs(facts):
    assert facts.near == Copies(
        found=2,
        images=4,
        in_training_and_test=1,  # 6 and 11
        at_several_clients=1,  # 2 and 5
        of_several_groups=1,  # e and f
        with_several_labels=1,
    )


def test_groups_are_counted_and_those_that_are_divided(facts):
    groups = facts.groups
    assert (groups.number, groups.largest, groups.alone) == (9, 2, 6)
    assert groups.with_several_labels == 1  # f
    assert groups.in_training_and_test == 1  # f
    assert groups.at_several_clients == 1  # b


def test_examples_name_images_and_what_is_wrong_with_them(facts):
    assert [(e.rows, e.is_same, e.wrong) for e in facts.examples] == [
        ((0, 4), True, ("several clients", "several groups")),
        ((1, 9), True, ("training and test", "several groups")),
        ((2, 5), False, ("several clients",)),
        ((6, 11), False, ("training and test", "several groups", "several labels")),
    ]


def test_people_are_told_of_all_of_it(facts):
    told = "\n".join(lines(facts))
    assert "site north     6: nevus 3, melanoma 3, rare 0" in told
    assert "unreadable     cut short 2" in told
    assert "images 6 and 11 (counted from 0): training and test" in told
    warned = " ".join(findings(facts))
    assert "2 files could not be read" in warned
    assert "1 sets of equal images stand in training and test" in warned
    assert "1 groups stand in training and test" in warned
    assert "Only one site has images of: rare" in warned
    tables = {table.name: table for table in section(facts).tables}
    assert tables["images"].rows[-1] == ("all", 5, 6, 1, 12)
    assert tables["unreadable"].rows == [("cut short", 2)]
    assert len(tables["alike"].rows) == 4


def test_images_of_which_nothing_is_known_and_which_are_all_different(federated):
    images = LabelledImages(
        name="digits",
        form="made by a test",
        pixels=federated.images.pixels,
        labels=federated.images.labels,
        class_names=federated.images.class_names,
    )
    bare = FederatedImages(images, federated.augmenter, federated.clients, federated.test, "clean")
    facts = find_facts(bare, "iid", Alike(np.arange(12), None, is_all=False), "digest")
    assert (facts.sites, facts.groups, facts.near) == (None, None, None)
    assert facts.same == Copies(0, 0, 0, 0, None, 0)
    assert not findings(facts)
    assert "not looked for among 12 images" in "\n".join(lines(facts))
