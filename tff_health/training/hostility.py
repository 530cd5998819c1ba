"""From the settings of a run to what is hostile in it."""

import math

from tff_health.data.seeds import generator
from tff_health.hostile.attack import Attack
from tff_health.settings.config import RunConfig


def attack_of(config: RunConfig) -> Attack | None:
    """Returns the attack of a run, or the norm that is enforced in it; None if there is neither."""
    given = config.attack
    if given.kind == "none" and not given.enforced_norm:
        return None
    return Attack(
        *(given.kind, _hostile_clients(config), given.strength),
        *(given.enforced_norm, given.keeps_norm, config.run.seed),
    )


def _hostile_clients(config: RunConfig) -> tuple[int, ...]:
    """The hostile clients, drawn from the seed; the same for every attack and defence."""
    if config.attack.kind == "none":
        return ()
    clients = config.cohort.num_clients
    count = math.floor(config.attack.hostile_share * clients + 0.5)
    rng = generator(config.run.seed, "hostile clients")
    return tuple(sorted(int(client) for client in rng.permutation(clients)[:count]))
