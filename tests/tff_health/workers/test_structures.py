from collections import OrderedDict

import attrs
import numpy as np
import pytest
import tensorflow_federated as tff

from tff_health.workers.structures import from_leaves, leaf_names, leaves, tensor_types


@attrs.define
class Pair:
    second: object
    first: object


INT, VECTOR = np.int32, tff.TensorType(np.float32, (2,))
CASES = {
    "tensor": (INT, 7),
    "named": (OrderedDict(a=INT, b=INT), OrderedDict(a=1, b=2)),
    "not alphabetical": (OrderedDict(b=INT, a=INT), OrderedDict(b=1, a=2)),
    "tuple": ((INT, INT), (1, 2)),
    "list": ([INT, INT], [1, 2]),
    "attrs": (Pair(INT, INT), Pair(1, 2)),
    "nested": (
        OrderedDict(z=(INT, [INT, OrderedDict(y=INT, x=INT)]), a=Pair((INT,), INT)),
        OrderedDict(z=(1, [2, OrderedDict(y=3, x=4)]), a=Pair((5,), 6)),
    ),
    "empty": ((), ()),
    "empty inside": (OrderedDict(a=(), b=INT, c=OrderedDict()), OrderedDict(a=(), b=1, c={})),
}


@pytest.mark.parametrize("name", CASES)
def test_round_trip(name):
    description, value = CASES[name]
    kind = tff.to_type(description)
    flat = leaves(value, kind)
    assert flat == list(range(1, len(flat) + 1)) or flat == [7]
    assert len(flat) == len(tensor_types(kind)) == len(leaf_names(kind))
    back = from_leaves(flat, kind)
    assert back == value
    assert type(back) is type(value)
    assert leaves(back, kind) == flat


def test_round_trip_under_a_placement():
    kind = tff.FederatedType(OrderedDict(b=INT, a=(INT,)), tff.SERVER)
    value = OrderedDict(b=1, a=(2,))
    assert from_leaves(leaves(value, kind), kind) == value


def test_mappings_are_read_by_name_and_structs_by_position():
    kind = tff.to_type(OrderedDict(b=INT, a=INT))
    assert leaves({"a": 2, "b": 1}, kind) == [1, 2]
    assert leaves(tff.structure.Struct([("b", 1), ("a", 2)]), kind) == [1, 2]
    assert leaves(tff.structure.Struct([(None, 1), (None, 2)]), kind) == [1, 2]


def test_named_and_unnamed_fields_may_be_mixed_in_types_alone():
    kind = tff.StructType([("x", INT), (None, INT)])
    value = tff.structure.Struct([("x", 1), (None, 2)])
    assert leaves(value, kind) == [1, 2]
    assert leaf_names(kind) == ["x", "1"]
    with pytest.raises(ValueError, match="mix of named and unnamed"):  # no container holds both
        from_leaves([1, 2], kind)


def test_one_tensor_may_stand_for_a_structure():
    kind = tff.to_type(OrderedDict(a=VECTOR, b=(VECTOR, INT)))
    assert leaves(5, kind) == [5, 5, 5]


def test_arrays_are_leaves():
    array = np.arange(2, dtype=np.float32)
    flat = leaves([array, array], tff.to_type([VECTOR, VECTOR]))
    assert all(leaf is array for leaf in flat)


def test_a_value_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"shorter|longer"):
        leaves([1, 2, 3], tff.to_type([INT, INT]))


def test_names_and_types_of_leaves():
    kind = tff.to_type(OrderedDict(b=VECTOR, a=(INT, OrderedDict(c=INT))))
    assert leaf_names(kind) == ["b", "a/0", "a/1/c"]
    assert tensor_types(kind) == [tff.to_type(t) for t in (VECTOR, INT, INT)]
    assert leaf_names(tff.to_type(INT)) == ["value"]
