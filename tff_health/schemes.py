"""The table of schemes: what is summed, with which weights, and how it is protected."""

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
        builder: "module:function" that makes a `tff.learning` process of a `Task`; named by text
            so that this table can be read without importing TFF.
    """

    name: str
    paper_number: str
    description: str
    update_weight: str
    protection: str
    builder: str


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
    )
}
