"""Whole dealings: who vanishes, who lies, and what clients refuse."""

import dataclasses

import pytest

from crypto.errors import (
    ConsistencyError,
    ForeignMessageError,
    MalformedMessageError,
    OpenedRoundError,
    ParameterError,
    PolicyError,
    ProtocolError,
    ReplayError,
    SignatureError,
    ThresholdError,
    WrongTimeError,
)
from crypto.parties import SERVER
from crypto.protocols.dealing.messages import CommitmentList, DealingInvitation, Reveal, RevealList
from crypto.protocols.dealing.server import DealingServer
from crypto.protocols.dealing.session import GroupDealing
from crypto.protocols.dealing.stages import Stage
from crypto.session.faults import Alter, Drop, Fault
from crypto.session.secure_sum import SessionAbortedError
from crypto.session.signing import sign_message

CLIENTS = tuple(range(10))
COMMIT, REVEAL, GROUPS = (stage.value for stage in Stage)


class Table:
    """A dealing whose messages a test passes on by hand."""

    def __init__(self, clients=CLIENTS, size=3, round_id=1, attempt=1, dealing=None):
        self.dealing = dealing or GroupDealing(size)
        self.clients = clients
        for client in clients:
            self.dealing.client(client)
        self.registry = self.dealing._consortium.registry
        self.server = DealingServer(clients, round_id, attempt, size, self.registry)
        openings = dict(self.server.openings())
        self.invite, self.list_commitments, self.list_contributions = openings.values()
        self.parts = {}

    def commit(self):
        for client, data in self.invite().items():
            self.parts[client], answer = self.dealing.client(client).join(data)
            self.server.receive(client, answer)
        return self.list_commitments()

    def reveal(self):
        for client, data in self.commit().items():
            self.server.receive(client, self.parts[client].reveal(data))
        return self.list_contributions()


def refuses(error, call, *arguments, culprit=SERVER):
    with pytest.raises(error) as caught:
        call(*arguments)
    assert caught.value.culprit == culprit


def test_all_learn_the_same_groups():
    table = Table()
    for client, data in table.reveal().items():
        table.parts[client].learn(data)
    assert {table.parts[client].groups for client in CLIENTS} == {table.server.groups()}
    assert sorted(map(len, table.server.groups().members)) == [3, 3, 4]


def test_a_dealing_at_hand():
    dealt = GroupDealing(4).deal(CLIENTS, round_id=1)
    assert sorted(map(len, dealt.groups.members)) == [5, 5]
    assert (dealt.informed, dealt.dealings, dealt.refusals) == (frozenset(CLIENTS), 1, ())
    assert dealt.costs.bytes_up > 0


def test_rounds_are_dealt_anew():
    dealing = GroupDealing()
    found = {dealing.deal(CLIENTS, round_id=number).groups.members for number in range(20)}
    assert len(found) > 15


@pytest.mark.parametrize("stage", [COMMIT, REVEAL, GROUPS])
def test_who_drops_out_is_in_no_group_or_does_not_know_it(stage):
    dealt = GroupDealing().deal(CLIENTS, round_id=1, dropouts={4: stage, 7: stage})
    members = {client for group in dealt.groups.members for client in group}
    left = set(CLIENTS) - {4, 7}
    assert dealt.informed == left
    assert members == (set(CLIENTS) if stage == GROUPS else left)
    assert dealt.dealings == (2 if stage == REVEAL else 1)


def test_a_list_of_too_few_is_not_revealed_for():
    with pytest.raises(SessionAbortedError) as caught:
        GroupDealing().deal(CLIENTS, round_id=1, dropouts=dict.fromkeys(range(4), COMMIT))
    assert isinstance(caught.value.reason, ThresholdError)
    assert not caught.value.may_be_opened


def vanish_one_each(dealing, round_id, vanishing):
    """Run dealings of a round, in each of which one more client does not reveal."""

    def in_dealing(number):
        seen = []

        def change(data):
            seen.append(data)
            return data[:-1] if len(seen) == number else data  # whose signature is cut

        return change

    faults = [
        Fault(Alter(in_dealing(number)), REVEAL, client, SERVER)
        for number, client in enumerate(vanishing, start=1)
    ]
    return dealing.deal(CLIENTS, round_id=round_id, faults=faults)


def test_there_are_three_dealings_of_a_round():
    dealt = vanish_one_each(GroupDealing(), 1, [2, 3])
    assert dealt.dealings == 3
    assert {c for group in dealt.groups.members for c in group} == set(CLIENTS) - {2, 3}
    with pytest.raises(SessionAbortedError) as caught:
        vanish_one_each(GroupDealing(), 1, [2, 3, 4])
    assert caught.value.may_be_opened
    assert caught.value.costs.bytes_up > dealt.costs.bytes_up / 2


@pytest.mark.parametrize(
    ("round_id", "attempt", "cohort"),
    [(1, 1, CLIENTS), (1, 2, CLIENTS), (1, 2, (*CLIENTS[1:], 10)), (1, 1, CLIENTS[1:])],
)
def test_a_second_dealing_of_a_round_is_refused_unless_somebody_vanished(round_id, attempt, cohort):
    """Else a server would deal until it likes the groups."""
    table = Table()
    table.reveal()
    again = Table(cohort, round_id=round_id, attempt=attempt, dealing=table.dealing)
    data = again.invite()[5]
    refuses(OpenedRoundError, table.dealing.client(5).join, data)
    fewer = Table(CLIENTS[1:], attempt=2, dealing=table.dealing)
    assert len(fewer.reveal()) == 9  # but one that lost a client goes on


def test_two_dealings_at_once_are_revealed_for_once():
    first = Table()
    second = Table(dealing=first.dealing)
    lists = first.commit(), second.commit()
    first.parts[3].reveal(lists[0][3])
    refuses(OpenedRoundError, second.parts[3].reveal, lists[1][3])


def test_an_invitation_is_accepted_once():
    table = Table()
    data = table.invite()[3]
    table.dealing.client(3).join(data)
    refuses(ReplayError, table.dealing.client(3).join, data)


def test_clients_refuse_smaller_groups_and_strangers():
    dealing = GroupDealing(4)
    table = Table(size=4, dealing=dealing)
    small = DealingServer(CLIENTS, 1, 1, 3, table.registry)
    data = dict(small.openings())[COMMIT]()[1]
    refuses(PolicyError, dealing.client(1).join, data)
    stranger = DealingServer((*CLIENTS[1:], 77), 1, 1, 4, table.registry)
    data = dict(stranger.openings())[COMMIT]()[1]
    refuses(PolicyError, dealing.client(1).join, data)
    data = Table((0, 2, 3, 4), size=4, dealing=dealing).invite()[0]
    refuses(ForeignMessageError, dealing.client(1).join, data)
    refuses(ConsistencyError, dealing.client(0).join, data, b"another broadcast".ljust(32))


def changed_list(data, change):
    message = CommitmentList.from_bytes(data)
    return dataclasses.replace(message, entries=change(list(message.entries))).to_bytes()


def forged(entry, **fields):
    return dataclasses.replace(entry, commitment=dataclasses.replace(entry.commitment, **fields))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda e: tuple(e[:3] + e[4:]), ConsistencyError),  # without the client's own
        (lambda e: (*e[:3], forged(e[3], digest=bytes(32)), *e[4:]), SignatureError),
        (lambda e: (forged(e[0], digest=bytes(32)), *e[1:]), SignatureError),
        (lambda e: (*e[:-1], forged(e[-1], sender=11)), ConsistencyError),
        (lambda e: tuple(e[:6]), ConsistencyError),  # below two thirds
    ],
)
def test_a_false_list_of_commitments_is_revealed_to_nobody(change, error):
    table = Table()
    part, data = table.parts, table.commit()[3]
    refuses(error, part[3].reveal, changed_list(data, change))
    refuses(WrongTimeError, part[3].reveal, data)


def changed_reveals(data, change=lambda e: e, **fields):
    message = RevealList.from_bytes(data)
    entries = tuple(change(list(message.entries)))
    return dataclasses.replace(message, entries=entries, **fields).to_bytes()


def with_reveal(entry, **fields):
    return dataclasses.replace(entry, reveal=dataclasses.replace(entry.reveal, **fields))


@pytest.mark.parametrize(
    ("change", "fields", "error"),
    [
        (lambda e: e[1:], {}, ConsistencyError),  # somebody is left out once all is seen
        (lambda e: [with_reveal(e[0], contribution=bytes(32)), *e[1:]], {}, SignatureError),
        (lambda e: [with_reveal(e[0], commitments=bytes(32)), *e[1:]], {}, SignatureError),
        (lambda e: e, {"contribution": bytes(32)}, ConsistencyError),  # the server's own
    ],
)
def test_contributions_cannot_be_chosen_late(change, fields, error):
    table = Table()
    data = table.reveal()[3]
    refuses(error, table.parts[3].learn, changed_reveals(data, change, **fields))
    refuses(WrongTimeError, lambda: table.parts[3].groups, culprit=None)


def test_a_client_that_signs_another_contribution_is_found_by_server_and_clients():
    table = Table()
    lists = table.commit()
    part = table.parts[2]
    part._state = dataclasses.replace(part._state, contribution=bytes(32))
    with pytest.raises(ConsistencyError):
        part.reveal(lists[2])  # it would not reveal what is not on the list itself
    liar = table.dealing.client(2)
    digest = CommitmentList.from_bytes(lists[2]).digest()
    session = part.session_id
    data = sign_message(Reveal(session, 2, digest, bytes(32)), liar.identity)
    refuses(ConsistencyError, table.server.receive, 2, data, culprit=2)
    data = sign_message(Reveal(session, 2, bytes(32), bytes(32)), liar.identity)
    refuses(ConsistencyError, table.server.receive, 2, data, culprit=2)


def test_a_server_that_withholds_the_end_leaves_clients_without_groups():
    faults = [Fault(Drop(), GROUPS, SERVER, client) for client in (1, 8)]
    dealt = GroupDealing().deal(CLIENTS, round_id=1, faults=faults)
    assert dealt.informed == set(CLIENTS) - {1, 8}


@pytest.mark.parametrize("clients", [(), (1, 2), (1, 2, 3)])
def test_too_few_clients_are_not_dealt(clients):
    with pytest.raises(ParameterError):
        GroupDealing(4).deal(clients, round_id=1)


def test_smaller_groups_than_three_are_refused():
    with pytest.raises(ParameterError, match="group_size=2"):
        GroupDealing(2)
    table = Table()
    invitation = table.server._invitation
    for fields in ({"group_size": 2}, {"attempt": 0}, {"attempt": 4}):
        with pytest.raises(ParameterError):
            dataclasses.replace(invitation, **fields)
    with pytest.raises(MalformedMessageError):
        DealingInvitation.from_bytes(invitation.to_bytes()[:-1])


def test_refusals_name_the_culprit():
    faults = [Fault(Alter(lambda data: data[:-1] + b"x"), COMMIT, 6, SERVER)]
    dealt = GroupDealing().deal(CLIENTS, round_id=1, faults=faults)
    (refusal,) = dealt.refusals
    assert isinstance(refusal.error, ProtocolError)
    assert refusal.error.culprit == 6
    assert 6 not in dealt.informed
