"""Ten clients sum vectors of real numbers by double masking; one of them drops out."""

import numpy as np

from crypto import DoubleMasking, FixedPoint

updates = {client: np.random.normal(0, 0.1, 1000) for client in range(10)}
encoding = FixedPoint(fraction_bits=16, clip_range=4.0)
bits = encoding.required_bits(num_clients=len(updates))  # refused here if the sum could overflow
vectors = {client: encoding.encode(update) for client, update in updates.items()}

result = DoubleMasking().sum(vectors, bits, round_id=1, dropouts={3: "masked input"})
total = encoding.decode_sum(result.sum, bits, len(result.survivors))
print(result.survivors, result.costs.bytes_up, total[:3])
