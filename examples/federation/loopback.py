"""Five hospitals and a server on this machine: a study from its keys to its evidence.

One hospital is killed in the second round and started again. Run: make federation
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOSPITALS = [f"hospital-{number}" for number in range(1, 6)]
VICTIM = HOSPITALS[1]
STUDY = """
[study]
name = "five hospitals"
server = "localhost:{port}"
clients = [1, 2, 3, 4, 5]
stage_seconds = 30
training_seconds = 120

[settings]
scheme = "zhang_hardened"
dataset = "digits"
model = "mnist_cnn"
rounds = 4
seed = 1
"""
SITE = """
[site]
folder = "{name}"
registry = "ca/registry.json"
registry_digest = "{registry}"
study = "study.toml"
study_digest = "{study}"

[policy]
schemes = ["zhang_hardened"]
smallest_cohort = 4
smallest_threshold = 3
colluders = 1
epsilon_budget = inf
rounds_a_day = 100
"""
PATIENCE = 170


class Study:
    """The programs of one study, and their files; all end with the block.

    Args:
        folder: of the files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._programs: dict[str, subprocess.Popen[bytes]] = {}
        self._end = time.monotonic() + PATIENCE

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._programs):
            self.kill(name)

    def command(self, *arguments: str) -> str:
        """Runs a command to its end; returns what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "tff_health.federation", *arguments],
            cwd=self.folder,
            env=_environment(),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def digest(self, *arguments: str) -> str:
        """Runs a command; returns the last digest that it prints."""
        return re.findall(r"(?:[0-9a-f]{5}-){7}[0-9a-f]{5}", self.command(*arguments))[-1]

    def start(self, name: str, *arguments: str) -> None:
        """Starts a program, with a log of its own."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self._programs[name] = subprocess.Popen(
                [sys.executable, "-m", "tff_health.federation", *arguments],
                cwd=self.folder,
                env=_environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """Ends a program at once, and all that it has started."""
        program = self._programs.pop(name)
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()

    def wait_for(self, name: str, text: str) -> None:
        """Waits until a program's log has a text.

        Raises:
            TimeoutError: if it takes too long, or the server has ended.
        """
        log = self.folder / f"{name}.log"
        while text not in log.read_text():
            if time.monotonic() > self._end or self._programs["server"].poll() is not None:
                raise TimeoutError(f"'{text}' is not in {log}:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)

    def finish(self) -> str:
        """Waits for the end of the study; returns what the server says of it."""
        left = max(1.0, self._end - time.monotonic())
        code = self._programs["server"].wait(left)
        log = (self.folder / "server.log").read_text()
        if code:
            raise RuntimeError(f"the server ended with exit code {code}:\n{log[-2000:]}")
        return "\n".join(log[log.rindex("zhang_hardened with") :].split("\n")[:5])


def found(study: Study, port: int) -> None:
    """Makes the consortium, the study and the files of the sites."""
    study.command("init", "ca", "--name=demo", "--host=localhost")
    for name in HOSPITALS:
        told = study.digest("enrol", name, f"--name={name}")
        study.command("sign", "ca", f"{name}/request.json", f"--digest={told}")
    (study.folder / "study.toml").write_text(STUDY.format(port=port))
    digests = {"registry": study.digest("digest", "ca/registry.json")}
    digests["study"] = study.digest("digest", "study.toml")
    for name in HOSPITALS:
        (study.folder / f"{name}.toml").write_text(SITE.format(name=name, **digests))


def main() -> None:
    """Runs the study, and prints what happens."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tff_health-") as name, Study(Path(name)) as study:
        port, page = _free_port(), _free_port()
        print("keys, requests, certificates, registry ...", flush=True)
        found(study, port)
        study.start(
            "server",
            *("server", "study.toml", "--keys=ca/server", "--registry=ca/registry.json"),
            *("--out_dir=results", f"--listen=localhost:{port}", f"--status={page}"),
        )
        for hospital in HOSPITALS:
            study.start(hospital, "site", f"{hospital}.toml")
        print(f"five hospitals and a server; status page: http://127.0.0.1:{page}/", flush=True)
        study.wait_for(VICTIM, "round 2: training")
        study.kill(VICTIM)
        print(f"{VICTIM} is killed while it trains in round 2 ...", flush=True)
        study.wait_for(HOSPITALS[0], "round 2: done")
        study.start(VICTIM, "site", f"{VICTIM}.toml")
        print("... round 2 is done without it, and it is started again", flush=True)
        print(study.finish())
        print("survivors of the rounds: " + ", ".join(_survivors(study.folder)))
        time.sleep(2)  # until the sites have written their last line
        print("evidence: " + _verify(study), end="")
    print(f"all in {time.monotonic() - start:.0f} seconds")


def _survivors(folder: Path) -> list[str]:
    lines = (folder / "results" / "metrics.csv").read_text().splitlines()
    column = lines[0].split(",").index("survivors")
    return [line.split(",")[column] for line in lines[1:]]


def _verify(study: Study) -> str:
    """Verifies the transcripts of all, as an auditor would."""
    folder = study.folder / "evidence"
    folder.mkdir()
    shutil.copy(study.folder / "ca" / "registry.json", folder)
    shutil.copy(study.folder / "results" / "transcript.jsonl", folder / "server.jsonl")
    for name in HOSPITALS:
        shutil.copy(study.folder / name / "transcript.jsonl", folder / f"{name}.jsonl")
    return study.command("verify", "evidence")


def _environment() -> dict[str, str]:
    here = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": here, "TF_CPP_MIN_LOG_LEVEL": "3"}


def _free_port() -> int:
    with socket.socket() as found_one:
        found_one.bind(("127.0.0.1", 0))
        port: int = found_one.getsockname()[1]
        return port


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit("usage: python -m examples.federation.loopback")
    main()
