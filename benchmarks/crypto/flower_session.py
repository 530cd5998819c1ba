"""One SecAgg+ session done with Flower's own functions; runs in Flower's environment.

Usage: python flower_session.py CLIENTS LENGTH MODULUS_BITS THRESHOLD DROPPED

The steps are those of Flower's client module and server workflow, in their order, without its
quantisation and transport. Prints one JSON object.
"""

import json
import os
import statistics
import sys
import time

import numpy as np
from flwr.common.secure_aggregation.crypto.shamir import combine_shares, create_shares
from flwr.common.secure_aggregation.crypto.symmetric_encryption import (
    decrypt,
    encrypt,
    generate_shared_key,
)
from flwr.common.secure_aggregation.ndarrays_arithmetic import (
    parameters_addition,
    parameters_mod,
    parameters_subtraction,
)
from flwr.common.secure_aggregation.secaggplus_utils import (
    pseudo_rand_gen,
    share_keys_plaintext_concat,
    share_keys_plaintext_separate,
)
from flwr.supercore.primitives.asymmetric import (
    bytes_to_private_key,
    bytes_to_public_key,
    generate_key_pairs,
    private_key_to_bytes,
    public_key_to_bytes,
)


def clients_work(vectors, threshold, dropped, modulus):
    """All clients' stages 0 to 2; returns uploads, seeds' and keys' shares, public keys."""
    count, length = len(vectors), len(vectors[0])
    pairs = [(generate_key_pairs(), generate_key_pairs()) for _ in range(count)]
    sk1 = [private_key_to_bytes(mask[0]) for mask, _ in pairs]
    pk1 = [public_key_to_bytes(mask[1]) for mask, _ in pairs]
    sk2 = [private_key_to_bytes(share[0]) for _, share in pairs]
    pk2 = [public_key_to_bytes(share[1]) for _, share in pairs]
    seeds, sealed, channel = [], {}, {}
    seed_shares = [[None] * count for _ in range(count)]
    key_shares = [[None] * count for _ in range(count)]
    for i in range(count):
        seeds.append(os.urandom(32))
        of_seed = create_shares(seeds[i], threshold, count)
        of_key = create_shares(sk1[i], threshold, count)
        seed_shares[i][i], key_shares[i][i] = of_seed[i], of_key[i]
        for j in range(count):
            if i != j:
                own, other = bytes_to_private_key(sk2[i]), bytes_to_public_key(pk2[j])
                channel[i, j] = generate_shared_key(own, other)
                plain = share_keys_plaintext_concat(i, j, of_seed[j], of_key[j])
                sealed[i, j] = encrypt(channel[i, j], plain)
    uploads = {}
    for i in range(dropped, count):
        for j in range(count):
            if i != j:
                plain = decrypt(channel[i, j], sealed[j, i])
                _, _, seed_shares[j][i], key_shares[j][i] = share_keys_plaintext_separate(plain)
        total = parameters_addition([vectors[i]], pseudo_rand_gen(seeds[i], modulus, [(length,)]))
        for j in range(count):
            if i != j:
                own, other = bytes_to_private_key(sk1[i]), bytes_to_public_key(pk1[j])
                mask = pseudo_rand_gen(generate_shared_key(own, other), modulus, [(length,)])
                combine = parameters_addition if i > j else parameters_subtraction
                total = combine(total, mask)
        uploads[i] = parameters_mod(total, modulus)
    return uploads, seed_shares, key_shares, pk1


def server_work(uploads, seed_shares, key_shares, public, modulus):
    """Stage 3: add up, reconstruct, unmask."""
    count = len(public)
    survivors = sorted(uploads)
    shape = [uploads[survivors[0]][0].shape]
    total = uploads[survivors[0]]
    for i in survivors[1:]:
        total = parameters_addition(total, uploads[i])
    total = parameters_mod(total, modulus)
    for i in survivors:
        seed = combine_shares([seed_shares[i][j] for j in survivors])
        total = parameters_subtraction(total, pseudo_rand_gen(seed, modulus, shape))
    for i in set(range(count)) - set(survivors):
        key = combine_shares([key_shares[i][j] for j in survivors])
        for j in survivors:
            pair = generate_shared_key(bytes_to_private_key(key), bytes_to_public_key(public[j]))
            mask = pseudo_rand_gen(pair, modulus, shape)
            combine = parameters_addition if i > j else parameters_subtraction
            total = combine(total, mask)
    return parameters_mod(total, modulus)[0]


def seconds(function, runs):
    times = []
    for _ in range(runs):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return statistics.median(times)


def main():
    count, length, bits, threshold, dropped = map(int, sys.argv[1:])
    rng = np.random.default_rng(0)
    vectors = [rng.integers(0, 2**bits, length, dtype=np.int64) for _ in range(count)]
    start = time.process_time()
    uploads, *rest = clients_work(vectors, threshold, dropped, 2**bits)
    middle = time.process_time()
    total = server_work(uploads, *rest, 2**bits)
    end = time.process_time()
    expected = sum(vectors[dropped:]) & (2**bits - 1)
    assert np.array_equal(total, expected), "Flower's sum differs from the plain one"
    seed = os.urandom(32)
    shares = create_shares(seed, threshold, count)
    figures = {
        "client_seconds": middle - start,
        "server_seconds": end - middle,
        "mask": seconds(lambda: pseudo_rand_gen(seed, 2**bits, [(length,)]), 20),
        "share": seconds(lambda: create_shares(seed, threshold, count), 5),
        "combine": seconds(lambda: combine_shares(shares[:threshold]), 5),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
