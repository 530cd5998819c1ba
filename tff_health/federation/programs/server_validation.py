"""The server has sites measure its model on what they put aside, and learns the sum alone."""

from collections.abc import Collection

from crypto.parties import Party
from crypto.session.apart.conductor import Session
from tff_health.federation.errors import FederationError
from tff_health.federation.rounds.purpose import VALIDATION
from tff_health.federation.rounds.server_rounds import Patience, ServerRounds
from tff_health.federation.study import Study
from tff_health.reporting.progress import warn
from tff_health.roles.server import ServerTraining
from tff_health.secure_aggregation.protocols import SumProtocol
from tff_health.training.loop import Row


class ServerValidation:
    """Asks all sites of a study; who is away is not waited for.

    Args:
        asking: reaches them.
        study: the study.
        protocol: computes the sums; another object than that of training.
        training: has the model, and reads the sums.
        needed: parties without which there are none, such as a key holder.
    """

    def __init__(
        self,
        asking: Session,
        study: Study,
        protocol: SumProtocol,
        training: ServerTraining,
        needed: Collection[Party],
    ) -> None:
        self._clients = study.clients
        self._training = training
        self._rounds = ServerRounds(
            asking,
            protocol,
            training.sums.validation_slots,
            study.digest,
            fewest=study.plan.survivors if study.plan else 1,
            needed=needed,
            patience=Patience(study.section.training_seconds),
            tell=warn,
            purpose=VALIDATION,
        )

    def columns(self, round_number: int) -> Row:
        """Returns columns of metrics.csv, `validation_loss` and `validation_accuracy`.

        Args:
            round_number: after which the model is; no number comes twice.

        Returns:
            nothing if the sums could not be had, which is told.
        """
        model = self._training.broadcast().to_bytes()
        try:
            done = self._rounds.run(model, round_number, lambda _: self._clients)
        except FederationError as error:
            warn(f"validation of {error}")
            return {}
        if done.lost:
            warn(f"validation of round {round_number} is lost: {done.lost}")
            return {}
        return dict(self._training.validated(done.sums))
