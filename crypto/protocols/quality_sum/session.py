"""The paper's scheme V and its hardened form: `QualitySum` and `HardenedQualitySum`.

Both are what runtimes call, and both are a `JointSum`; they differ in the masking protocol, in
where keys come from, and in what is proven.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crypto.groups.base import Group
from crypto.groups.secp256k1 import SECP256K1
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.topology import CompleteGraph
from crypto.protocols.pairwise_masking.session import PairwiseMasking
from crypto.protocols.quality_sum.joint import JointSum
from crypto.protocols.quality_sum.key_sources import key_source
from crypto.randomness import SYSTEM, Randomness
from crypto.session.consortium import Consortium
from crypto.session.key_setup import KeySetup


class QualitySum(JointSum):
    """The paper's scheme V: pairwise masks and threshold ElGamal, section 4.3.

    For parties that all follow the protocol; see the package for what it does not guarantee.

    Args:
        threshold: the paper's e; by default the smallest majority, and never below three.
        group: where qualities are encrypted; secp256k1 is fastest, ffdhe2048 the paper's kind, in
            which the generator is 2.
        phi: the paper's public factor, 0 to 2^62 - 1.
        key_setup: "authority": a trusted authority deals all keys; "dkg": clients make their own,
            and the system key together.
        proofs: whether qualities are proven to lie in their range and partial decryptions to be
            right; a client whose proof fails is refused and named.
        table_cache: a folder in which the table for discrete logarithms is kept; None: in memory.
        randomness: where keys come from.
        clock: seconds, for the times in the record of costs; wall time by default.
        consortium: the identities of clients and authority; None: new ones, made here.
        last_epoch: of the last system key that was made before, 0 if none.

    Raises:
        ParameterError: for an unknown `key_setup` or an impossible `phi`.
    """

    def __init__(
        self,
        *,
        threshold: int | None = None,
        group: Group[Any] = SECP256K1,
        phi: int = 1,
        key_setup: KeySetup = "authority",
        proofs: bool = False,
        table_cache: Path | None = None,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
        consortium: Consortium | None = None,
        last_epoch: int = 0,
    ) -> None:
        masking = PairwiseMasking(
            threshold=threshold,
            key_setup=key_setup,
            randomness=randomness,
            clock=clock,
            consortium=consortium,
        )
        super().__init__(
            masking,
            key_source(key_setup, group, masking, randomness, clock, last_epoch),
            group,
            phi=phi,
            proofs=proofs,
            table_cache=table_cache,
            randomness=randomness,
            clock=clock,
        )


class HardenedQualitySum(JointSum):
    """Scheme V against a server that does not follow the protocol: double masking, and proofs.

    Self masks keep late uploads closed, signatures and the agreement on the survivors keep the
    server from telling clients different things, and clients decrypt only the sum of what the
    agreed survivors signed, each of whom knows what it encrypted. No authority has a part in it,
    unless `key_setup` asks for one.

    Args:
        threshold: the paper's e; by default floor(2n/3) + 1 of n clients, never below three.
        group: where qualities are encrypted.
        phi: the paper's public factor, 0 to 2^62 - 1; 0 is as good, since masks hide the vector.
        key_setup: "dkg": clients make the system key together; "authority": an authority deals it.
            Key pairs for masks are the clients' own in both.
        table_cache: a folder in which the table for discrete logarithms is kept; None: in memory.
        randomness: where keys come from.
        clock: seconds, for the times in the record of costs; wall time by default.
        consortium: the identities of clients and authority; None: new ones, made here.
        last_epoch: of the last system key that was made before, 0 if none.

    Raises:
        ParameterError: for an unknown `key_setup` or an impossible `phi`.
    """

    def __init__(
        self,
        *,
        threshold: int | None = None,
        group: Group[Any] = SECP256K1,
        phi: int = 1,
        key_setup: KeySetup = "dkg",
        table_cache: Path | None = None,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
        consortium: Consortium | None = None,
        last_epoch: int = 0,
    ) -> None:
        masking = DoubleMasking(
            CompleteGraph(threshold), randomness=randomness, clock=clock, consortium=consortium
        )
        super().__init__(
            masking,
            key_source(key_setup, group, masking, randomness, clock, last_epoch),
            group,
            phi=phi,
            proofs=True,
            checked=True,
            table_cache=table_cache,
            randomness=randomness,
            clock=clock,
        )
