"""One recorded session of the paper's scheme V: its messages taken apart, its operations counted.

Messages are recorded as they cross the channel, and decoded; every byte is put to a term of the
paper's cost formulas (section 6) or to a kind of overhead. Operations are those that the session's
record of costs has.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from crypto.operations import Operation
from crypto.parties import SERVER, ClientId
from crypto.primitives.shamir import SHARE_BYTES
from crypto.protocols.quality_sum import messages as joint
from crypto.protocols.quality_sum.session import QualitySum
from crypto.session.faults import Alter, Fault
from crypto.wire import message_type
from tff_health.errors import RunError
from tff_health.measurements.cost_terms import (
    HELP,
    OVERHEADS,
    QUALITY,
    SHARES,
    TERMS,
    VECTOR,
    CostTask,
    is_counted_for_server,
    parts_of,
)
from tff_health.secure_aggregation.bindings import GROUPS, ProtocolSettings


@dataclass(frozen=True)
class Lengths:
    """The lengths that the formulas speak of, in bytes.

    Attributes:
        share: a_s.
        element: a_k, of a group element such as the system's public key.
        ciphertext: a_c.
    """

    share: int
    element: int
    ciphertext: int


@dataclass(frozen=True)
class Recorded:
    """What one session cost.

    Attributes:
        task: which.
        threshold: e.
        lengths: of its parts.
        client: bytes by term or overhead, sent and received by one client that stayed and helped to
            decrypt.
        server: the same of the server, as far as it received from clients, or sent them for help.
        client_bytes: all that this client sent and received, as the channel counted it.
        server_bytes: all that the server received from clients, and sent them for help.
        client_operations: of that client, by name.
        server_operations: of the server.
    """

    task: CostTask
    threshold: int
    lengths: Lengths
    client: dict[str, int]
    server: dict[str, int]
    client_bytes: int
    server_bytes: int
    client_operations: dict[Operation, int]
    server_operations: dict[Operation, int]

    @property
    def client_formula(self) -> dict[str, int]:
        """Bytes by term, section 6.1.2: [2(n - 1) + d] a_s + 2 a_k + a_c + m log2 R.

        Of the last term whole bytes count; bits that fill up one more are an overhead.
        """
        n, d = self.task.num_clients, self.task.num_dropped
        return {
            SHARES: (2 * (n - 1) + d) * self.lengths.share,
            HELP: 2 * self.lengths.element,
            QUALITY: self.lengths.ciphertext,
            VECTOR: self.task.length * self.task.modulus_bits // 8,
        }

    @property
    def server_formula(self) -> dict[str, int]:
        """Bytes by term, section 6.2.2: e d a_s + 2 e a_k + (n - d) a_c + (n - d) m log2 R."""
        task, e = self.task, self.threshold
        left = task.num_clients - task.num_dropped
        return {
            SHARES: e * task.num_dropped * self.lengths.share,
            HELP: 2 * e * self.lengths.element,
            QUALITY: left * self.lengths.ciphertext,
            VECTOR: left * (task.length * task.modulus_bits // 8),
        }

    @property
    def client_operations_formula(self) -> dict[Operation, int]:
        """Operations by name, section 6.1.1."""
        others = self.task.num_clients - 1
        return {
            Operation.KEY_AGREEMENT: 2 * others,
            Operation.ENCRYPTION: others,
            Operation.DECRYPTION: others,
            Operation.SHARE: others,
            Operation.MASK_EXPANSION: others,
            Operation.ELGAMAL_ENCRYPTION: 1,
        }

    @property
    def server_operations_formula(self) -> dict[Operation, int]:
        """Operations by name, section 6.2.1; an addition of ciphertexts is two multiplications."""
        left, d = self.task.num_clients - self.task.num_dropped, self.task.num_dropped
        return {
            Operation.RECONSTRUCTION: d,
            Operation.KEY_AGREEMENT: left * d,
            Operation.MASK_EXPANSION: left * d,
            Operation.ELGAMAL_ADDITION: left,
            Operation.ELGAMAL_BASE: self.threshold,
        }


def scheme_v(settings: ProtocolSettings) -> QualitySum:
    """Returns a protocol of scheme V with these settings, without proofs, as `record` wants it."""
    return QualitySum(
        threshold=settings.threshold or None, group=GROUPS[settings.group], phi=settings.phi
    )


def record(protocol: QualitySum, task: CostTask) -> Recorded:
    """Runs a session and takes apart what it cost.

    Args:
        protocol: scheme V without proofs; a session before this one makes the system key.
        task: the session.

    Raises:
        RunError: if a sum is wrong, or a byte of a message could not be explained.
    """
    n, d = task.num_clients, task.num_dropped
    rng = np.random.default_rng(0)
    vectors = {c: rng.integers(0, 2**task.modulus_bits, task.length, np.int64) for c in range(n)}
    vectors = {c: vector.astype(np.uint64) for c, vector in vectors.items()}
    qualities = {c: int(rng.integers(1, task.max_quality, endpoint=True)) for c in range(n)}
    dropouts: dict[ClientId, str] = dict.fromkeys(range(n - d, n), "masked input")
    small = {c: vector[:1] for c, vector in vectors.items()}
    settings: dict[str, Any] = {"max_quality": task.max_quality}
    protocol.sum(small, qualities, task.modulus_bits, round_id=0, **settings)  # makes the key
    tape = _Tape(n)
    result = protocol.sum(
        *(vectors, qualities, task.modulus_bits),
        round_id=1,
        dropouts=dropouts,
        faults=tape.faults(),
        **settings,
    )
    left = [c for c in vectors if c not in dropouts]
    if result.survivors != tuple(left) or result.quality_sum != sum(qualities[c] for c in left):
        raise RunError("a recorded session returned a sum that is not the survivors' sum")
    helper = tape.helper()
    client, server = tape.explained(task, client=helper), tape.explained(task, client=None)
    costs = next(cost for cost in result.costs.clients if cost.client == helper)
    if sum(client.values()) != costs.bytes_up + costs.bytes_down:
        raise RunError("the bytes of a client are not those that its messages have")
    return Recorded(
        task,
        tape.helpers,
        tape.lengths(),
        client,
        server,
        costs.bytes_up + costs.bytes_down,
        sum(server.values()),
        {operation: result.costs.count(helper, operation) for operation in Operation},
        {operation: result.costs.count(SERVER, operation) for operation in Operation},
    )


class _Tape:
    """Every message of a session, with sender and receiver."""

    def __init__(self, num_clients: int) -> None:
        self._messages: list[tuple[Any, Any, bytes]] = []
        self._clients = range(num_clients)

    def faults(self) -> list[Fault]:
        """Rules for the channel that let all pass, and write it down."""
        rules = [Fault(self._noting(c, SERVER), sender=c, receiver=SERVER) for c in self._clients]
        return rules + [Fault(self._noting(None, c), receiver=c) for c in self._clients]

    def _noting(self, sender: Any, receiver: Any) -> Alter:
        def note(data: bytes) -> bytes:
            self._messages.append((sender, receiver, data))
            return data

        return Alter(note)

    def _of(self, kind: type[Any]) -> list[tuple[Any, Any, bytes]]:
        return [m for m in self._messages if message_type(m[2]) == kind.TYPE]

    @property
    def helpers(self) -> int:
        """How many clients helped to decrypt: e."""
        return len(self._of(joint.PartialDecryption))

    def helper(self) -> ClientId:
        """The first client that helped to decrypt."""
        return int(min(sender for sender, _, _ in self._of(joint.PartialDecryption)))

    def lengths(self) -> Lengths:
        """The lengths of what the formulas count, as they were sent."""
        quality = joint.EncryptedQuality.from_bytes(self._upload(0).quality)
        answer = joint.PartialDecryption.from_bytes(self._of(joint.PartialDecryption)[0][2])
        return Lengths(SHARE_BYTES, len(answer.value), len(quality.ciphertext))

    def _upload(self, position: int) -> joint.QualityUpload:
        return joint.QualityUpload.from_bytes(self._of(joint.QualityUpload)[position][2])

    def explained(self, task: CostTask, client: ClientId | None) -> dict[str, int]:
        """Bytes by term and overhead: of one client, or of what the formula of the server counts.

        Raises:
            RunError: if a message could not be taken apart.
        """
        found: Counter[str] = Counter(dict.fromkeys((*TERMS, *OVERHEADS), 0))
        for sender, receiver, data in self._messages:
            if client is not None and client not in (sender, receiver):
                continue
            parts = parts_of(data, task)
            if client is not None or is_counted_for_server(data):
                found.update(parts)
        return dict(found)
