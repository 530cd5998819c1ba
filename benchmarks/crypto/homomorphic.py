"""A model's 306,063 parameters under packed Paillier encryption, beside plain `phe`.

Ten clients, values of 20 bits, a key of 2048 bits. What is timed is checked first: the sum, and
that `phe` decrypts the same. `phe` takes over an hour for the vector; it is timed on a sample.

Usage: python -m benchmarks.crypto.homomorphic [--sample=20] [--clients=10]
"""

import argparse
import os
import time

import numpy as np
from phe import paillier

from benchmarks.crypto.report import print_table
from crypto.packed_paillier import PackedEncryptor, PackedPrivateKey

LENGTH, BITS = 306_063, 20


class Stopwatch:
    """Wall and processor seconds of steps, by name."""

    def __init__(self):
        self.rows = {}

    def time(self, name, function):
        wall, processor = time.perf_counter(), time.process_time()
        result = function()
        row = self.rows.setdefault(name, [])
        row.append((time.perf_counter() - wall, time.process_time() - processor))
        return result

    def wall(self, name):
        return sorted(wall for wall, _ in self.rows[name])[len(self.rows[name]) // 2]

    def processor(self, name):
        return sorted(cpu for _, cpu in self.rows[name])[len(self.rows[name]) // 2]


def packed(clients, watch):
    """Run one sum; return the private key, the packing and the encrypted sum."""
    private = watch.time("key generation", PackedPrivateKey.generate)
    key = private.public_key
    packing = key.plan(BITS, clients)
    rng = np.random.default_rng(0)
    encrypted, expected = [], np.zeros(LENGTH, np.uint64)
    for _ in range(clients):
        vector = rng.integers(0, 2**BITS, LENGTH, dtype=np.uint64)
        expected += vector
        encryptor = watch.time("table, a client", lambda: PackedEncryptor(key))
        vector = watch.time(
            "encryption, a client", lambda e=encryptor, v=vector: e.encrypt(v, packing)
        )
        encrypted.append(vector)
    total = watch.time("addition, all clients", lambda: key.add(encrypted))
    decrypted = watch.time("decryption, two threads", lambda: private.decrypt(total))
    assert (decrypted == expected).all(), "the decrypted sum differs from the plain one"
    return private, packing, total


def plain(private, packing, total, sample, watch):
    """Time `phe`, one value a ciphertext, and hold its decryption against ours."""
    public = paillier.PaillierPublicKey(private.public_key.n)
    phe_private = paillier.PaillierPrivateKey(public, private.p, private.q)
    first = int(private.public_key.ciphertexts_of(total)[0])
    values = private.decrypt(total)[: packing.slots]
    expected = sum(int(value) << (i * packing.slot_bits) for i, value in enumerate(values))
    assert phe_private.raw_decrypt(first) == expected, "phe reads another sum"
    for value in range(sample):
        number = watch.time("phe encrypt", lambda v=value: public.encrypt(v, precision=1))
        ciphertext = number.ciphertext(be_secure=False)  # encrypt has randomised it
        watch.time("phe add", lambda n=number: n + n)
        watch.time("phe decrypt", lambda c=ciphertext: phe_private.raw_decrypt(c))


def report(clients, sample, watch, upload, packing):
    names = ("table, a client", "encryption, a client", "addition, all clients")
    targets = {names[1]: "4", names[2]: "0.5", "decryption, two threads": "15"}
    rows = [
        (name, targets.get(name, "-"), watch.wall(name), watch.processor(name))
        for name in ("key generation", *names, "decryption, two threads")
    ]
    print_table(("step", "target s", "wall s", "processor s"), rows)
    print(f"{packing.slots} values a ciphertext, {packing.plaintexts(LENGTH):,} ciphertexts,")
    print(f"{upload:,} bytes up a client (target 3,000,000).\n")
    additions = LENGTH * (clients - 1)
    rows = []
    for name, phe_name, count, ours in (
        ("encryption", "phe encrypt", LENGTH, "encryption, a client"),
        ("addition", "phe add", additions, "addition, all clients"),
        ("decryption", "phe decrypt", LENGTH, "decryption, two threads"),
    ):
        seconds = watch.processor(phe_name) * count
        ratio = f"{seconds / watch.processor(ours):,.0f}"
        rows.append((name, 1000 * watch.processor(phe_name), seconds, ratio))
    print(f"`phe`, one value a ciphertext, extrapolated from {sample} values; processor seconds:\n")
    print_table(("step", "phe ms a value", "phe s in all", "times ours"), rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--clients", type=int, default=10)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians over clients\n")
    print(f"{arguments.clients} clients, {LENGTH:,} values of {BITS} bits, 2048-bit key\n")
    watch = Stopwatch()
    private, packing, total = packed(arguments.clients, watch)
    plain(private, packing, total, arguments.sample, watch)
    report(arguments.clients, arguments.sample, watch, len(total.to_bytes()), packing)


if __name__ == "__main__":
    main()
