"""The prime-order groups side by side: a power, a power of the generator, a product, a check.

Usage: python -m benchmarks.crypto.groups
"""

import statistics
import time

from benchmarks.crypto.report import print_machine, print_table
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048, FFDHE3072
from crypto.groups.secp256k1 import SECP256K1


def microseconds(function, runs=30):
    times = []
    for _ in range(runs):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1e6 * statistics.median(times)


def main():
    print_machine()
    rows = []
    for group in (FFDHE2048, FFDHE3072, EDWARDS25519, SECP256K1):
        a, b = group.random_exponent(), group.random_exponent()
        x, y = group.generator_power(a), group.generator_power(b)
        assert group.power(x, b) == group.power(y, a) == group.generator_power(a * b)
        data = group.encode(x)
        rows.append(
            (
                group.name,
                group.element_bytes,
                microseconds(lambda g=group, p=x, e=b: g.power(p, e)),
                microseconds(lambda g=group, p=x, e=b: g.public_power(p, e)),
                microseconds(lambda g=group, e=b: g.generator_power(e)),
                microseconds(lambda g=group, p=x, q=y: g.multiply(p, q)),
                microseconds(lambda g=group, d=data: g.decode(d)),
            )
        )
    operations = ("power", "public power", "generator power", "multiply", "decode")
    header = ("group", "bytes", *(f"{operation} us" for operation in operations))
    print_table(header, rows)


if __name__ == "__main__":
    main()
