import os
import subprocess
import sys

from tff_health import doctor, machine


def run(*arguments):
    command = [sys.executable, "-m", "tff_health.doctor", *arguments]
    # JAX, which TFF imports, sets this one as soon as a test of this process imports TFF.
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_it_says_what_works_here(tmp_path):
    result = run(f"--data_dir={tmp_path}")
    assert result.returncode == 0, result.stdout
    assert result.stderr == ""
    lines = {line[6:30].strip(): line for line in result.stdout.splitlines()}
    for name in ("Python", "platform", "packages", "TensorFlow", "TFF worker", "cryptography"):
        assert lines[name].startswith("ok"), lines[name]
    assert lines["data: digits"].startswith("ok")
    assert lines["data: mnist"].startswith("none")
    assert str(tmp_path) in lines["data: mnist"]
    assert result.stdout.endswith("Experiments can run.\n")


def test_it_says_what_does_not_work_and_goes_on(tmp_path, monkeypatch, capsys):
    def broken():
        raise ImportError("libstdc++ is too old")

    monkeypatch.setattr(doctor, "_tensorflow", broken)
    monkeypatch.setattr(doctor, "_worker", lambda: "sums")
    monkeypatch.setattr(machine, "python_problem", lambda: "Python 3.8 found")
    assert doctor.main([f"--data_dir={tmp_path}"]) == 1
    said = capsys.readouterr().out
    assert "FAIL  Python                   Python 3.8 found" in said
    assert "FAIL  TensorFlow               ImportError: libstdc++ is too old" in said
    assert "ok    TFF worker" in said
    assert "Experiments cannot run" in said


def test_missing_packages_are_told_and_nothing_is_tried_without_them(tmp_path, monkeypatch):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("numpy==1.25.2\nno-such-package==1.0  # via us\n")
    monkeypatch.setattr(doctor, "_REQUIREMENTS", requirements)
    findings = list(doctor.examine(tmp_path, tmp_path))
    assert findings[-1].name == "packages"
    assert not findings[-1].works
    assert "no-such-package" in findings[-1].detail
