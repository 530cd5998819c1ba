"""What a server without honest logic may say in sums that clients help to decrypt.

Two of five clients are its own. A `Plan` is one session, of threshold ElGamal or of Paillier; what
comes out of it, only the protocol's own test can tell.
"""

from dataclasses import dataclass, field

from hypothesis import strategies as st

from crypto.errors import AbortError, ParameterError, ProtocolError

HONEST, COLLUDERS = (1, 2, 3), (4, 5)
COHORT = HONEST + COLLUDERS
THRESHOLD = 4
VALUES = {1: {1: 1, 2: 2, 3: 4}, 2: {1: 8, 2: 16, 3: 32}}


@dataclass(frozen=True)
class Plan:
    """What the server says in one session.

    Attributes:
        round_id: the round that it claims.
        parameters: changed fields of what the session announces.
        participants: client -> whom it is told of; others are told of all.
        requests: what each client is asked for, one after the other: (client, how) of each upload.
    """

    round_id: int = 1
    parameters: dict = field(default_factory=dict)
    participants: dict = field(default_factory=dict)
    requests: dict = field(default_factory=dict)


def attempt(step):
    try:
        return step()
    except (ProtocolError, AbortError, ParameterError):
        return None


ALL = ((1, "own"), (2, "own"), (3, "own"), (4, "made"), (5, "made"))
WITHOUT_THREE = tuple(one for one in ALL if one[0] != 3)
MADE_FROM_OTHERS = (*ALL[:4], (5, (2, 3)))
ALONE = ((1, "own"), (4, "made"), (5, "made"))


def asked(*choices, clients=HONEST, **options):
    """A plan that asks the same of some clients."""
    return Plan(requests=dict.fromkeys(clients, choices), **options)


PLANS = {
    "an upload made from others": [asked(MADE_FROM_OTHERS)],
    "two sums, one after the other": [asked(ALL, WITHOUT_THREE, clients=(1, 2))],
    "a round opened twice": [
        asked(ALL),
        asked(WITHOUT_THREE, clients=(1, 2)),
    ],
    "no signatures": [asked(MADE_FROM_OTHERS, parameters={"signed": False})],
}
LOW = [asked(ALONE, clients=(1,))]


honest_hows = st.sampled_from(["own", "own", "own", "own", "earlier", "made"])
colluders_hows = st.sampled_from(["made", "made", "earlier", (1, 2), (2, 3), (3,)])
hows = {c: colluders_hows if c in COLLUDERS else honest_hows for c in COHORT}
choices = st.one_of(
    st.just(ALL),
    st.tuples(*(st.tuples(st.just(client), hows[client]) for client in COHORT)),
    st.sets(st.sampled_from(COHORT)).flatmap(
        lambda found: st.tuples(*(st.tuples(st.just(c), hows[c]) for c in sorted(found)))
    ),
)
one_choice = choices.map(lambda choice: dict.fromkeys(HONEST, (choice,)))
sessions = st.builds(
    Plan,
    round_id=st.integers(1, 2),
    parameters=st.sampled_from([{}, {}, {}, {"signed": False}, {"threshold": 3}]),
    participants=st.dictionaries(
        st.sampled_from(HONEST),
        st.sets(st.sampled_from(COHORT), min_size=3).map(lambda found: tuple(sorted(found))),
        max_size=2,
    ),
    requests=st.one_of(
        one_choice,
        st.dictionaries(st.sampled_from(HONEST), st.lists(choices, min_size=1, max_size=2)),
    ),
)
schedules = st.lists(sessions, min_size=1, max_size=3)
