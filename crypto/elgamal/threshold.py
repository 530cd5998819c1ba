"""The system key of threshold ElGamal: dealt by an authority, used by any `threshold` clients.

The secret s is shared modulo the group's order, and never put together again: each client raises
c1 to its share, and Lagrange interpolation is done in the exponent.

Sources: equations (20) to (23) of the paper; Desmedt and Frankel 1989; Feldman 1987 for the
commitments by which every client checks its share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic

from crypto.elgamal.discrete_log import DiscreteLog
from crypto.elgamal.encryption import Ciphertext, PublicKey
from crypto.errors import ParameterError, ShareError, ThresholdError, WrongTimeError
from crypto.groups.base import Element, Group
from crypto.operations import Operation, note
from crypto.primitives.shamir import check_holders, evaluate, lagrange_at_zero, random_polynomial
from crypto.randomness import SYSTEM, Randomness


@dataclass(frozen=True)
class KeyShare:
    """One client's share of the system's secret key.

    Attributes:
        point: x_i, where the polynomial was evaluated; public.
        value: s_i = f(x_i) mod q; kept out of the repr.

    Raises:
        ParameterError: if the point is not positive.
    """

    point: int
    value: int = field(repr=False)

    def __post_init__(self) -> None:
        if self.point < 1:
            raise ParameterError(f"point={self.point} must be at least 1: at 0 lies the secret")

    def partially_decrypt(self, base: Element, group: Group[Element]) -> Element:
        """Return base^(s_i): equation (21); run by a client that helps to decrypt.

        Args:
            base: c1, or the paper's c1^(delta_i) of `lagrange_base`.
            group: in which group.
        """
        note(Operation.PARTIAL_DECRYPTION)
        return group.power(base, self.value)


@dataclass(frozen=True)
class ThresholdKey(Generic[Element]):
    """What everybody knows of a system key.

    Attributes:
        public_key: h = g^s.
        threshold: e, fewest clients that decrypt.
        commitments: Feldman's g^(a_0) = h, g^(a_1) ... g^(a_(e-1)) to the coefficients.

    Raises:
        ParameterError: if the commitments are not `threshold` many or do not begin with h.
    """

    public_key: PublicKey[Element]
    threshold: int
    commitments: tuple[Element, ...]

    def __post_init__(self) -> None:
        if self.threshold < 1 or len(self.commitments) != self.threshold:
            raise ParameterError(
                f"{len(self.commitments)} commitments for threshold={self.threshold}"
            )
        if self.commitments[0] != self.public_key.h:
            raise ParameterError("the first commitment must be the public key")

    @property
    def group(self) -> Group[Element]:
        """The group of the key."""
        return self.public_key.group

    def verification_key(self, point: int) -> Element:
        """Return g^(s_i), to which the share of the client at a point is held."""
        return commitment_at(self.commitments, point, self.group)

    def check_share(self, share: KeyShare) -> None:
        """Hold a share against the commitments; run by the client that was given it.

        Raises:
            ShareError: if it is not the polynomial's value at its point.
        """
        found = self.group.generator_power(share.value)
        if found != self.verification_key(share.point):
            raise ShareError("a key share does not fit its dealer's commitments")

    def combine(self, partials: Mapping[int, Element]) -> Element:
        """Return c1^s = product of lambda_i = c1^(delta_i s_i): equation (22); run by the server.

        Args:
            partials: point -> c1^(s_i) of at least `threshold` clients; the lowest points are used.
                delta_i is applied here, so that a client that vanishes can be replaced.

        Raises:
            ThresholdError: if there are too few.
        """
        if len(partials) < self.threshold:
            raise ThresholdError("partial decryptions", len(partials), self.threshold)
        points = sorted(partials)[: self.threshold]
        exponents = lagrange_at_zero(points, self.group.exponents)
        return self.group.multi_power(
            [(partials[point], delta) for point, delta in zip(points, exponents, strict=True)]
        )

    def decrypt(
        self,
        ciphertext: Ciphertext[Element],
        partials: Mapping[int, Element],
        logarithms: DiscreteLog[Element],
    ) -> int:
        """Return the encrypted sum, log(c2 / c1^s): equation (23); run by the server.

        Args:
            ciphertext: (c1, c2).
            partials: point -> c1^(s_i), as for `combine`.
            logarithms: knows the bound of the sum.

        Raises:
            ThresholdError: if there are too few partial decryptions.
            CapacityError: if nothing within the bound fits: the sum is larger than foreseen, or a
                ciphertext or a partial decryption is false.
        """
        shared = self.combine(partials)
        return logarithms.solve(self.group.multiply(ciphertext.c2, self.group.invert(shared)))


@dataclass(frozen=True)
class Dealing(Generic[Element]):
    """What a dealer hands out: the public part to all, to each client its own share.

    Attributes:
        key: for everybody.
        shares: for each its own, over a secure channel; in the order of the points.
    """

    key: ThresholdKey[Element]
    shares: tuple[KeyShare, ...] = field(repr=False)


class KeyDealer(Generic[Element]):
    """The authority's part: it makes one system key, hands out shares, and forgets the secret.

    Run by the paper's trusted authority (4.3.1). It alone knows s while it deals; `protocols/dkg`
    is the way without it. Python does not wipe memory: "forgets" means that no reference is left.

    Args:
        group: where the key lives.
        randomness: where the polynomial comes from.
    """

    def __init__(self, group: Group[Element], randomness: Randomness = SYSTEM) -> None:
        self._group = group
        self._randomness = randomness
        self._secret: int | None = group.random_exponent(randomness)

    def deal(self, threshold: int, points: Sequence[int]) -> Dealing[Element]:
        """Share the secret; can be done once.

        Args:
            threshold: e, 1 to len(points).
            points: the clients' x_i: different integers, 1 to q - 1.

        Raises:
            ParameterError: for an impossible threshold or bad points; the dealer is spent.
            WrongTimeError: if this dealer has dealt before: it no longer knows anything.

        Guarantees: any threshold - 1 shares say nothing about s but what h = g^s says.
        """
        secret, self._secret = self._secret, None
        if secret is None:
            raise WrongTimeError("this dealer has dealt, and has forgotten its secret")
        check_holders(threshold, points, self._group.exponents)
        polynomial = random_polynomial(secret, threshold, self._group.exponents, self._randomness)
        values = evaluate(polynomial, points, self._group.exponents)
        commitments = tuple(self._group.generator_power(value) for value in polynomial)
        return Dealing(
            ThresholdKey(PublicKey(self._group, commitments[0]), threshold, commitments),
            tuple(KeyShare(*pair) for pair in zip(points, values, strict=True)),
        )


def lagrange_base(
    c1: Element, point: int, helpers: Sequence[int], group: Group[Element]
) -> Element:
    """Return the paper's c1^(delta_i): equation (20), as its server sends it to client i.

    `ThresholdKey.combine` applies delta_i afterwards instead, which gives the same product.

    Args:
        c1: of the ciphertext to be decrypted.
        point: x_i.
        helpers: the points of all that help, x_i among them.
        group: in which group.
    """
    note(Operation.ELGAMAL_BASE)
    exponents = lagrange_at_zero(helpers, group.exponents)
    return group.public_power(c1, exponents[list(helpers).index(point)])


def commitment_at(commitments: Sequence[Element], point: int, group: Group[Element]) -> Element:
    """Return the commitment to a polynomial's value: product of C_k^(x^k); C_k commits to a_k.

    Source: Feldman 1987, equation (2) of Gennaro et al. 2007.
    """
    result = group.identity
    for commitment in reversed(commitments):
        result = group.multiply(group.public_power(result, point), commitment)
    return result
