"""A model's 306,063 parameters under packed Paillier encryption, beside plain `phe`.

Ten clients, values of 20 bits, a key of 2048 bits. What is timed is checked first: the sum, and
that `phe` decrypts the same. `phe` takes over an hour for the vector; it is timed on a sample.
Then all schemes of `crypto/vector_schemes/`, CKKS if TenSEAL is installed, on vectors of a length
that each can do in a second or so.

Usage: python -m benchmarks.crypto.homomorphic [--sample=20] [--clients=10]
"""

import argparse
import os
import time

import numpy as np
from phe import paillier

from benchmarks.crypto.report import print_table
from crypto.errors import ParameterError
from crypto.paillier.packed import PackedEncryptor, PackedPrivateKey
from crypto.vector_schemes.catalogue import NAMES, scheme_named
from crypto.vector_schemes.scheme import VectorPlan

LENGTH, BITS = 306_063, 20
SAMPLES = {"paillier_2048": 50, "elgamal": 50}
OTHER_SAMPLE = 20_000


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


def scheme_row(name, clients):
    """Time one scheme through the interface that all have; its key and tables are there already."""
    scheme, watch, rng = scheme_named(name), Stopwatch(), np.random.default_rng(1)
    plan = VectorPlan(SAMPLES.get(name, OTHER_SAMPLE), 16, clients)
    private = watch.time("key", scheme.generate)
    public = scheme.read_key(private.public_key.to_bytes())
    vectors = [rng.integers(0, 2**16, plan.length, dtype=np.uint64) for _ in range(clients)]
    private.decrypt(public.encrypt(vectors[0], plan))  # makes the tables
    encrypted = [
        watch.time("encrypt", lambda v=vector: public.encrypt(v, plan)) for vector in vectors
    ]
    total = watch.time("add", lambda: public.add(encrypted))
    decrypted = watch.time("decrypt", lambda: private.decrypt(total))
    assert (decrypted == sum(vectors)).all(), "the decrypted sum differs from the plain one"
    steps = ("encrypt", 1), ("add", clients - 1), ("decrypt", 1)
    rates = [1e6 * watch.processor(step) / count / plan.length for step, count in steps]
    size = len(encrypted[0].ciphertexts) / plan.length
    return (scheme.name, scheme.security_bits, watch.processor("key"), *rates, size)


def schemes(clients):
    rows = []
    for name in NAMES:
        try:
            rows.append(scheme_row(name, clients))
        except ParameterError as error:
            print(f"{name}: left out ({error})\n")
    print(f"All schemes, {clients} clients, values of 16 bits; processor microseconds a value:\n")
    header = ("scheme", "strength", "key s", "encrypt us", "add us", "decrypt us", "bytes/value")
    print_table(header, rows)


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
    print()
    schemes(arguments.clients)


if __name__ == "__main__":
    main()
