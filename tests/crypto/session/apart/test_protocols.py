"""Every protocol with all parties apart gives the sum that it gives at hand."""

import pytest

from tests.crypto.session.apart.world import PROTOCOLS, World, run

pytestmark = pytest.mark.slow
each_protocol = pytest.mark.parametrize("name", PROTOCOLS)


@each_protocol
def test_the_sum_is_right_round_after_round(name):
    async def rounds():
        async with World(name) as world:
            for round_id in (1, 2):
                world.expect(round_id)
                result = await world.sum(round_id)
                world.assert_right(result, world.clients)
                assert result.refusals == ()
            assert world.notices == []

    run(rounds())
