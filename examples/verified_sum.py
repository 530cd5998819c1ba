"""Five hospitals sum vectors by double masking, and check that the sum is right."""

import numpy as np

from crypto import FixedPoint, VerifiedDoubleMasking, check_transcript

updates = {hospital: np.random.normal(0, 0.1, 1000) for hospital in range(5)}
encoding = FixedPoint(fraction_bits=16, clip_range=4.0)
bits = encoding.required_bits(num_clients=len(updates))
vectors = {hospital: encoding.encode(update) for hospital, update in updates.items()}

protocol = VerifiedDoubleMasking()
result = protocol.sum(vectors, bits, round_id=1, dropouts={3: "masked input"})
print("found right by", result.verification.receipts)

# Anybody who has the hospitals' verify keys checks the same later, without them or the server.
checked = check_transcript(result.verification.transcript, protocol.verify_keys)
print(checked.survivors, np.array_equal(checked.sum, result.sum))
