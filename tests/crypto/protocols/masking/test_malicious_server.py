"""Whatever a server sends, no honest client's vector comes out, and each round has one sum at most.

Each careless client below leaves out one check and is read by one plan, which shows that the
server and what it computes are able to find a breach. Honest clients stand against these plans and
against random ones. Checks of the survivors a client is told have no plan: without any single one
of them, agreements and thresholds still hold.
"""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crypto.protocols.masking import client as client_module
from crypto.protocols.masking.client_checks import ClientChecks
from crypto.protocols.masking.client_session import MaskingClientSession
from crypto.protocols.masking.client_states import Uploaded
from crypto.protocols.masking.parameters import ClientPolicy
from tests.crypto.protocols.masking.malicious import (
    COHORT,
    COLLUDERS,
    HONEST,
    LENGTH,
    MaliciousServer,
    Plan,
    breaches,
)


def careless(checks):
    """Return a client's part that checks as this class does; a part that is made becomes one."""

    class Careless(MaskingClientSession):
        @property
        def _checks(self):
            return checks(**vars(vars(self)["_checks"]))

    return type(checks.__name__, (Careless,), {})


@careless
class AnyKeys(ClientChecks):
    """Does not check who signed the keys that it is shown."""

    class _Trusted:
        def verify(self, *args):
            pass

    def check_directory(self, directory, own):
        trusted = dict.fromkeys(COHORT, self._Trusted())
        ClientChecks(**{**vars(self), "registry": trusted}).check_directory(directory, own)


@careless
class FewMasks(ClientChecks):
    """Uploads under the masks of as few peers as it is given."""

    def require(self, found, what):
        if what != "neighbours that shared keys":
            ClientChecks.require(self, found, what)


@careless
class AnyAgreements(ClientChecks):
    """Does not verify what the others signed."""

    def check_agreements(self, agreements, survivors):
        self.require(len(agreements.signatures) + 1, "agreements on the survivors")


@careless
class FewAgreements(ClientChecks):
    """Does not count who signed the same set."""

    def require(self, found, what):
        if what != "agreements on the survivors":
            ClientChecks.require(self, found, what)


class AnswersAgain(MaskingClientSession):
    """Goes back, once it has answered, and answers to another set as well."""

    def unmask(self, data):
        held = self._state.held
        answer = super().unmask(data)
        self._state = Uploaded(held)
        return answer


class OpensAgain(MaskingClientSession):
    """Does not remember which rounds it has helped to open."""

    class _Forgetful:
        def check(self):
            pass

        def take(self):
            pass

    def masked_input(self, data, vector):
        self._opening = self._Forgetful()
        return super().masked_input(data, vector)


class AnyPolicy(ClientPolicy):
    """Takes part in whatever is announced."""

    def check(self, num_clients, announced):
        pass


def told(**stories):
    """Client -> the set without those that it is told have dropped out."""
    return {
        int(name[1]): tuple(c for c in COHORT if c not in dropped)
        for name, dropped in stories.items()
    }


# Of three clients each, three others say that it has dropped out, and nobody says so of 1 and 2.
STORIES = told(c1=(3, 4), c2=(4, 5), c3=(4, 5), c4=(3, 5), c5=(3,))
WITHOUT_FIVE = dict.fromkeys(HONEST, tuple(c for c in COHORT if c != 5))
OF_PEERS = {peer: "mask" for peer in HONEST if peer != 1}
LOW = {"threshold": 3, "min_survivors": 3}
WITHOUT_ONE = {c: tuple(x for x in COHORT if x != 1) for c in (2, 3, 4, 5)}

PLANS = {
    "keys of the server's": (Plan(keys={1: OF_PEERS}),),
    "keys signed by a colluder": (Plan(keys={1: dict.fromkeys(OF_PEERS, "colluder's")}),),
    "colluders' shares alone": (Plan(delivered={1: COLLUDERS}),),
    "stories, forged agreements": (Plan(survivors=STORIES, agreements="zeros"),),
    "stories, agreements to other sets": (Plan(survivors=STORIES, agreements="of another set"),),
    "stories, few agreements": (Plan(survivors=STORIES),),
    "two sets one after the other": (Plan(again=WITHOUT_ONE),),
    "a round opened twice": (Plan(), Plan(survivors=WITHOUT_FIVE)),
    "a low threshold": (Plan(parameters=LOW, survivors=told(c2=(1,))),),
    "no signatures": (Plan(parameters={"signed": False}, keys={1: OF_PEERS}),),
}
CARELESS = [
    ("keys of the server's", AnyKeys, None),
    ("keys signed by a colluder", AnyKeys, None),
    ("colluders' shares alone", FewMasks, None),
    ("stories, forged agreements", AnyAgreements, None),
    ("stories, agreements to other sets", AnyAgreements, None),
    ("stories, few agreements", FewAgreements, None),
    ("two sets one after the other", AnswersAgain, None),
    ("a round opened twice", OpensAgain, None),
    ("a low threshold", MaskingClientSession, AnyPolicy(least_cohort=len(COHORT))),
    ("no signatures", MaskingClientSession, AnyPolicy(least_cohort=len(COHORT))),
]


def play(plans, **careless):
    server = MaliciousServer(**careless)
    for plan in plans:
        server.play(plan)
    return server


def test_the_sum_comes_out_and_nothing_else():
    server = play([Plan(), Plan(round_id=2)])
    assert server.knowledge.sums() == {(1, HONEST), (2, HONEST)}
    assert not breaches(server)


@pytest.mark.parametrize(("name", "round_class", "policy"), CARELESS, ids=lambda v: str(v)[:40])
def test_a_careless_client_is_read(name, round_class, policy):
    assert breaches(play(PLANS[name], round_class=round_class, policy=policy))


@pytest.mark.parametrize("name", PLANS)
def test_no_client_that_checks_is_read(name):
    assert not breaches(play(PLANS[name]))


SMALL = (1, 2, *COLLUDERS)
FEW = Plan(
    cohort=SMALL,
    parameters={"degree": 3, "threshold": 3, "min_survivors": 3},
    survivors=dict.fromkeys(SMALL, (1, *COLLUDERS)),
)


def test_a_client_that_joins_any_cohort_is_read(monkeypatch):
    assert not play([FEW]).knowledge.uploads
    monkeypatch.setattr(client_module, "check_cohort", lambda *_: None)
    assert breaches(play([FEW]))


subsets = st.sets(st.sampled_from(COHORT)).map(lambda s: tuple(sorted(s)))
most = st.sets(st.sampled_from(COHORT), max_size=2).map(
    lambda dropped: tuple(c for c in COHORT if c not in dropped)
)
shown = st.sampled_from(["true", "dropped", "mask", "both", "earlier", "colluder's"])


def by_client(values, most_clients=5):
    return st.dictionaries(st.sampled_from(HONEST), values, max_size=most_clients)


plans = st.builds(
    Plan,
    round_id=st.integers(1, 2),
    parameters=st.one_of(
        st.just({}),
        st.just({}),
        st.fixed_dictionaries(
            {},
            optional={
                "threshold": st.integers(1, 7),
                "min_survivors": st.integers(1, 7),
                "degree": st.integers(6, 7),
                "signed": st.booleans(),
                "length": st.just(LENGTH),
            },
        ),
    ),
    cohort=st.one_of(st.just(COHORT), st.just(COHORT), subsets),
    keys=by_client(st.dictionaries(st.sampled_from(COHORT), shown, max_size=3), 2),
    delivered=by_client(st.one_of(most, subsets), 2),
    survivors=by_client(st.one_of(most, most, subsets)),
    agreements=st.sampled_from(["none", "zeros", "of another set", "a colluder's"]),
    again=by_client(st.one_of(most, subsets)),
    swapped=st.sampled_from([False, False, False, True]),
)


@example([FEW, Plan()])
@example([Plan(survivors=WITHOUT_FIVE), Plan(), Plan(round_id=2)])
@settings(max_examples=60, deadline=None)
@given(st.lists(plans, min_size=1, max_size=3))
def test_no_schedule_of_lies_reads_anybody(schedule):
    assert not breaches(play(schedule))
