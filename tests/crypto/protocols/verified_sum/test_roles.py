import numpy as np
import pytest

from crypto.commitments.commitment import commit
from crypto.errors import (
    CapacityError,
    ConsistencyError,
    ForeignMessageError,
    MalformedMessageError,
    OpeningError,
    ParameterError,
    PolicyError,
    ReplayError,
    SignatureError,
    ThresholdError,
    WrongTimeError,
)
from crypto.parties import SERVER
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.elgamal_sum.messages import MessageType as ElGamalMessageType
from crypto.protocols.masking.messages import MaskedVector
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.verified_sum.client import VerifyingClient
from crypto.protocols.verified_sum.client_session import Committed
from crypto.protocols.verified_sum.masking import VerifiedDoubleMasking
from crypto.protocols.verified_sum.messages import (
    CommittedVector,
    SumReceipt,
    UploadRequest,
    VerifiedInvitation,
)
from crypto.protocols.verified_sum.terms import Terms, least_modulus_bits
from crypto.protocols.verified_sum.verification import commitment_digest
from crypto.session.faults import Alter, Fault
from crypto.session.secure_sum import SessionAbortedError
from crypto.session.signing import sign_message
from crypto.session.sum_roles import SessionPlan
from tests.crypto.protocols.verified_sum.cast import BITS, CLIENTS, KINDS, LENGTH, run, vectors


class Table:
    """A server and its clients, stage by stage."""

    def __init__(self):
        self.protocol = VerifiedDoubleMasking()
        self.clients = {client: self.protocol.client(client) for client in CLIENTS}
        agreed = self.protocol._agree(vectors(), BITS)
        plan = SessionPlan(1, None, (), b"")
        self.server = self.protocol._open(CLIENTS, agreed, plan, None).server
        self._openings = iter(self.server.openings())
        self.parts = {}

    def open(self, until):
        """Run the stages before `until`, open that one, and return what its clients are sent."""
        for stage, opening in self._openings:
            messages = opening()
            if stage == until:
                return messages
            for client, data in messages.items():
                if not self.parts.get(client):
                    self.parts[client], answer = self.clients[client].join(data)
                else:
                    answer = self.parts[client].step(stage, data, vectors()[client])
                self.server.receive(client, answer)
        raise AssertionError(until)

    def sign(self, client, kind, *fields):
        message = kind(self.server.session_id, client, *fields)
        return sign_message(message, self.protocol.identity(client))


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_uploads_something_else_than_it_committed_to_is_found(kind):
    protocol = KINDS[kind]()
    role = protocol._joins(4) if hasattr(protocol, "_joins") else protocol.client(4)
    join = role.join

    def joined(data, binding=b""):
        part, answer = join(data, binding)
        terms = part._terms

        def commit_to_another(sent, given):
            made, opening = commit(terms.integers(given) + 1, terms.parameters)
            data = part._answer(CommittedVector, made.to_bytes())
            part._state = Committed(commitment_digest(data), opening.secret)
            return data

        part.commit = commit_to_another
        return part, answer

    role.join = joined
    with pytest.raises(SessionAbortedError) as caught:
        run(protocol)
    error = caught.value
    assert isinstance(error.reason, OpeningError)
    assert error.culprit is None
    assert error.may_be_opened
    assert error.stage == protocol.stages[-1]


def test_what_falsifies_an_unsigned_session_unnoticed_ends_a_verified_one():
    def flip(data):
        return data[:400] + bytes([data[400] ^ 1]) + data[401:]

    protocol = KINDS["pairwise masking"]()
    with pytest.raises(SessionAbortedError, match="does not open"):
        run(protocol, faults=[Fault(Alter(flip), "masked input", 2, SERVER)])


def test_no_upload_without_a_commitment():
    table = Table()
    requests = table.open("commitment")
    early = MaskedVector(table.server.inner.session_id, 4, b"")
    upload = sign_message(early, table.protocol.identity(4))
    with pytest.raises(WrongTimeError, match="not committed"):
        table.server.receive(4, upload)
    for client in CLIENTS[1:]:
        answer = table.parts[client].step("commitment", requests[client], vectors()[client])
        table.server.receive(client, answer)
    late = next(table._openings)[1]()
    assert set(late) == set(CLIENTS[1:])
    with pytest.raises(WrongTimeError, match="not committed"):
        table.server.receive(CLIENTS[0], upload)


def test_too_few_commitments_end_the_session():
    table = Table()
    requests = table.open("commitment")
    for client in CLIENTS[:2]:
        answer = table.parts[client].step("commitment", requests[client], vectors()[client])
        table.server.receive(client, answer)
    with pytest.raises(ThresholdError, match="commitment"):
        next(table._openings)[1]()


def test_commitments_come_once_and_in_their_only_form():
    table = Table()
    requests = table.open("commitment")
    data = table.parts[4].step("commitment", requests[4], vectors()[4])
    commitment = CommittedVector.from_bytes(data[:-64]).commitment
    for wrong in (commitment[:-1], commitment + b"\0", b"\xff" * len(commitment)):
        with pytest.raises(MalformedMessageError) as caught:
            table.server.receive(4, table.sign(4, CommittedVector, wrong))
        assert caught.value.culprit == 4
    with pytest.raises(ForeignMessageError):
        table.server.receive(7, data)
    table.server.receive(4, data)
    with pytest.raises(ReplayError):
        table.server.receive(4, data)
    with pytest.raises(WrongTimeError):
        table.server.receive(4, table.sign(4, SumReceipt, bytes(32)))
    with pytest.raises(WrongTimeError):
        table.parts[4].step("commitment", requests[4], vectors()[4])


def test_a_receipt_of_another_sum_is_refused():
    def change(data):
        receipt = SumReceipt.from_bytes(data[:-64])
        return table_sign(SumReceipt(receipt.session_id, 4, bytes(32)))

    protocol = KINDS["double masking"]()

    def table_sign(message):
        return sign_message(message, protocol.identity(4))

    result = run(protocol, faults=[Fault(Alter(change), "verification", 4, SERVER)])
    (refusal,) = result.refusals
    assert (type(refusal.error), refusal.error.culprit) == (ConsistencyError, 4)
    assert 4 not in result.verification.receipts


def test_clients_take_their_steps_in_order_and_keep_their_secrets():
    table = Table()
    requests = table.open("commitment")
    part = table.parts[4]
    with pytest.raises(WrongTimeError) as caught:
        part.step("verification", b"", None)
    assert caught.value.culprit == SERVER
    upload = UploadRequest(table.server.session_id, (), b"").to_bytes()
    with pytest.raises(WrongTimeError):
        part.step("masked input", upload, vectors()[4])
    for wrong in (b"", requests[4][:-1], upload):
        with pytest.raises(MalformedMessageError):
            part.step("commitment", wrong, vectors()[4])
    with pytest.raises(ForeignMessageError):
        part.step("commitment", Table().open("commitment")[4], vectors()[4])
    part.step("commitment", requests[4], vectors()[4])
    secret = part._state.secret
    assert str(secret[0]) not in repr(part._state).replace(repr(part._state.digest), "")


def test_what_comes_before_the_published_sum_does_not_end_the_part():
    """Garbage, or the sum of another session, from whoever sits on the line."""
    seen = []

    def garbage_first(data):
        seen.append(data)
        return data

    protocol = KINDS["double masking"]()
    run(protocol, faults=[Fault(Alter(garbage_first), "verification", SERVER, 4)])
    role, refused = protocol.client(4), []
    join = role.join

    def joined(data, binding=b""):
        part, answer = join(data, binding)
        verify = part.verify

        def after_garbage(published):
            for wrong in (b"", published[:-1], published[:-64] + bytes(64), seen[0]):
                with pytest.raises((MalformedMessageError, ForeignMessageError, SignatureError)):
                    verify(wrong)
                refused.append(wrong)
            return verify(published)

        part.verify = after_garbage
        return part, answer

    role.join = joined
    result = run(protocol, 2, seed=1)
    assert len(refused) == 4
    assert 4 in result.verification.receipts


# What an invitation may say


def invitation(length=LENGTH, **changed):
    table = Table()
    return table, VerifiedInvitation(
        changed.get("inner", table.server.invitation.inner),
        length,
        table.server.invitation.server_key,
    )


def test_an_invitation_to_a_sum_that_is_not_verified_is_refused():
    table, verified = invitation()
    with pytest.raises(MalformedMessageError) as caught:
        table.clients[4].join(verified.inner)
    assert caught.value.culprit == SERVER


@pytest.mark.parametrize("length", [LENGTH - 1, LENGTH + 1, 0])
def test_vectors_of_another_length_than_commitments_make_them_are_refused(length):
    table, other = invitation(length)
    with pytest.raises(ConsistencyError, match="coordinates") as caught:
        table.clients[4].join(other.to_bytes())
    assert caught.value.culprit == SERVER


def test_an_invitation_with_none_inside_is_refused():
    for inner in (b"th\x01" + bytes([ElGamalMessageType(32)]), b"", b"th\x01\x01"):
        table, other = invitation(inner=inner)
        with pytest.raises(MalformedMessageError):
            table.clients[4].join(other.to_bytes())


def test_a_client_without_identity_is_no_company():
    _, verified = invitation()
    known = {c: SigningIdentity.generate().verify_key for c in CLIENTS[1:]}
    inner = DoubleMasking().client(4)
    stranger = VerifyingClient(4, inner, SigningIdentity.generate(), known)
    with pytest.raises(PolicyError, match=f"without known identity: \\[{CLIENTS[0]}\\]"):
        stranger.join(verified.to_bytes())


# What a vector may be


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_sums_are_exact_at_the_ends_of_the_range_and_refused_beyond(dtype):
    terms = Terms(CLIENTS, LENGTH, BITS)
    least, most = terms.share
    assert len(CLIENTS) * most <= 2 ** (BITS - 1) - 1 < len(CLIENTS) * (most + 1)
    assert len(CLIENTS) * (least - 1) < -(2 ** (BITS - 1)) <= len(CLIENTS) * least
    ends = np.where(np.arange(LENGTH) % 2, most, least)
    residues = ends if dtype == np.int64 else (ends % 2**BITS).astype(np.uint64)
    protocol = VerifiedDoubleMasking()
    result = protocol.sum(dict.fromkeys(CLIENTS, residues), BITS, round_id=1)
    expected = (len(CLIENTS) * ends) % 2**BITS
    np.testing.assert_array_equal(result.sum, expected.astype(np.uint64))
    assert set(result.verification.receipts) == set(CLIENTS)
    for place, change in ((1, 1), (0, -1)):
        beyond = ends.copy()
        beyond[place] += change
        given = beyond if dtype == np.int64 else (beyond % 2**BITS).astype(np.uint64)
        with pytest.raises(ParameterError, match=f"1 of 40 values lie outside {least}..{most}"):
            protocol.sum({**vectors(), 4: given}, BITS, round_id=2)


@pytest.mark.parametrize("sign", [1, -1])
def test_with_a_power_of_two_clients_every_residue_can_be_reached(sign):
    clients, bits = range(4), 12
    end = 2**9 - 1 if sign > 0 else -(2**9)
    vectors = {client: np.full(3, end) for client in clients}
    result = VerifiedDoubleMasking().sum(vectors, bits, round_id=1)
    np.testing.assert_array_equal(result.sum, np.full(3, 4 * end % 2**bits, np.uint64))
    assert len(result.verification.receipts) == 4


def test_a_vector_that_cannot_be_verified_is_refused_by_the_client_too():
    table = Table()
    requests = table.open("commitment")
    part = table.parts[4]
    for wrong in (np.full(LENGTH, 2**22), np.zeros(LENGTH + 1, np.int64)):
        with pytest.raises(ParameterError):
            part.step("commitment", requests[4], wrong)
    part.step("commitment", requests[4], vectors()[4])  # the step can be repeated


def test_a_modulus_that_cannot_hold_what_opens_the_sum_is_refused():
    small = {client: np.zeros(3, np.int64) for client in CLIENTS}
    with pytest.raises(CapacityError, match="a modulus of 10 bits or more, not of 9"):
        VerifiedDoubleMasking().sum(small, 9, round_id=1)
    assert VerifiedDoubleMasking().sum(small, 10, round_id=1).verification


def test_the_secrets_of_all_clients_fit_the_modulus():
    for clients in (3, 10, 30, 1000):
        largest = Terms(tuple(range(clients)), 3, 40).parameters.largest_hiding
        least = least_modulus_bits(clients)
        assert VerifiedDoubleMasking().least_bits(clients) == least
        assert 2 ** (least - 2) <= largest < 2 ** (least - 1)
