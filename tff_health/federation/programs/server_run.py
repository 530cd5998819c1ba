"""A study at the server, from its last finished round to its end: a run like the simulation's."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from crypto.parties import AUTHORITY, SERVER, ClientId, Party
from crypto.primitives.signatures import SigningIdentity
from crypto.session.apart.conductor import Session
from tff_health.data.federated import FederatedImages
from tff_health.federation.consortium.registry import Registry
from tff_health.federation.evidence.transcript import TRANSCRIPT, Transcript
from tff_health.federation.programs import server_results
from tff_health.federation.programs.evidence import ServerEvidence
from tff_health.federation.programs.last_round import LastRound
from tff_health.federation.programs.parties import needs_authority, roles_by_label
from tff_health.federation.programs.server_validation import ServerValidation
from tff_health.federation.programs.study_data import (
    agreed_facts,
    tested_on,
)
from tff_health.federation.rounds.announcements import Announcements
from tff_health.federation.rounds.messages import RoundClosed
from tff_health.federation.rounds.server_rounds import Patience, ServerRounds
from tff_health.federation.study import OWN_IMAGES, Study
from tff_health.local.evaluation import Evaluation
from tff_health.reporting.progress import warn
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.roles.server import ServerTraining
from tff_health.secure_aggregation.protocols import SumProtocol
from tff_health.settings.images import load_images, share_out
from tff_health.training.cohorts import draw_cohort
from tff_health.training.data_facts import DataFacts
from tff_health.training.loop import RoundLoop, Row, Trained, metrics_columns, show_rounds
from tff_health.training.metrics_log import MetricsLog
from tff_health.training.privacy_budget import Spending

log = logging.getLogger(__name__)


class ServerRun:
    """One run of a study; its folder is locked from here to `close`.

    Args:
        study: the study.
        protocol: computes its secure sums.
        validation: computes those of sites' validation; None for none.
        results: folder of the run.
        data_dir: folder of data sets.
        cache_dir: where tables are kept; None for in memory only.
        identity: with which the server signs its transcript.
        registry: returns the registry as it is now.

    Attributes:
        missed: how many rounds each client was asked to train in and is not in the sums of, since
            the program started.

    Raises:
        TffHealthError: if the folder holds another run, or data or settings do not allow it.
    """

    def __init__(
        self,
        study: Study,
        protocol: SumProtocol,
        validation: SumProtocol | None,
        results: Path,
        data_dir: Path | None,
        cache_dir: Path | None,
        identity: SigningIdentity,
        registry: Callable[[], Registry],
    ) -> None:
        self.missed: Counter[Party] = Counter()
        self._evidence: ServerEvidence | None = None
        self._study = study
        self._protocol = protocol
        self._validating = validation
        self._validation: ServerValidation | None = None
        self._trained = 0
        self._config = study.config
        self._folder = ResultsFolder(results, self._config.as_dict())
        self._folder.__enter__()
        try:
            self._prepare(data_dir, cache_dir)
            transcript = Transcript.open(results / TRANSCRIPT, "server", SERVER, identity)
            labels = tuple(roles_by_label(protocol))
            self._evidence = ServerEvidence(
                transcript, study.digest, lambda: registry().digest, labels
            )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Unlocks the folder."""
        if self._evidence:
            self._evidence.close()
        self._folder.__exit__(None, None, None)

    @property
    def rows(self) -> list[Row]:
        """All rows of metrics.csv so far."""
        return self._loop.rows

    @property
    def scratch(self) -> Path:
        """Folder for what is needed while it runs."""
        return self._folder.scratch

    def finish(self, asking: Session, show: Callable[[str], None], stay: float) -> None:
        """Runs the rounds that are missing, writes results, and tells all that the study is over.

        Args:
            asking: reaches sites, and an authority or key holder.
            show: is given what the run came to, in lines for people.
            stay: seconds for which those that are away then are waited for, to be told.

        Raises:
            TffHealthError: if a round could not be had; the state before it is kept.
            SessionAbortedError: if the program is ending.
        """
        started = time.monotonic()
        needed: list[Party] = [AUTHORITY] if needs_authority(self._protocol) else []
        parties = [*self._study.clients, *needed]
        announcements = Announcements(asking, self._study.digest, parties, warn)
        rounds = ServerRounds(
            asking,
            self._protocol,
            self._training.sums.slots,
            self._study.digest,
            fewest=self._study.plan.survivors if self._study.plan else 1,
            needed=needed,
            patience=Patience(self._study.section.training_seconds),
            tell=warn,
        )
        if self._validating and self._training.sums.validation_slots:
            self._validation = ServerValidation(
                *(asking, self._study, self._validating, self._training, needed)
            )
        state, evaluation = self._loop.run(
            self._state(),
            lambda state, number: self._train(rounds, announcements, state, number),
            self._evaluate,
            lambda: self._spending is None or self._spending.allows_another_round,
        )
        self._restore(state)
        self._close_last(announcements)
        announcements.end(len(self._loop.rows), self._digest())
        show(self._write(evaluation, time.monotonic() - started))
        announcements.stay(stay)

    def _prepare(self, data_dir: Path | None, cache_dir: Path | None) -> None:
        config, folder = self._config, self._folder
        is_own = self._study.dataset == OWN_IMAGES
        images = load_images(config, data_dir, cache_dir or folder.scratch / "cache")
        federated = tested_on(config, images) if is_own else share_out(config, images)
        facts = agreed_facts(self._study) if is_own else DataFacts.of(federated)
        scratch = folder.scratch / "server"
        scratch.mkdir(parents=True, exist_ok=True)
        self._class_names = facts.class_names
        self._training = ServerTraining(config, facts, scratch, federated)
        folder.describe(self._description(federated, facts))
        records: list[Any] = [last := LastRound()]
        self._last = last
        self._spending: Spending | None = None
        mechanism = self._training.mechanism
        if mechanism and not is_own:  # else sites alone know how much they hold
            self._spending = Spending(config, mechanism, federated, folder.path / "privacy.csv")
            records.append(self._spending.log)
        metrics = MetricsLog(folder.path / "metrics.csv", metrics_columns(facts.class_names))
        self._loop = RoundLoop(
            config,
            facts.class_names,
            metrics,
            records,
            folder.scratch / "checkpoints",
            show_rounds,
        )
        if self._spending:
            self._spending.go_on()

    def _description(self, federated: FederatedImages, facts: DataFacts) -> dict[str, Any]:
        study = {
            "name": self._study.section.name,
            "digest": self._study.digest.hex(),
            "clients": list(self._study.clients),
        }
        parts = {"study": study, "facts": facts.as_dict(), "data": federated.describe()}
        return {"config": self._config.as_dict(), **parts}

    def _train(
        self, rounds: ServerRounds, announcements: Announcements, state: Any, number: int
    ) -> Trained:
        self._restore(state)
        self._close_last(announcements)
        training, clients = self._training, self._study.clients
        model, before = training.broadcast().to_bytes(), self._digest()

        asked: list[ClientId] = []

        def draw(attempt: int) -> tuple[int, ...]:
            places = draw_cohort(self._config, (), number, attempt).clients
            asked[:] = [clients[place] for place in places]
            return tuple(asked)

        done = rounds.run(model, number, draw)
        row = server_results.round_row(done, len(model))
        if done.lost:
            warn(f"round {number} is lost: {done.lost}")
        else:
            row |= training.apply(done.sums, len(done.survivors), number)
        if self._spending:
            places = [clients.index(client) for client in done.cohort]
            row["epsilon"] = self._spending.spend(number, places)
        self.missed.update(set(asked) - set(done.survivors))
        after = self._digest()
        self._last.closed = RoundClosed(
            number, done.binding, done.survivors, after, bool(done.lost)
        )
        if self._evidence:
            spent = row.get("epsilon")
            self._evidence.summed(
                number,
                done,
                (before, after),
                None if spent is None else float(spent),
                (done.costs.bytes_up, done.costs.bytes_down + len(model) * len(done.cohort)),
            )
        self._trained = number
        note = f"{len(done.survivors)} of {len(clients)} sites"
        return Trained(self._state(), row, "lost" if done.lost else note)

    def _evaluate(self, state: Any) -> tuple[Evaluation, Row]:
        self._restore(state)
        number, self._trained = self._trained, 0  # 0 if an earlier program has trained
        told = self._validation.columns(number) if number and self._validation else {}
        return self._training.evaluate(), told

    def _close_last(self, announcements: Announcements) -> None:
        """Tells all of the last round, now that it is kept."""
        if closed := self._last.closed:
            if self._evidence:
                self._evidence.kept(closed)
            announcements.close(closed)

    def _state(self) -> Any:
        return np.frombuffer(self._training.to_bytes(), np.uint8)

    def _restore(self, state: Any) -> None:
        self._training.restore(np.asarray(state, np.uint8).tobytes())

    def _digest(self) -> bytes:
        return self._training.weights.digest()

    def _write(self, evaluation: Evaluation, seconds: float) -> str:
        """Writes the results; returns what is printed."""
        summary = server_results.write(
            self._folder,
            self._study,
            self._class_names,
            self._training.weights.to_bytes(),
            self._loop.rows,
            evaluation,
        )
        return server_results.told(self._folder, summary, self._study.clients, seconds)
