"""Bytes and operations of scheme V against the paper's formulas, section 6."""

import pytest

from crypto.groups.ffdhe import FFDHE2048
from crypto.operations import Operation
from crypto.protocols.quality_sum.session import QualitySum
from tff_health.errors import RunError
from tff_health.measurements import recorded_session as recorded
from tff_health.measurements.cost_terms import (
    OVERHEADS,
    ROUNDING,
    SHARES,
    TERMS,
    CostTask,
    parts_of,
)

CASES = [(3, 0, 10, None), (5, 1, 333, None), (8, 3, 64, 5), (12, 2, 1001, 9)]


@pytest.fixture(scope="module", params=CASES, ids=str)
def session(request):
    n, d, m, e = request.param
    return recorded.record(QualitySum(threshold=e), CostTask(n, d, m, 37, 10**4))


def test_a_clients_bytes_are_the_formulas(session):
    n, d = session.task.num_clients, session.task.num_dropped
    assert session.client_formula == {term: session.client[term] for term in TERMS}
    assert session.client[SHARES] == (2 * (n - 1) + d) * 33
    bits = session.task.length * session.task.modulus_bits
    assert session.client[ROUNDING] == (1 if bits % 8 else 0)
    assert sum(session.client.values()) == session.client_bytes
    assert set(session.client) == {*TERMS, *OVERHEADS}


def test_the_servers_bytes_are_the_formulas_but_for_shares_of_all_survivors(session):
    task, e = session.task, session.threshold
    left = task.num_clients - task.num_dropped
    for term, wanted in session.server_formula.items():
        extra = (left - e) * task.num_dropped * session.lengths.share if term == SHARES else 0
        assert session.server[term] == wanted + extra, term


def test_operations_are_the_formulas(session):
    n, d = session.task.num_clients, session.task.num_dropped
    own_share = {Operation.SHARE: 1}
    for name, wanted in session.client_operations_formula.items():
        assert session.client_operations[name] == wanted + own_share.get(name, 0), name
    checks = {Operation.KEY_AGREEMENT: 2 * n}
    for name, wanted in session.server_operations_formula.items():
        assert session.server_operations[name] == wanted + checks.get(name, 0), name
    assert session.server_operations[Operation.MASK_EXPANSION] == (n - d) * d
    assert session.client_operations[Operation.PARTIAL_DECRYPTION] == 1


def test_lengths_follow_the_group():
    session = recorded.record(QualitySum(group=FFDHE2048), CostTask(3, 0, 8, 30, 100))
    assert session.lengths.element == 256
    assert session.lengths.ciphertext == 512


def test_a_message_that_is_not_of_the_scheme_is_refused():
    with pytest.raises(RunError, match="type 104"):
        parts_of(b"th" + bytes([1, 104]), CostTask(3, 0, 8, 30, 100))
