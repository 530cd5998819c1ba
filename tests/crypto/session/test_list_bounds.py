"""No list of clients is read that is longer than the session has clients."""

import pytest

from crypto.codings import Fixed, KeyedByClient
from crypto.errors import DecodingError, MalformedMessageError
from crypto.parties import SERVER
from crypto.protocols.dkg.accusations import Complaints, Evidence, Exposures
from crypto.protocols.dkg.client import DkgClient
from crypto.protocols.dkg.messages import AdvertisedKeys, Board, Dealing, Posting
from crypto.protocols.dkg.session import run_generation
from crypto.protocols.dkg.stages import Stage
from crypto.protocols.elgamal_sum import messages as elgamal
from crypto.protocols.elgamal_sum.session import ElGamalSum
from crypto.protocols.masking import unmasking_messages as masking
from crypto.protocols.masking.session import DoubleMasking
from crypto.session.faults import Alter, Fault
from crypto.wire import Reader, Writer
from tests.crypto.conformance import random_vectors
from tests.crypto.protocols.dkg.test_cheating import CHEAT, CLIENTS, cast, verdicts
from tests.crypto.protocols.dkg.test_session import assert_usable

PAIRS = KeyedByClient(Fixed(1))
MANY = tuple(range(1000, 31000))


def encoded(write):
    writer = Writer()
    write(writer)
    return writer.to_bytes()


@pytest.mark.parametrize(
    ("write", "read"),
    [
        (lambda w: w.ids((1, 2, 3)), lambda r: r.ids()),
        (lambda w: PAIRS.write(w, ((1, b"a"), (2, b"b"), (3, b"c"))), PAIRS.read),
        (lambda w: w.ids((1, 2, 3)), lambda r: r.per_client(4, lambda: r.uint(4))),
    ],
    ids=["ids", "pairs", "per client"],
)
def test_lists_of_clients_end_at_the_bound(write, read):
    data = encoded(write)
    assert len(read(Reader(data, 3))) == len(read(Reader(data))) == 3
    with pytest.raises(DecodingError, match="a list of 3 clients, and there are 2 at most"):
        read(Reader(data, 2))


def test_a_count_is_refused_before_anything_is_read():
    reads = []
    data = encoded(lambda w: w.ids(MANY))
    reader = Reader(data, 10)
    with pytest.raises(DecodingError):
        reader.per_client(4, lambda: reads.append(reader.uint(4)))
    assert reads == []


def test_other_lists_are_bounded_by_their_message_alone():
    data = encoded(lambda w: w.ids((1, 2, 3)))
    reader = Reader(data, 2)
    assert reader.several(4, lambda: reader.uint(4)) == (1, 2, 3)


class LoudKeys(DkgClient):
    def advertise(self, data):
        super().advertise(data)
        return self._seal(
            AdvertisedKeys(
                self._session_id, self.client_id, tuple((i, i.to_bytes(32, "big")) for i in MANY)
            )
        )


class LoudDealing(DkgClient):
    def deal(self, data):
        super().deal(data)
        junk = tuple((i, bytes(80)) for i in MANY)
        transcript = self._record.transcript
        return self._seal(Dealing(self._session_id, self.client_id, transcript, b"", junk))


class LoudComplaints(DkgClient):
    def complain(self, data):
        super().complain(data)
        return self._seal(Complaints(self._session_id, self.client_id, MANY))


class LoudEvidence(DkgClient):
    def complain(self, data):
        super().complain(data)
        evidence = tuple(Evidence(i, bytes(32), bytes(32)) for i in MANY)
        return self._seal(Complaints(self._session_id, self.client_id, MANY, evidence))


class LoudExposures(DkgClient):
    def expose(self, data):
        super().expose(data)
        junk = tuple((i, bytes(64)) for i in MANY)
        return self._seal(Exposures(self._session_id, self.client_id, junk, self._seen))


LOUD = [LoudKeys, LoudDealing, LoudComplaints, LoudEvidence, LoudExposures]


@pytest.mark.parametrize("cheat", LOUD)
def test_long_postings_of_key_generation_are_refused_and_named(cheat):
    usual = run_generation(*cast())
    made = run_generation(*cast({CHEAT: cheat}))
    assert_usable(made)
    assert verdicts(made) == {CHEAT}
    assert MalformedMessageError in {type(r.error) for r in made.refusals}
    assert made.costs.bytes_down <= usual.costs.bytes_down


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.ADVERTISE_KEYS])
def test_long_boards_are_refused_unread(stage):
    def lengthen(data):
        board = Board.from_bytes(data)
        more = tuple(Posting(client, b"", b"") for client in MANY)
        return Board(board.session_id, (*board.postings, *more)).to_bytes()

    made = run_generation(*cast(), faults=[Fault(Alter(lengthen), stage, SERVER, CHEAT)])
    refusal = next(r for r in made.refusals if r.by == CHEAT)
    assert isinstance(refusal.error, MalformedMessageError)
    assert refusal.error.culprit == SERVER
    assert f"there are {len(CLIENTS)} at most" in refusal.error.what


def longer_ids(kind):
    def change(data):
        message = kind.from_bytes(data)
        (field,) = (n for n, v in vars(message).items() if isinstance(v, tuple))
        return type(message)(**{**vars(message), field: tuple(range(5000))}).to_bytes()

    return change


@pytest.mark.parametrize(
    ("protocol", "stage", "kind"),
    [
        (DoubleMasking, "consistency", masking.SurvivorSet),
        (ElGamalSum, "upload", elgamal.UploadRequest),
    ],
)
def test_long_lists_of_the_server_are_refused_by_the_clients_of_sums(protocol, stage, kind):
    fault = Fault(Alter(longer_ids(kind)), stage, SERVER, 1)
    result = protocol().sum(random_vectors(range(5), 3, 8), 8, round_id=1, faults=[fault])
    (refusal,) = [r for r in result.refusals if r.by == 1][:1]
    assert isinstance(refusal.error, MalformedMessageError)
    assert "at most" in refusal.error.what
    assert refusal.error.culprit == SERVER
