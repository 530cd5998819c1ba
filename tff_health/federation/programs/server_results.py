"""What a study of sites that are apart leaves at the server: the model, summary.json, a report."""

import hashlib
import importlib.util
from collections.abc import Sequence
from typing import Any

from crypto.parties import ClientId
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.evidence.transcript import TRANSCRIPT
from tff_health.federation.rounds.server_rounds import RoundSums
from tff_health.federation.study import Study
from tff_health.local.evaluation import Evaluation
from tff_health.reporting.files import write_json
from tff_health.reporting.progress import duration
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Table
from tff_health.training.loop import Row
from tff_health.training.outcome import RunOutcome

MODEL = "model.weights"


def write(
    folder: ResultsFolder,
    study: Study,
    class_names: tuple[str, ...],
    model: bytes,
    rows: Sequence[Row],
    evaluation: Evaluation,
) -> dict[str, Any]:
    """Writes all results into `folder`, summary.json last, and returns what that says.

    Without Matplotlib, as beside NVFlare, there is no report.

    Args:
        folder: of the run.
        study: the study.
        class_names: in the order of labels.
        model: the final weights.
        rows: of metrics.csv, one a round.
        evaluation: of the final model, on the server's test images.
    """
    (folder.path / MODEL).write_bytes(model)
    summary: dict[str, Any] = {
        "scheme": study.config.run.scheme,
        "study": study.section.name,
        "study_digest": study.digest.hex(),
        "rounds": len(rows),
        "lost_rounds": sum(1 for row in rows if row.get("lost")),
        "test_accuracy": evaluation.accuracy,
        "balanced_accuracy": evaluation.balanced_accuracy,
        "macro_f1": evaluation.macro_f1,
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "bytes_up": sum(int(row["bytes_up"] or 0) for row in rows),
        "bytes_down": sum(int(row["bytes_down"] or 0) for row in rows),
    }
    if rows and importlib.util.find_spec("matplotlib"):
        _report(folder, study, class_names, rows, evaluation, summary)
    write_json(folder.summary_path, summary)
    return summary


def told(
    folder: ResultsFolder, summary: dict[str, Any], clients: Sequence[ClientId], seconds: float
) -> str:
    """Returns what the run came to, in lines for people."""
    lines = [
        f"{summary['scheme']} with {len(clients)} sites, study '{summary['study']}', "
        f"{summary['rounds']} rounds in {duration(seconds)}",
        f"  test accuracy      {summary['test_accuracy']:.4f}",
        f"  balanced accuracy  {summary['balanced_accuracy']:.4f}",
        f"  lost rounds        {summary['lost_rounds']}",
        f"  model              {folder.path / MODEL}, SHA-256 {summary['model_sha256'][:16]}...",
    ]
    report = folder.path / "report.html"
    if report.exists():
        lines.append(f"  report             {report}")
    return "\n".join(lines)


def _report(
    folder: ResultsFolder,
    study: Study,
    class_names: tuple[str, ...],
    rows: Sequence[Row],
    evaluation: Evaluation,
    summary: dict[str, Any],
) -> None:
    # Matplotlib is no part of every environment of the federation.
    from tff_health.reporting import figures
    from tff_health.reporting.report import Report, Section, configuration
    from tff_health.training import report_parts

    config, path = study.config, folder.path
    run = RunOutcome.of(config, evaluation, rows)
    metrics, classes, _ = tables = report_parts.tables(run, evaluation, class_names)
    rounds = _rounds(rows)
    for table in (*tables, rounds):
        table.save(path / "tables")
    matrix = figures.confusion_matrix(evaluation.confusion, class_names)
    drawn = figures.save(matrix, path / "figures", "confusion_matrix")
    report = Report(
        title=f"Study {study.section.name}: {run.scheme} with {len(study.clients)} sites",
        subtitle=f"programs that are apart, {run.rounds} rounds; study {spoken(study.digest)}",
        lead=f"The model of {len(study.clients)} sites classifies {100 * run.final_accuracy:.1f} % "
        f"of {int(evaluation.confusion.sum()):,} test images correctly; to name the most frequent "
        f"class every time would give {100 * run.majority_accuracy:.1f} %.",
        findings=[
            ("test accuracy", f"{100 * run.final_accuracy:.1f} %"),
            ("majority class alone", f"{100 * run.majority_accuracy:.1f} %"),
            ("balanced accuracy", f"{100 * run.balanced_accuracy:.1f} %"),
            ("sites in a sum", f"{min(run.survivors)} to {max(run.survivors)}"),
            ("lost rounds", str(run.lost_rounds)),
        ],
        sections=[
            Section("Learning", figures=[report_parts.curves(path, rows, run)], tables=[metrics]),
            Section(
                "Classes",
                ["Accuracy hides rare classes; recall shows them."],
                figures=[(drawn, "Share of each true class, and number of images.")],
                tables=[classes],
            ),
            Section(
                "Rounds",
                [
                    "A site that is gone or silent is left out of its round; a lost round leaves "
                    "the model as it was, and reveals nothing."
                ],
                tables=[rounds, report_parts.costs(run)],
            ),
            Section(
                "Evidence",
                [
                    f"The model has the SHA-256 {summary['model_sha256']}. The server's signed "
                    f"entries of all rounds are in {TRANSCRIPT}; beside those of the sites they "
                    "are verified by: python -m tff_health.federation verify FOLDER"
                ],
            ),
            configuration(folder),
        ],
    )
    report.save(path / "report.html")


def _rounds(rows: Sequence[Row]) -> Table:
    columns = (
        ("round", "round"),
        ("asked", "cohort"),
        ("in the sum", "survivors"),
        ("attempts given up", "aborted_attempts"),
        ("test accuracy", "test_accuracy"),
        ("bytes up", "bytes_up"),
        ("seconds of training", "seconds_training"),
        ("seconds", "seconds_total"),
    )
    return Table(
        "rounds",
        "The rounds; seconds as the server saw them pass",
        tuple(title for title, _ in columns),
        [tuple(_cell(row[name]) for _, name in columns) for row in rows],
    )


def _cell(value: Any) -> Any:
    return "" if value is None else value


def round_row(done: RoundSums, model_bytes: int) -> Row:
    """Returns what metrics.csv says of a round's sites and costs.

    Args:
        done: the round.
        model_bytes: of what each site was sent to train on.
    """
    costs = done.costs
    verified = {} if done.verified_by is None else {"verified": len(done.verified_by)}
    return {
        **verified,
        "cohort": len(done.cohort),
        "survivors": len(done.survivors),
        "aborted_attempts": done.aborted_attempts,
        "lost": int(bool(done.lost)),
        "bytes_up": costs.bytes_up,
        "bytes_down": costs.bytes_down + model_bytes * len(done.cohort),
        "seconds_training": round(done.seconds_training, 4),
        "seconds_client_crypto": round(costs.client_seconds, 4),
        "seconds_server_crypto": round(costs.server_seconds, 4),
        "seconds_holder_crypto": round(costs.authority_seconds, 4),
    }
