"""What a site refuses: what its policy and ledger do not allow, and what its study needs more."""

import logging
import time

from tff_health.federation.errors import FederationError
from tff_health.federation.programs.parties import noise_needs
from tff_health.federation.site.site_file import SiteFile
from tff_health.federation.site.state import SiteState
from tff_health.roles.site import SiteTraining

log = logging.getLogger(__name__)


class SiteRules:
    """What policy and ledger of a site allow, and its study needs.

    Args:
        site: its file.
        state: what it keeps.
        training: what it computes.
    """

    def __init__(self, site: SiteFile, state: SiteState, training: SiteTraining) -> None:
        self._site = site
        self._ledger = state.ledger
        self._steps = training.noisy_steps(1)
        self._unchecked: int | None = None

    def check_round(self, round_number: int) -> None:
        """Notes what a round is about to spend; FederationError if it may not be."""
        if self._unchecked is not None:
            raise FederationError(
                f"policy.verified: this site is in the sum of round {self._unchecked} and did not "
                "find it right, or was not shown it: ask the server's operator why, and start "
                "this site again to go on"
            )
        study = self._site.study.digest
        epsilon = self._ledger.spend(study, round_number, self._steps, time.time())
        if self._steps is not None:
            log.info("round %d: epsilon spent so far %.4g", round_number, epsilon)

    def check_cohort(self, size: int, threshold: int) -> None:
        """Refuses, by a FederationError, a secure sum over too few clients."""
        self._site.policy.check_cohort(size, threshold)
        if threshold < (fewest := noise_needs(self._site.study)):
            raise FederationError(
                f"a sum over {threshold} sites would have less noise than is counted: distributed "
                f"noise needs the shares of {fewest}"
            )

    def summed(self, round_number: int, *, is_checked: bool) -> None:
        """Stops the site from further rounds if a sum had to be checked and was not."""
        if is_checked or not self._site.study.config.protocol.verify:
            return
        log.warning("round %d: its sum could not be checked, or is wrong", round_number)
        if self._site.policy.verified:
            self._unchecked = round_number
