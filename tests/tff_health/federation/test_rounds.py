"""Rounds with sites that are apart: who trains, what is summed, what a site refuses."""

import asyncio
import contextlib
import time
from dataclasses import replace

import numpy as np
import pytest

from crypto.parties import AUTHORITY, SERVER
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.quality_sum.messages import QualityUpload
from crypto.session.apart.conductor import Conductor
from crypto.session.apart.envelopes import read_reply
from crypto.session.apart.links import LinkLostError
from crypto.session.apart.memory import MemoryHub
from crypto.session.apart.participant import Participant
from crypto.session.consortium import EnrolledConsortium
from crypto.session.opened_rounds import MemoryJournal
from crypto.wire import MAGIC, message_type
from tff_health.errors import RunError
from tff_health.federation.errors import FederationError
from tff_health.federation.rounds.announcements import Announcements
from tff_health.federation.rounds.messages import RoundClosed, RoundOffer, RoundReady
from tff_health.federation.rounds.offered_sums import OfferedSums
from tff_health.federation.rounds.purpose import TRAINING, VALIDATION
from tff_health.federation.rounds.server_rounds import Patience, ServerRounds
from tff_health.federation.rounds.site_rounds import SiteRounds
from tff_health.secure_aggregation.bindings import BINDINGS, Apart, ProtocolSettings
from tff_health.secure_aggregation.slots import Slot

STUDY = bytes(range(32))
CLIENTS = (1, 2, 4, 7, 9)
UPDATE = Slot("modular", 1 << 16, (3, 2), np.dtype(np.int64))
COUNT = Slot("bitwidth", 2, (), np.dtype(np.int32))
QUALITY = Slot("max_input", 101, (), np.dtype(np.int64))
SLOTS = {
    "double_masking": [COUNT, UPDATE],
    "sparse_sum": [COUNT, UPDATE],
    "homomorphic_sum": [COUNT, Slot("bitwidth", 1 << 16, (3, 2), np.dtype(np.int64))],
    "quality_sum": [QUALITY, COUNT, UPDATE],
    "hardened_quality_sum": [COUNT, QUALITY, UPDATE],
}
FOUND = [Slot("bitwidth", 1 << 20, (), np.dtype(np.int64))] * 3
"""What sites tell of validation."""
SETTINGS = ProtocolSettings(dropout_rate=0.0, value_bits=20)
MODEL = b"the weights of round %d"


class Trained:
    """A site's training: numbers that follow from client and round."""

    def __init__(self, client, slots):
        self.client, self.slots = client, slots
        self.rounds, self.kept, self.validated = [], [], []

    def contribute(self, model, round_number):
        assert model == MODEL % round_number
        self.rounds.append(round_number)
        return contribution(self.client, round_number, self.slots)

    def validate(self, model):
        self.validated.append(model)
        return contribution(self.client, len(model), FOUND)

    def keep(self, round_number):
        self.kept.append(round_number)


def contribution(client, round_number, slots):
    rng = np.random.default_rng([client, round_number])
    return [rng.integers(0, s.bound, s.shape).astype(s.dtype) for s in slots]


class Rules:
    def __init__(self):
        self.problems, self.checked = {}, {}
        self.smallest = 3

    def check_round(self, round_number):
        if problem := self.problems.get(round_number):
            raise FederationError(problem)

    def summed(self, round_number, *, is_checked):
        self.checked[round_number] = is_checked

    def check_cohort(self, size, threshold):
        if size < self.smallest or threshold < 2:
            raise FederationError(f"policy forbids a cohort of {size}")


class Log:
    def __init__(self):
        self.lines = []

    def offered(self, offer):
        self.offer = offer

    def invited(self, cohort):
        self.cohort = cohort

    def told(self, closed):
        self.last = closed

    def training(self, number):
        self.lines.append(("training", number))

    def trained(self, number):
        pass

    def closed(self, number, closed):
        self.lines.append(("closed", number, closed.survivors, closed.is_lost))

    def ended(self, ended):
        self.lines.append(("ended", ended.rounds))


class World:
    settings = SETTINGS

    def __init__(self, name, deadline=30.0):
        self.name, self.slots = name, SLOTS[name]
        self.identities = {p: SigningIdentity.generate() for p in (*CLIENTS, AUTHORITY)}
        self.registry = {c: self.identities[c].verify_key for c in CLIENTS}
        self.hub = MemoryHub()
        self.conductor = Conductor(self.hub, deadline)
        self.journals = {c: {} for c in CLIENTS}
        self.trainings, self.rules, self.logs, self._tasks = {}, {}, {}, {}
        self.told, self.notices = [], []

    def protocol(self, party):
        authority = self.identities[AUTHORITY].verify_key
        own = self.identities.get(party)
        consortium = EnrolledConsortium(self.registry, authority, party=party, own=own)
        return BINDINGS[self.name].build(self.settings, Apart(consortium))

    async def __aenter__(self):
        for client in CLIENTS:
            self.start(client)
        tasks = {}
        for purpose in (TRAINING, VALIDATION):
            for label, one in self.protocol(AUTHORITY).by_label.items():
                tasks |= one.authority_tasks(purpose.prefix + label)
        self._serve(AUTHORITY, tasks)
        return self

    async def __aexit__(self, *_):
        for party in list(self._tasks):
            self.stop(party)
        await asyncio.sleep(0)

    def sums(self, client, purpose, slots):
        protocol, journals = self.protocol(client), self.journals[client]
        roles = {purpose.prefix + label: one for label, one in protocol.by_label.items()}
        labels = {id(one): label for label, one in roles.items()}
        sessions = {labels[id(s.protocol)]: s for s in protocol.sessions(slots)}
        members = {
            label: roles[label].member(client, journals.setdefault(label, MemoryJournal()))
            for label in sessions
        }
        return OfferedSums(purpose, sessions, members)

    def start(self, client, *, validates=True):
        self.trainings[client] = Trained(client, self.slots)
        self.rules.setdefault(client, Rules())
        self.logs.setdefault(client, Log())
        rounds = SiteRounds(
            client,
            STUDY,
            self.sums(client, TRAINING, self.slots),
            self.trainings[client],
            self.rules[client],
            self.logs[client],
            self.sums(client, VALIDATION, FOUND) if validates else None,
        )
        self._serve(client, rounds.tasks())

    def stop(self, party):
        self.hub.cut(party)
        if (task := self._tasks.pop(party, None)) is not None:
            task.cancel()

    def _serve(self, party, tasks):
        line = self.hub.line(party)
        participant = Participant(tasks, lambda *what: self.notices.append((party, *what)))

        async def serve():
            with contextlib.suppress(LinkLostError):
                await participant.serve(line)

        self._tasks[party] = asyncio.create_task(serve())

    async def announce(self, work):
        """Let the server tell clients something: `work` is given its `Announcements`."""
        return await self.run(lambda _: work(self.announcements))

    async def run(self, work, *, fewest=3, gathering=0.3, purpose=TRAINING):
        """Let the server run rounds: `work` is given its `ServerRounds`."""

        def serve(asking):
            self.announcements = Announcements(asking, STUDY, CLIENTS, self.told.append)
            return work(
                ServerRounds(
                    asking,
                    self.protocol(SERVER),
                    self.slots if purpose is TRAINING else FOUND,
                    STUDY,
                    fewest=fewest,
                    patience=Patience(training=30.0, gathering=gathering),
                    tell=self.told.append,
                    purpose=purpose,
                )
            )

        return await self.conductor.run(serve)

    def assert_right(self, done, number, survivors=CLIENTS):
        assert done.survivors == tuple(survivors)
        assert not done.lost
        for place, slot in enumerate(self.slots):
            parts = [contribution(c, number, self.slots)[place] for c in survivors]
            total = sum(part.astype(np.int64) for part in parts)
            if slot.kind == "modular":
                total = total % slot.bound
            np.testing.assert_array_equal(np.asarray(done.sums[place]), total)


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def everybody(_):
    return CLIENTS


def one_round(number, draw=everybody):
    return lambda rounds: rounds.run(MODEL % number, number, draw)


@pytest.mark.parametrize("name", SLOTS)
def test_rounds_sum_what_sites_have_trained(name):
    async def rounds():
        async with World(name) as world:

            def two(server):
                found = []
                for number in (1, 2):
                    found.append(server.run(MODEL % number, number, everybody))
                    done = found[-1]
                    world.announcements.close(
                        RoundClosed(number, done.binding, done.survivors, bytes(32), False)
                    )
                world.announcements.end(2, bytes(32))
                return found

            for number, done in enumerate(await world.run(two), start=1):
                world.assert_right(done, number)
                assert done.refusals == ()
                assert done.aborted_attempts == 0
            assert world.notices == world.told == []
            for client in CLIENTS:
                assert world.trainings[client].rounds == world.trainings[client].kept == [1, 2]
                assert world.logs[client].lines == [
                    ("training", 1),
                    ("closed", 1, CLIENTS, False),
                    ("training", 2),
                    ("closed", 2, CLIENTS, False),
                    ("ended", 2),
                ]

    run(rounds())


class Verified(World):
    """A world whose sums are checked, and so must not wrap as `UPDATE` does."""

    settings = replace(SETTINGS, verify=True)

    def __init__(self, name):
        super().__init__(name)
        numbers = Slot("bitwidth", 1 << 12, (3, 2), np.dtype(np.int64))
        self.slots = [numbers if slot is UPDATE else slot for slot in self.slots]


class Silent:
    """A session of a server that shows nobody the sums."""

    def __init__(self, session):
        self._session = session

    def __getattr__(self, name):
        return getattr(self._session, name)

    def ask(self, task, stage, messages, seconds=None):
        shown = {} if stage == "verification" else messages
        return self._session.ask(task, stage, shown, seconds)


@pytest.mark.parametrize("name", ["double_masking", "quality_sum", "hardened_quality_sum"])
def test_server_and_sites_know_who_found_the_sums_right(name):
    async def rounds():
        async with Verified(name) as world:

            def one(server, number, asking=None):
                if asking:
                    server._asking = asking
                done = server.run(MODEL % number, number, everybody)
                world.announcements.close(
                    RoundClosed(number, done.binding, done.survivors, bytes(32), False)
                )
                return done

            def two(server):
                return one(server, 1), one(server, 2, Silent(server._asking))

            first, second = await world.run(two)
            world.assert_right(first, 1)
            world.assert_right(second, 2)
            assert first.verified_by == CLIENTS
            assert second.verified_by == ()
            for client in CLIENTS:
                assert world.rules[client].checked == {1: True, 2: False}

    run(rounds())


def assert_found(done, number, clients=CLIENTS):
    assert not done.lost
    assert done.survivors == tuple(clients)
    found = [contribution(c, len(MODEL % number), FOUND) for c in clients]
    assert [int(total) for total in done.sums] == [int(sum(t)) for t in zip(*found, strict=True)]


@pytest.mark.parametrize("name", SLOTS)
def test_validation_is_summed_beside_training_once_a_round(name):
    async def rounds():
        async with World(name) as world:
            for number in (1, 2):
                world.assert_right(await world.run(one_round(number)), number)
                found = await world.run(one_round(number), purpose=VALIDATION)
                assert_found(found, number)
            for client in CLIENTS:
                assert world.trainings[client].validated == [MODEL % 1, MODEL % 2]
            again = await world.run(one_round(2), purpose=VALIDATION)
            assert again.lost  # each site has given to such a sum of this round
            assert again.sums == ()

    run(rounds())


def test_validation_goes_without_who_is_away_and_is_given_up_where_too_few_are_there():
    async def rounds():
        async with World("double_masking") as world:
            world.stop(4)
            assert_found(await world.run(one_round(1), purpose=VALIDATION), 1, (1, 2, 7, 9))
            start = time.monotonic()
            for client in (1, 2):
                world.stop(client)
            with pytest.raises(FederationError, match=r"round 2 was aborted \(last: too few"):
                await world.run(one_round(2), purpose=VALIDATION)
            assert time.monotonic() - start < 10

    run(rounds())


def test_a_site_refuses_validation_of_which_its_study_has_none():
    async def rounds():
        async with World("double_masking") as world:
            world.stop(4)
            world.start(4, validates=False)
            assert_found(await world.run(one_round(1), purpose=VALIDATION), 1, (1, 2, 7, 9))
            assert any("does not validate: " in line for line in world.told)

    run(rounds())


def test_a_site_that_is_away_when_the_study_ends_is_told_when_it_comes_back():
    async def rounds():
        async with World("double_masking") as world:
            world.stop(4)

            def end(server):
                server.end(3, bytes(32))
                return server.stay(20.0)

            ending = asyncio.create_task(world.announce(end))
            await asyncio.sleep(0.3)
            assert not ending.done()
            assert world.logs[4].lines == []
            world.start(4)
            assert await ending == frozenset()
            for client in CLIENTS:
                assert world.logs[client].lines == [("ended", 3)]
            (told,) = world.told
            assert "the study is over, which client 4 cannot know yet" in told

    run(rounds())


def test_the_server_waits_so_long_for_who_is_away_and_no_longer():
    async def rounds():
        async with World("double_masking") as world:
            world.stop(4)
            world.stop(7)

            def end(server):
                server.end(3, bytes(32))
                start = time.monotonic()
                return server.stay(0.6), time.monotonic() - start

            untold, waited = await world.announce(end)
            assert untold == {4, 7}
            assert 0.6 <= waited < 5
            assert world.told[-1] == "not told that the study is over: client 4, client 7"

    run(rounds())


def test_a_site_that_is_away_is_not_in_the_round_and_comes_back():
    async def rounds():
        async with World("hardened_quality_sum") as world:
            world.stop(4)
            rest = (1, 2, 7, 9)
            world.assert_right(await world.run(one_round(1)), 1, rest)
            world.start(4)
            world.assert_right(await world.run(one_round(2)), 2)

    run(rounds())


def test_a_site_whose_rules_say_no_is_left_out_and_says_why():
    async def rounds():
        async with World("double_masking") as world:
            world.rules[2].problems[1] = "privacy budget: epsilon would be 5"
            world.assert_right(await world.run(one_round(1)), 1, (1, 4, 7, 9))
            assert "client 2 does not train: this site's rules: privacy budget" in world.told[0]
            assert world.trainings[2].rounds == []
            world.assert_right(await world.run(one_round(2)), 2)

    run(rounds())


def test_a_cohort_below_a_site_s_policy_is_refused_and_the_round_repeated():
    async def rounds():
        async with World("double_masking") as world:
            world.rules[7].smallest = world.rules[4].smallest = 5

            def draw(attempt):
                return CLIENTS[:4] if attempt == 1 else CLIENTS

            done = await world.run(one_round(1, draw), fewest=4)
            world.assert_right(done, 1)
            assert done.aborted_attempts == 1
            assert "policy forbids a cohort of 4" in str(done.refusals[0])
            # It was repeated with what was trained already.
            assert world.trainings[1].rounds == [1]

    run(rounds())


def test_a_round_that_was_opened_before_the_server_forgot_it_is_lost_not_repeated():
    async def rounds():
        async with World("double_masking") as world:
            world.assert_right(await world.run(one_round(1)), 1)  # then the server is killed
            done = await world.run(one_round(1, lambda _: CLIENTS[:4]))
            assert "second sum of round 1" in str(done.refusals[0])
            assert done.lost
            assert done.survivors == ()
            world.assert_right(await world.run(one_round(2)), 2)

    run(rounds())


def test_too_few_sites_are_waited_for():
    async def rounds():
        async with World("double_masking") as world:
            for client in (1, 2, 4):
                world.stop(client)
            task = asyncio.create_task(world.run(one_round(1)))
            await asyncio.sleep(0.6)
            assert world.told == ["waiting for sites: 2 of 3 needed"]
            world.start(4)
            world.assert_right(await task, 1, (4, 7, 9))

    run(rounds())


def test_a_site_that_stays_away_is_waited_for_once():
    async def rounds():
        async with World("double_masking") as world:
            took = []

            def three_rounds(server):
                for number in (1, 2, 3):
                    start = time.monotonic()
                    world.assert_right(server.run(MODEL % number, number, everybody), number, rest)
                    took.append(time.monotonic() - start)

            world.stop(4)
            rest = (1, 2, 7, 9)
            await world.run(three_rounds, gathering=1.0)
            assert took[0] > 1.0
            assert max(took[1:]) < 0.9

    run(rounds())


def test_a_server_that_ends_while_it_waits_ends_at_once():
    async def rounds():
        async with World("double_masking") as world:
            for client in CLIENTS:
                world.stop(client)
            task = asyncio.create_task(world.run(one_round(1)))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(rounds())


def test_a_site_that_fails_to_train_is_left_out_and_its_error_stays_at_the_site():
    async def rounds():
        async with World("double_masking") as world:

            def fail(model, number):
                raise RunError("pixel 17 of patient Smith")

            world.trainings[2].contribute = fail
            world.assert_right(await world.run(one_round(1)), 1, (1, 4, 7, 9))
            assert "Smith" not in world.told[0]
            assert "Smith" in str(world.notices[0][3])

    run(rounds())


@pytest.mark.parametrize("change", [{"study": bytes(32)}, {"model": MODEL % 2}, {"round_id": 2}])
def test_offers_that_differ_have_other_bindings(change):
    offer = RoundOffer(STUDY, 1, MODEL % 1)
    other = RoundOffer(**{**vars(offer), **change})
    assert offer.binding() != other.binding()
    assert RoundOffer.from_bytes(offer.to_bytes()) == offer


def test_a_round_of_another_study_is_refused():
    async def rounds():
        async with World("double_masking") as world:

            def other(server):
                server._study = bytes(32)
                return server.run(MODEL % 1, 1, everybody)

            with pytest.raises(FederationError, match="was aborted 5 times"):
                await world.run(other)
            assert {str(one[3]) for one in world.notices} == {
                "a round of another study (to blame: the server)"
            }

    run(rounds())


def test_what_a_site_answers_says_what_it_trained_on():
    assert RoundReady.from_bytes(RoundReady(3, STUDY).to_bytes()) == RoundReady(3, STUDY)


def is_upload(reply):
    data = getattr(reply, "data", b"")
    return data[:2] == MAGIC and message_type(data) == QualityUpload.TYPE


def test_a_site_with_a_false_proof_is_named_and_left_out_from_then_on():
    async def rounds():
        async with World("hardened_quality_sum") as world:

            def falsify(party, data):
                if party != 4:
                    return data
                reply = read_reply(data)
                if not is_upload(reply):
                    return data
                upload = QualityUpload.from_bytes(reply.data)
                proof = bytearray(upload.range_proof)
                proof[-1] ^= 1
                false = replace(upload, range_proof=bytes(proof)).to_bytes()
                return replace(reply, data=false).to_bytes()

            world.hub.alter_up = falsify

            def rounds_of(*numbers):
                return lambda server: [server.run(MODEL % n, n, everybody) for n in numbers]

            first, second = await world.run(rounds_of(1, 2), fewest=4)
            rest = (1, 2, 7, 9)
            world.assert_right(first, 1, rest)
            world.assert_right(second, 2, rest)
            assert second.cohort == rest
            assert world.told == ["left out from now on, for false shares or proofs: client 4"]
            with pytest.raises(FederationError, match="4 sites are left, 5 are needed"):
                await world.run(rounds_of(3, 4), fewest=5)

    run(rounds())
