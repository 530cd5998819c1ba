import hashlib

from hypothesis import given
from hypothesis import strategies as st

from crypto.domain import domain_hash, domain_tag, encode_id

calls = st.tuples(st.text(max_size=8), st.lists(st.binary(max_size=8), max_size=4))


@given(calls, calls)
def test_tags_are_injective(first, second):
    same = domain_tag(first[0], *first[1]) == domain_tag(second[0], *second[1])
    assert same == (first == second)


def test_pieces_cannot_be_moved_between_parts():
    assert domain_tag("a", b"bc") != domain_tag("ab", b"c")
    assert domain_tag("a", b"b", b"c") != domain_tag("a", b"bc")
    assert domain_tag("a", b"") != domain_tag("a")


def test_hash_is_sha256_of_the_tag():
    assert domain_hash("x", b"y") == hashlib.sha256(domain_tag("x", b"y")).digest()


def test_ids_take_four_bytes():
    assert encode_id(0x01020304) == b"\x04\x03\x02\x01"


def test_a_tag_by_hand():
    # count, then each with its length: root, version, purpose, parts
    assert domain_tag("ab", b"", b"xyz") == (
        b"\x05\0\0\0\x11\0\0\0tff_health/crypto\x01\0\0\0\x01\x02\0\0\0ab\0\0\0\0\x03\0\0\0xyz"
    )
