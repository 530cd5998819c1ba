"""The table of schemes: what is summed, with which weights, and how it is protected.

Which settings a scheme uses is written down with the settings.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scheme:
    """One row of the table.

    Attributes:
        name: as in `--scheme`.
        paper_number: the scheme's number in section 7.2 of the paper.
        description: one line for people.
        update_weight: what a client's update is multiplied with before the sum.
        protection: how the sum of the updates is protected.
        builder: "module:function" that makes a `SchemeProcess` of a `Task`; named by text so that
            this table can be read without importing TFF.
        protocol: a key of `secure_aggregation.bindings.BINDINGS`, which computes its secure sums;
            None if it declares none.
        leaks: what the protocol itself tells the server about single clients.
        shares: whether clients share anything; else the builder makes a `LocalTraining`.
    """

    name: str
    paper_number: str
    description: str
    update_weight: str
    protection: str
    builder: str
    protocol: str | None = None
    leaks: tuple[str, ...] = ()
    shares: bool = True

    @property
    def weighs_by_quality(self) -> bool:
        """Whether updates are weighted by data quality."""
        return self.update_weight == "data quality"


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(
            name="fedavg",
            paper_number="I",
            description="federated averaging",
            update_weight="number of examples",
            protection="none: the server sees every client's update",
            builder="tff_health.learning.fedavg:build_fedavg",
        ),
        Scheme(
            name="bonawitz",
            paper_number="II",
            description="secure aggregation by double masking",
            update_weight="1",
            protection="double masking: the server sees the sum over the survivors",
            builder="tff_health.learning.bonawitz:build_bonawitz",
            protocol="double_masking",
        ),
        Scheme(
            name="fedopt",
            paper_number="III",
            description="compression both ways, homomorphic encryption of what is left",
            update_weight="1",
            protection="homomorphic encryption of each client's one value, which the server learns "
            "all the same if no other client changes one of its positions; no client may drop out",
            builder="tff_health.learning.fedopt:build_fedopt",
            protocol="sparse_sum",
            leaks=("the positions of its largest changes",),
        ),
        Scheme(
            name="fang",
            paper_number="IV",
            description="homomorphic encryption of all parameters",
            update_weight="1",
            protection="homomorphic encryption: the server adds what it cannot read, and the "
            "clients' key holder decrypts the sum; no client may drop out",
            builder="tff_health.learning.fang:build_fang",
            protocol="homomorphic_sum",
        ),
        Scheme(
            name="zhang",
            paper_number="V",
            description="updates weighted by data quality, pairwise masks, threshold ElGamal",
            update_weight="data quality",
            protection="pairwise masks and threshold ElGamal: if all follow the protocol, the "
            "server sees the sum over the survivors and the sum of their qualities",
            builder="tff_health.learning.zhang:build_zhang",
            protocol="quality_sum",
        ),
        Scheme(
            name="local",
            paper_number="-",
            description="each client alone, for comparison",
            update_weight="-",
            protection="nothing is shared, and nothing is gained from others",
            builder="tff_health.learning.local_only:LocalTraining",
            shares=False,
        ),
        Scheme(
            name="zhang_hardened",
            paper_number="V, hardened",
            description="the same with self masks, signatures, proofs, and no authority",
            update_weight="data quality",
            protection="double masking and threshold ElGamal with proofs: the server sees the sum "
            "over the survivors and the sum of their qualities",
            builder="tff_health.learning.zhang:build_zhang",
            protocol="hardened_quality_sum",
        ),
    )
}
