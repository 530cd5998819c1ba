"""What one client of a session spends, over the number of clients, on both graphs.

Usage: python -m benchmarks.crypto.client_cost [--clients=10,30,100,300,1000] [--measured=24]

For every n, all n clients make and sign their keys, and up to `measured` of them take every step of
the protocol in full, with 306,063 coordinates modulo 2^32 and a tenth of the clients dropping out
after they shared their keys. What the other clients would send to a measured one is made for it.
"""

import argparse
import statistics
import time

import numpy as np

from benchmarks.crypto.report import print_machine, print_table
from crypto.encoding.bit_packing import packed_bytes
from crypto.primitives.aead import encrypt_once
from crypto.primitives.field import SECRET_BYTES, SECRET_FIELD
from crypto.primitives.shamir import Share
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.masking.client import MaskingClient
from crypto.protocols.masking.graph import NeighbourGraph
from crypto.protocols.masking.keys import share_binding
from crypto.protocols.masking.messages import (
    AdvertisedKeys,
    DealtPair,
    DeliveredShares,
    DirectoryEntry,
    Invitation,
    KeyDirectory,
    SharePair,
)
from crypto.protocols.masking.parameters import ClientPolicy, MaskingParameters
from crypto.protocols.masking.peers import commit_to_pair
from crypto.protocols.masking.topology import CompleteGraph, RegularGraph
from crypto.protocols.masking.unmasking_messages import Agreement, AgreementList, SurvivorSet
from crypto.session.signing import SIGNED_MESSAGE, split_signed

LENGTH, BITS = 306_063, 32


class Cohort:
    """All clients of a session, after they advertised keys."""

    def __init__(self, count, topology):
        self.cohort = tuple(range(count))
        self.parameters = MaskingParameters.plan(count, LENGTH, BITS, topology)
        self.invitation = Invitation(bytes(16), 1, self.cohort, self.parameters)
        self.session_id = self.invitation.session_id()
        self.graph = NeighbourGraph(self.cohort, self.parameters.degree, self.session_id)
        self.identities = [SigningIdentity.generate() for _ in self.cohort]
        registry = dict(enumerate(identity.verify_key for identity in self.identities))
        policy = ClientPolicy(topology)
        self.parts, self.entries, self.join_seconds, self.join_bytes = [], [], [], 0
        data = self.invitation.to_bytes()
        for client in self.cohort:
            role = MaskingClient(client, self.identities[client], registry, policy)
            start = time.process_time()
            part, answer = role.join(data)
            self.join_seconds.append(time.process_time() - start)
            keys, _, signature = split_signed(AdvertisedKeys, answer, signed=True)
            self.parts.append(part)
            self.entries.append(DirectoryEntry(keys, signature))
            self.join_bytes = len(data) + len(answer)

    def measure(self, client, vector, dropped):
        """Take all steps of one client; return its seconds and its bytes, both ways."""
        part, peers = self.parts[client], self.graph.neighbours(client)
        survivors = tuple(c for c in self.cohort if c == client or c not in dropped)
        seconds, size = self.join_seconds[client], self.join_bytes

        def step(function, data, *arguments):
            nonlocal seconds, size
            start = time.process_time()
            answer = function(data, *arguments)
            seconds += time.process_time() - start
            size += len(data) + len(answer)

        directory = KeyDirectory(self.session_id, tuple(self.entries[peer] for peer in peers))
        step(part.share_keys, directory.to_bytes())
        step(part.masked_input, self._deliver(client, peers).to_bytes(), vector)
        story = SurvivorSet(self.session_id, survivors)
        step(part.confirm_survivors, story.to_bytes())
        step(part.unmask, self._agree(peers, story).to_bytes())
        return seconds, size

    def _deliver(self, client, peers):
        """Shares as the peers would have dealt them: random ones, encrypted for this client."""
        state = self.parts[client]._state  # the keys under which its peers would write to it
        ciphertexts = []
        for peer in peers:
            pair = SharePair(Share(SECRET_FIELD.random()), Share(SECRET_FIELD.random()))
            binding = share_binding(self.session_id, peer, client)
            key = state.channels.peers[peer].channel.receiving
            commitments = commit_to_pair(self.session_id, peer, client, pair)
            dealt = DealtPair(encrypt_once(key, pair.to_bytes(), binding), *commitments)
            ciphertexts.append((peer, dealt.to_bytes()))
        return DeliveredShares(self.session_id, tuple(ciphertexts))

    def _agree(self, peers, story):
        alive, needed = set(story.survivors), self.parameters.threshold - 1
        signers = [peer for peer in peers if peer in alive][:needed]
        signatures = []
        for peer in signers:
            data = Agreement(self.session_id, peer, story.digest()).to_bytes()
            signatures.append((peer, self.identities[peer].sign(SIGNED_MESSAGE, data)))
        return AgreementList(self.session_id, tuple(signatures))


def formula(neighbours, dropped):
    """Section 6.1.2 without the terms of homomorphic encryption: [2 (n-1) + d] a_s + m log2 R."""
    return (2 * neighbours + dropped) * SECRET_BYTES + packed_bytes(LENGTH, BITS)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", default="10,30,100,300,1000")
    parser.add_argument("--measured", type=int, default=24)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    vector = rng.integers(0, 2**BITS, LENGTH, dtype=np.uint64)
    print_machine()
    rows = []
    for count in map(int, options.clients.split(",")):
        for name, topology in (("complete", CompleteGraph()), ("regular", RegularGraph())):
            cohort = Cohort(count, topology)
            measured = min(options.measured, count)
            dropped = set(range(count - count // 10, count))
            costs = [cohort.measure(client, vector, dropped) for client in range(measured)]
            degree = cohort.parameters.degree
            size = round(statistics.mean(size for _, size in costs))
            gone = round(len(dropped) * degree / (count - 1))
            expected = formula(degree, gone)
            rows.append(
                (
                    count,
                    name,
                    degree,
                    measured,
                    statistics.median(seconds for seconds, _ in costs),
                    size,
                    expected,
                    f"{size / expected:.3f}",
                    (size - packed_bytes(LENGTH, BITS)) // degree,
                )
            )
    header = ("n", "graph", "degree", "really computed", "s/client", "bytes/client")
    print_table((*header, "formula 6.1.2", "ratio", "bytes/neighbour"), rows)
    print("bytes/client counts both directions and all stages. The formula counts a 32-byte share")
    print("sent and received per neighbour and one per dropped client; here a neighbour costs two")
    print("shares each way with tag, signed keys, an unmasking share, and two entries in id lists.")


if __name__ == "__main__":
    main()
