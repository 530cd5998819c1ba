import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from crypto import errors
from crypto.errors import CryptoError, LostWorkerError, ParameterError, ThresholdError
from crypto.groups.ffdhe import FFDHE2048
from crypto.parties import AUTHORITY, SERVER
from crypto.protocols.elgamal_sum.session import ElGamalSum
from crypto.protocols.masking.client_session import MaskingClientSession
from crypto.protocols.masking.server import MaskingServer
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.stages import Stage
from crypto.protocols.pairwise_masking.session import PairwiseMasking
from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum
from crypto.protocols.verified_sum.masking import VerifiedDoubleMasking
from crypto.randomness import TestVectorRandomness
from crypto.session import staged_sum, workers
from crypto.session.faults import Alter, Duplicate, Fault
from crypto.session.opened_rounds import MemoryJournal
from crypto.session.secure_sum import SessionAbortedError
from tests.crypto.conformance import random_vectors
from tests.crypto.protocols.masking.test_session import DoubleMaskingConformance

pytestmark = pytest.mark.usefixtures("no_process_is_left")
CLIENTS = (3, 5, 8, 13, 21, 34)
UPLOAD, UNMASKING = Stage.MASKED_INPUT.value, Stage.UNMASKING.value


@pytest.fixture(autouse=True)
def _every_session_forks(monkeypatch):
    monkeypatch.setattr(staged_sum, "LEAST_SECONDS", 0.0)


def on(cores, protocol):
    protocol.cores = cores
    return protocol


def counted(result):
    """How often clients did what in each stage."""
    counts = Counter()
    for row in result.costs.operations:
        counts[row.stage, isinstance(row.party, int), row.operation] += row.count
    return counts


class TestOnTwoCores(DoubleMaskingConformance):
    def protocol(self):
        return on(2, DoubleMasking())


@pytest.mark.parametrize("kind", [DoubleMasking, PairwiseMasking, VerifiedDoubleMasking])
@pytest.mark.parametrize("cores", [2, 3, 99])
def test_sums_and_costs_are_as_in_one_process(kind, cores):
    faults = [
        Fault(Alter(lambda data: data[:-1]), UPLOAD, 3, SERVER),
        Fault(Duplicate(), UPLOAD, 5, SERVER),
    ]
    vectors = random_vectors(CLIENTS, bits=10)
    results = [on(n, kind()).sum(vectors, 20, round_id=1, faults=faults) for n in (1, cores)]
    alone, shared = results
    np.testing.assert_array_equal(alone.sum, shared.sum)
    assert alone.survivors == shared.survivors == (5, 8, 13, 21, 34)
    assert [str(r) for r in alone.refusals] == [str(r) for r in shared.refusals]
    assert set(alone.costs.operations) == set(shared.costs.operations)
    assert set(alone.costs.messages) == set(shared.costs.messages)
    steps = [{(w.stage, w.role): w.steps for w in r.costs.work} for r in results]
    assert steps[0] == steps[1]
    assert all(row.seconds > 0 for row in shared.costs.clients)


@pytest.mark.parametrize("kind", [QualitySum, HardenedQualitySum])
def test_joint_sessions_run_in_workers_too(kind):
    vectors, qualities = random_vectors(CLIENTS), {client: 7 * client for client in CLIENTS}
    options = {"proofs": True, "group": FFDHE2048} if kind is QualitySum else {}
    protocol = on(2, kind(**options))
    for round_id in (1, 2):  # the second with the keys of the first
        result = protocol.sum(vectors, qualities, 20, max_quality=300, round_id=round_id)
        assert result.refusals == ()
        assert result.quality_sum == sum(qualities.values())
        np.testing.assert_array_equal(result.sum, sum(vectors.values()) % 2**20)


@pytest.mark.parametrize("key_setup", ["authority", "dkg"])
def test_encrypted_qualities_are_proven_in_workers(key_setup):
    qualities = {client: np.array([7 * client], np.uint64) for client in CLIENTS}
    results = []
    for cores in (1, 2):
        protocol = on(cores, ElGamalSum(proofs=True, key_setup=key_setup))
        for round_id in (1, 2):
            result = protocol.sum_up_to(qualities, 300, round_id=round_id)
            assert result.refusals == ()
            assert result.sum[0] == 7 * sum(CLIENTS)
        results.append(result)
    alone, shared = results
    assert counted(alone) == counted(shared)  # though others may have helped
    assert set(alone.costs.messages) == set(shared.costs.messages)


def test_clients_remember_the_rounds_that_they_opened_in_workers():
    protocol = on(2, DoubleMasking())
    for round_id in (1, 2):
        protocol.sum(random_vectors(CLIENTS, seed=round_id), 20, round_id=round_id)
    for client in CLIENTS:
        journal = protocol._journals[client]
        assert isinstance(journal, MemoryJournal)
        first, second = journal.opened(1), journal.opened(2)
        assert first and second and first != second
        assert journal.opened(3) is None


@pytest.mark.parametrize(("stage", "opened"), [(UPLOAD, False), (UNMASKING, True)])
def test_a_killed_worker_ends_the_session(monkeypatch, stage, opened):
    whole = MaskingClientSession.step

    def step(self, now, data, given):
        if now == stage and self.client_id == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(self, now, data, given)

    monkeypatch.setattr(MaskingClientSession, "step", step)
    with pytest.raises(SessionAbortedError) as caught:
        on(2, DoubleMasking()).sum(random_vectors(CLIENTS), 20, round_id=1)
    assert isinstance(caught.value.reason, LostWorkerError)
    assert (caught.value.stage, caught.value.may_be_opened) == (stage, opened)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_no_worker_is_left_however_a_session_ends(monkeypatch, error):
    def fail(self, message):
        raise error

    monkeypatch.setattr(MaskingServer, "_accept_shares", fail)
    with pytest.raises(error):
        on(2, DoubleMasking()).sum(random_vectors(CLIENTS), 20, round_id=1)


def test_a_fault_of_our_own_in_a_worker_is_told(monkeypatch):
    def fail(self, stage, data, given):
        raise ZeroDivisionError("a slip")

    monkeypatch.setattr(MaskingClientSession, "step", fail)
    with pytest.raises(RuntimeError, match="ZeroDivisionError in a worker: a slip"):
        on(2, DoubleMasking()).sum(random_vectors(CLIENTS), 20, round_id=1)


@pytest.mark.parametrize(
    "error",
    [
        ThresholdError("shares", 2, 3),
        ParameterError("cores"),
        *(
            kind("ä thing", culprit)
            for kind in vars(errors).values()
            if isinstance(kind, type) and issubclass(kind, errors.ProtocolError)
            for culprit in (None, 7, SERVER, AUTHORITY)
        ),
    ],
    ids=repr,
)
def test_errors_come_out_of_workers_as_they_were(error):
    again = workers._error(type(error).__name__, str(error), workers._fields(error))
    assert isinstance(again, CryptoError)
    assert type(again) is type(error)
    assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))


def test_a_source_that_a_fork_would_repeat_is_not_forked(monkeypatch):
    monkeypatch.delattr(os, "fork")
    vectors = random_vectors(CLIENTS)
    protocol = on(2, DoubleMasking(randomness=TestVectorRandomness(b"workers")))
    result = protocol.sum(vectors, 20, round_id=1)
    np.testing.assert_array_equal(result.sum, sum(vectors.values()) % 2**20)


def test_a_session_that_is_soon_over_is_not_forked(monkeypatch):
    monkeypatch.setattr(staged_sum, "LEAST_SECONDS", workers.LEAST_SECONDS)
    monkeypatch.delattr(os, "fork")
    on(2, DoubleMasking()).sum(random_vectors(CLIENTS), 20, round_id=1)


def test_cores_are_a_number_and_set_beforehand():
    protocol = DoubleMasking()
    with pytest.raises(ParameterError, match="at least 1"):
        protocol.cores = 0
    protocol.sum(random_vectors(CLIENTS), 20, round_id=1)
    with pytest.raises(ParameterError, match="before the first session"):
        protocol.cores = 2


LONG_SESSION = """
import numpy as np
from crypto.protocols.masking.session import DoubleMasking
from crypto.session import staged_sum, workers
protocol = DoubleMasking()
protocol.cores = 2
fork = workers._Worker.forked
def tell(*arguments):
    print("forked", flush=True)
    return fork(*arguments)
workers._Worker.forked = tell
vectors = {client: np.zeros(2_000_000, np.uint64) for client in range(40)}
protocol.sum(vectors, 20, round_id=1)
"""


def _group_is_gone(group):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("to_all", [True, False], ids=["by the terminal", "to one process"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_of_a_program_that_is_ended(number, to_all):
    if to_all and number != signal.SIGINT:
        pytest.skip("a terminal sends no such signal")
    program = subprocess.Popen(
        [sys.executable, "-c", LONG_SESSION],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[3],
        start_new_session=True,
    )
    with program:
        for _ in range(2):
            assert program.stdout.readline() == b"forked\n"
        time.sleep(0.2)
        (os.killpg if to_all else os.kill)(program.pid, number)
        program.wait(60)
        assert program.returncode == -number
        gone = _group_is_gone(program.pid)
        if not gone:
            os.killpg(program.pid, signal.SIGKILL)
    assert gone
