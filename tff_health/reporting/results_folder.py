"""The folder of one run: one writer, one set of settings, finished or to be gone on with."""

import fcntl
import json
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tff_health.atomic import remove_leftovers
from tff_health.errors import ConfigError, RunError
from tff_health.reporting.files import read_json, write_json
from tff_health.settings.renamed import present

SCRATCH = "work"
"""Name of the folder in it that only an unfinished run needs."""
START_ANEW = "start anew in another folder, or delete this one"
"""What to do with a folder that is damaged, for people."""
_CONFIG = "config.json"
_OF_RUNS = ("metrics.csv", "summary.json", "runs")


def refuse_inside_of_a_run(path: Path) -> None:
    """Refuses a new folder of results that would lie in the folder of another run.

    Raises:
        ConfigError: if it would. A part of a study that is there already is gone on with.
    """
    if (path / _CONFIG).exists():
        return
    for parent in path.absolute().parents:
        if _is_of_a_run(parent):
            raise ConfigError(
                f"--out_dir={path} lies in the folder of another run, {parent}: choose one outside"
            )


def _is_of_a_run(folder: Path) -> bool:
    try:
        found = json.loads((folder / _CONFIG).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False  # not a run's, or none that can be told to be one
    settings = found.get("config") if isinstance(found, dict) else None
    return isinstance(settings, dict) and "experiment" in settings


class ResultsFolder:
    """Holds the folder of a run, and keeps others out of it, while used as a context manager.

    Args:
        path: the folder; made if needed.
        settings: what decides the outcome. A folder with other settings is refused.

    Raises:
        ConfigError: on entering, if the folder holds another run or cannot be written to.
        RunError: on entering, if another process is writing to it.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path = path
        self._settings = settings
        self._lock = -1

    def __enter__(self) -> Self:
        try:
            str(self.path.absolute()).encode()
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path, os.O_RDONLY)
        except UnicodeEncodeError:
            raise ConfigError(
                f"--out_dir={self.path}: is not UTF-8, which TensorFlow needs: choose another"
            ) from None
        except OSError as error:
            raise ConfigError(f"--out_dir={self.path}: {error.strerror}: choose another") from None
        try:
            self._enter_locked()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.config_path.exists():
            # The run ended before it was described: leave no empty folders behind.
            shutil.rmtree(self.scratch, ignore_errors=True)
            if not any(self.path.iterdir()):
                self.path.rmdir()
        os.close(self._lock)

    def _enter_locked(self) -> None:
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise ConfigError(f"--out_dir={self.path} cannot be written to: choose another")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"{self.path} is in use by another run: wait, or choose another"
            ) from None
        if os.path.lexists(self.config_path):
            remove_leftovers(self.path)
            self._check_settings(self._described()["config"])
            return
        states = self.scratch / "checkpoints"
        if any((self.path / name).exists() for name in _OF_RUNS) or any(states.glob("*")):
            raise RunError(
                f"{self.config_path} is missing, so that nobody knows which run this is: "
                f"{START_ANEW}"
            )
        if any(p for p in self.path.iterdir() if p != self.scratch):
            raise ConfigError(
                f"--out_dir={self.path} holds files that are not of a run: choose another"
            )

    def _described(self) -> dict[str, Any]:
        """Returns config.json.

        Raises:
            RunError: if it is damaged.
        """
        found = read_json(self.config_path, START_ANEW)
        if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
            raise RunError(f"{self.config_path} is damaged (it has no settings): {START_ANEW}")
        return found

    def _check_settings(self, found: dict[str, Any]) -> None:
        differing = [
            f"{name} is {found.get(name)}, not {wanted}"
            for name, wanted in self._settings.items()
            if present(name, found.get(name)) != wanted
        ]
        if differing:
            raise ConfigError(
                f"--out_dir={self.path} holds a run with other settings ({'; '.join(differing)}): "
                "choose another folder, or use the same settings to go on with it"
            )

    def describe(self, description: dict[str, Any]) -> None:
        """Writes config.json on the first call of a run; later calls check that the data agree.

        Args:
            description: at least "config" (the settings); if the run is on data, also "data" with
                "data_sha256" and "split_sha256".

        Raises:
            ConfigError: if the run was started with other data.
        """
        if not self.config_path.exists():
            write_json(self.config_path, description)
            return
        found, wanted = self._described().get("data") or {}, description.get("data", {})
        if not isinstance(found, dict):
            raise RunError(f"{self.config_path} is damaged (it has no data): {START_ANEW}")
        for digest in ("data_sha256", "split_sha256"):
            if found.get(digest) != wanted.get(digest):
                raise ConfigError(
                    f"--out_dir={self.path} holds a run on other data ({digest} differs): choose "
                    "another folder, or bring the old data back to go on with it"
                )

    @property
    def description(self) -> dict[str, Any]:
        """What config.json holds; empty if there is none yet.

        Raises:
            RunError: if it is damaged.
        """
        return self._described() if self.config_path.exists() else {}

    @property
    def config_path(self) -> Path:
        """config.json: settings, data, versions, machine."""
        return self.path / _CONFIG

    @property
    def summary_path(self) -> Path:
        """summary.json; written last, so a run that has it is finished."""
        return self.path / "summary.json"

    @property
    def scratch(self) -> Path:
        """Packed clients, checkpoints and worker logs; removed when the run is finished."""
        return self.path / SCRATCH

    @property
    def is_finished(self) -> bool:
        """Whether all results are there.

        Raises:
            RunError: if they were, but are damaged.
        """
        if not os.path.lexists(self.summary_path):
            return False
        found = read_json(self.summary_path, START_ANEW)
        if not isinstance(found, dict):
            raise RunError(f"{self.summary_path} is damaged (it has no results): {START_ANEW}")
        return True

    def finished_text(self) -> str:
        """Says, for people, that the run is finished and where its report lies.

        Raises:
            RunError: if the report is missing or damaged, so that nobody could read it.
        """
        report = self.path / "report.html"
        try:
            is_whole = report.read_bytes().rstrip().endswith(b"</html>")
        except OSError:
            is_whole = False
        if not is_whole:
            raise RunError(f"{report} of this finished run is missing or damaged: {START_ANEW}")
        return f"already finished: {report}"

    def remove_scratch(self) -> None:
        """Removes what only an unfinished run needs."""
        shutil.rmtree(self.scratch, ignore_errors=True)
