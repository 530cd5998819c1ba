"""Surroundings that people have: other locales, no home, other folders, odd names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAIN = {"PATH": os.environ["PATH"]}
C_LOCALE = PLAIN | {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ODD = "une clinique's résumé [1] 100%"


def run(command, environment, cwd=ROOT, **options):
    return subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        check=False,
        env=environment,
        cwd=cwd,
        **options,
    )


@pytest.mark.parametrize(
    "environment",
    [C_LOCALE, C_LOCALE | {"PYTHONIOENCODING": "ascii"}, PLAIN | {"LC_ALL": "POSIX"}],
)
def test_other_locales(tmp_path, environment):
    folder = tmp_path / ODD
    folder.mkdir()
    (folder / "file").write_text("")
    flags = [f"--out_dir={folder / 'file'}", "--dataset=digits"]
    result = run([ROOT / "run_experiments.py", *flags], environment)
    assert result.returncode == 2
    wanted = "r\\xe9sum\\xe9" if "PYTHONIOENCODING" in environment else "résumé"
    assert result.stderr.decode() == (
        f"error: --out_dir={folder}/file: File exists: choose another\n".replace("résumé", wanted)
    )
    assert run(["-m", "tff_health.data", "show", "digits"], environment).returncode == 0


@pytest.mark.parametrize("environment", [PLAIN, C_LOCALE])
def test_files_are_utf8_whatever_the_locale(tmp_path, environment):
    """For whoever uses modules of ours in a program that does not see to it."""
    code = (
        "import sys; from pathlib import Path\n"
        "from tff_health.reporting.files import read_json, write_text\n"
        "from tff_health.training.metrics_log import MetricsLog, read_rows\n"
        "log = MetricsLog(Path(sys.argv[1]) / 'm.csv', ('n',))\n"
        "log.add([{'n': chr(233)}])\n"
        "log.write()\n"
        "assert read_rows(Path(sys.argv[1]) / 'm.csv') == [{'n': chr(233)}]\n"
        "write_text(Path(sys.argv[1]) / 'j', '[\"' + chr(233) + '\"]')\n"
        "assert read_json(Path(sys.argv[1]) / 'j', '') == [chr(233)]\n"
    )
    result = run(["-c", code, tmp_path], environment)
    assert (result.returncode, result.stderr) == (0, b"")


def test_no_text_file_is_read_or_written_in_the_encoding_of_the_locale():
    for top in ("crypto", "models", "tff_health", "run_experiments.py"):
        path = ROOT / top
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                for call in (".read_text(", ".write_text("):
                    if call in line:
                        assert "encoding=" in line, f"{file}:{number}"
                if ".open(" in line and 'b")' not in line and "Path" in line:
                    assert "encoding=" in line, f"{file}:{number}"


def as_nobody(command, environment, folder):
    """Runs a command as a user that the system does not know."""
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    folder.chmod(0o777)
    for parent in folder.parents:
        if parent.stat().st_uid == os.getuid() and parent.name.startswith("pytest"):
            parent.chmod(0o755)
    # Not by Popen's own `user`: it forks, and a child of a process that has used gRPC may not live.
    become = "import os, sys; os.setgroups([]); os.setgid(12345); os.setuid(12345); "
    become += "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    result = run(["-c", become, *command], environment)
    if b"Permission denied" in result.stderr and str(sys.executable).encode() in result.stderr:
        pytest.skip("others may not run this Python")
    return result


@pytest.mark.parametrize("home", [None, "", "/nonexistent", "relative", "read-only"])
def test_no_home_that_can_be_written_to(tmp_path, home):
    environment = PLAIN | ({} if home is None else {"HOME": home})
    if home == "read-only":
        environment["HOME"] = str(tmp_path)
    code = (
        "import os, sys, warnings, logging\n"
        "from pathlib import Path\n"
        "from tff_health import flags, quiet\n"
        "out = sys.argv[1]\n"
        "found = flags.parse(['x', '--dataset=digits', f'--out_dir={out}'], os.environ)\n"
        "assert found.cache_dir == Path(out, 'work', 'cache'), found.cache_dir\n"
        "quiet.silence_libraries()\n"
        "import matplotlib, tensorflow\n"
        "from matplotlib.figure import Figure\n"
        "print(matplotlib.get_cachedir())\n"
    )
    out_dir = tmp_path / "out"
    out_dir.mkdir()
    result = as_nobody(["-c", code, out_dir], environment, out_dir)
    assert result.returncode == 0, result.stderr.decode()
    assert result.stderr == b""
    folder = Path(result.stdout.decode().strip())
    assert "tff_health-matplotlib-" in str(folder)
    assert not folder.exists()  # removed in the end
    shown = as_nobody(["-m", "tff_health.data", "show", "digits"], environment, out_dir)
    assert (shown.returncode, shown.stderr) == (0, b"")
    fetch = ["-m", "tff_health.data", "fetch", "mnist", "--url=http://127.0.0.1:9/none"]
    fetched = as_nobody(fetch, environment, out_dir)
    assert fetched.returncode in (1, 2)
    assert len(fetched.stderr.splitlines()) == 1, fetched.stderr.decode()


def test_without_a_folder_for_temporary_files_it_is_one_line(tmp_path, monkeypatch, capsys):
    import tempfile

    import run_experiments

    def none():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    assert run_experiments.main(["x", "--dataset=digits", f"--out_dir={tmp_path / 'run'}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("name one in $TMPDIR")


def test_a_current_folder_that_is_gone_is_one_line(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        "import os, sys; os.rmdir(os.getcwd()); p = sys.executable; os.execv(p, [p, *sys.argv[1:]])"
    )
    script = ROOT / "run_experiments.py"
    result = run(["-c", code, script, "--dataset=digits"], PLAIN, cwd=gone)
    assert result.returncode in (1, 2)
    assert len(result.stderr.splitlines()) == 1, result.stderr.decode()
    assert result.stderr.startswith(b"error: ")


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    out_dir = os.fsencode(tmp_path) + b"/caf\xe9"
    command = [sys.executable.encode(), b"run_experiments.py", b"--dataset=digits"]
    result = subprocess.run(
        [*command, b"--out_dir=" + out_dir], capture_output=True, check=False, env=PLAIN, cwd=ROOT
    )
    assert result.returncode == 2
    assert b"is not UTF-8" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["models", "crypto", "copy", "sys"])
def test_a_model_of_the_users_own_that_another_module_hides(tmp_path, name):
    (tmp_path / f"{name}.py").write_text("def build(input_shape, num_classes): ...\n")
    command = [ROOT / "run_experiments.py", "--dataset=digits", f"--model={name}:build"]
    result = run(command, PLAIN, cwd=tmp_path)
    assert result.returncode == 2
    (line,) = result.stderr.decode().splitlines()
    assert f"your {name}.py is hidden by the module '{name}'" in line
    assert f"rename it to my_{name}" in line
