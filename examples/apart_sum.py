"""A secure sum whose parties are apart: each has its own keys, and messages go over a carrier."""

import asyncio

import numpy as np

from crypto import DoubleMasking
from crypto.parties import SERVER
from crypto.primitives.signatures import SigningIdentity
from crypto.session.apart.conductor import Conductor
from crypto.session.apart.member import Expected
from crypto.session.apart.memory import MemoryHub
from crypto.session.apart.participant import Participant
from crypto.session.consortium import EnrolledConsortium
from crypto.session.sum_roles import VectorShape

identities = {client: SigningIdentity.generate() for client in range(5)}  # each at its own place
registry = {client: identity.verify_key for client, identity in identities.items()}  # public


async def hospital(client: int, hub: MemoryHub) -> None:
    """Give one vector to round 1, and nothing to any other."""
    known = EnrolledConsortium(registry, party=client, own=identities[client])
    member = DoubleMasking(consortium=known).member(client)
    member.expect(Expected.of(1, b"", np.full(4, client, np.uint64)))
    await Participant(member.tasks("study")).serve(hub.line(client))


async def main() -> None:
    """Run a session with five hospitals; any that goes away is a dropout at once."""
    hub = MemoryHub()  # between machines: `tff_health.federation.carrier`
    hospitals = [asyncio.create_task(hospital(client, hub)) for client in identities]
    await asyncio.sleep(0)  # until they are connected
    server = DoubleMasking(consortium=EnrolledConsortium(registry, party=SERVER))
    result = await Conductor(hub, deadline=30.0).run(
        lambda asking: server.serve(asking, "study", registry, VectorShape(4, 32), round_id=1)
    )
    print(result.survivors, result.sum, result.costs.bytes_up)
    for task in hospitals:
        task.cancel()


asyncio.run(main())
