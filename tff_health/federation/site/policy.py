"""What a site allows any study to do with its data, whatever the server says."""

import math
from dataclasses import dataclass
from pathlib import Path

from tff_health.federation.errors import FederationError
from tff_health.federation.study import OWN_IMAGES, Study
from tff_health.schemes import SCHEMES
from tff_health.settings.groups.privacy import UNITS
from tff_health.settings.setting import COUNT, Range, setting

_SHARING = tuple(name for name, scheme in SCHEMES.items() if scheme.shares)


@dataclass(frozen=True, kw_only=True)
class SitePolicy:
    """Section [policy] of a site file."""

    schemes: tuple[str, ...] = setting("Schemes that may be used.", choices=_SHARING)
    smallest_cohort: int = setting(
        "Fewest clients in a secure sum in which this site takes part.",
        range=Range(least=3, far=10**6),
    )
    smallest_threshold: int = setting(
        "Fewest clients over whom a sum may be opened.",
        range=Range(least=2, far=10**6),
    )
    colluders: int = setting(
        "Number of other clients that may help the server without learning more than the sum; a "
        "study must bear as many.",
        range=Range(least=0, far=10**6),
    )
    signatures: bool = setting(
        "Whether clients must sign, so that all this holds against a server that does not follow "
        "the protocol.",
        True,
    )
    verified: bool = setting(
        "Whether sites must check every sum, and this one stop once it could not check one.",
        False,
    )
    epsilon_budget: float = setting(
        "Privacy that all studies together may spend of this site's data; inf for no budget, so "
        "that studies without differential privacy are allowed.",
        range=Range(above=0),
    )
    delta: float = setting(
        "Probability with which the promise of epsilon may fail.",
        1e-5,
        range=Range(above=0, below=1),
    )
    dp_unit: str = setting(
        "What the budget protects: an image (record), or all images that belong together (group).",
        "record",
        choices=UNITS,
    )
    rounds_a_day: int = setting("Most rounds in 24 hours, of all studies together.", range=COUNT)
    data_folder: str = setting(
        "Folder in which studies may use images of this site's own.",
        "",
        default_text="none: only data sets that come with the package",
    )

    def check_study(self, study: Study, images: Path | None) -> None:
        """Refuses a study that the site does not allow.

        Args:
            study: the study.
            images: the site's own images, if the study is on such.

        Raises:
            FederationError: with every reason.
        """
        problems = [*self._of_sums(study), *self._of_privacy(study), *self._of_data(study, images)]
        if problems:
            name = study.section.name
            raise FederationError(
                "\n".join(f"policy forbids study '{name}': {p}" for p in problems)
            )

    def check_cohort(self, size: int, threshold: int) -> None:
        """Refuses one session.

        Args:
            size: of its cohort.
            threshold: the fewest clients over whom its sum is opened.

        Raises:
            FederationError: if the site allows no such cohort or threshold.
        """
        if size < self.smallest_cohort:
            raise FederationError(
                f"policy forbids a cohort of {size}: smallest_cohort is {self.smallest_cohort}"
            )
        if threshold < self.smallest_threshold:
            raise FederationError(
                f"policy forbids a threshold of {threshold}: smallest_threshold is "
                f"{self.smallest_threshold}"
            )

    def _of_sums(self, study: Study) -> list[str]:
        scheme, plan = study.config.run.scheme, study.plan
        found = []
        if scheme not in self.schemes:
            found.append(f"scheme {scheme}; schemes are {', '.join(self.schemes)}")
        try:
            threshold = plan.survivors if plan else 1
            self.check_cohort(study.config.cohort.clients_per_round, threshold)
        except FederationError as error:
            found.append(str(error).removeprefix("policy forbids "))
        colluders = (plan.colluders if plan else None) or 0
        if colluders < self.colluders:
            found.append(
                f"it bears {colluders} clients that help the server; colluders is {self.colluders}"
            )
        has_key_holder = plan is not None and plan.colluders is None
        signed = study.config.protocol.signatures if has_key_holder else plan and plan.signed
        if self.signatures and not signed:
            found.append("it trusts the server to follow the protocol; signatures is true")
        if self.verified and not study.config.protocol.verify:
            found.append("its sites do not check sums (verify); verified is true")
        return found

    def _of_privacy(self, study: Study) -> list[str]:
        if math.isinf(self.epsilon_budget):
            return []
        privacy = study.config.privacy
        if privacy.noise in ("none", "client"):
            why = "adds no noise" if privacy.noise == "none" else "leaves the noise to the server"
            return [f"it {why}; epsilon_budget is {self.epsilon_budget:g}"]
        found = []
        if self.dp_unit == "group" and privacy.unit == "record":
            found.append("it protects single records; dp_unit is group")
        if privacy.epsilon > self.epsilon_budget:
            found.append(f"epsilon {privacy.epsilon:g}; epsilon_budget is {self.epsilon_budget:g}")
        if privacy.delta > self.delta:
            found.append(f"delta {privacy.delta:g}; delta is {self.delta:g}")
        return found

    def _of_data(self, study: Study, images: Path | None) -> list[str]:
        if study.dataset != OWN_IMAGES or images is None:
            return []
        if not self.data_folder:
            return ["it is on this site's own images, and there is no data_folder"]
        folder = Path(self.data_folder).resolve()
        if not images.resolve().is_relative_to(folder):
            return [f"images {images} are not in data_folder {folder}"]
        return []
