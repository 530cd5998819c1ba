import os
import signal
import subprocess
import sys

import pytest

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


def test_a_library_that_ends_its_process_is_told_and_the_rest_is_looked_at(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(doctor, "_tensorflow", lambda: os.kill(os.getpid(), signal.SIGABRT))
    monkeypatch.setattr(doctor, "_worker", lambda: os._exit(3))
    assert doctor.main([f"--data_dir={tmp_path}"]) == 1
    said = capsys.readouterr().out
    assert "FAIL  TensorFlow               ended the process by SIGABRT" in said
    assert "FAIL  TFF worker               ended the process with exit code 3" in said
    assert "ok    cryptography" in said
    assert "ok    data: digits" in said
    assert "Experiments cannot run" in said


AVX = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu sse4_2 avx f16c\n"
NO_AVX = AVX.replace(" avx", "") + "vmx flags\t: avx\n"


@pytest.mark.parametrize(
    ("text", "suits"), [(AVX, True), (NO_AVX, False), ("", True), ("flags :\n", True), (None, True)]
)
def test_a_processor_is_told_by_what_the_kernel_says(tmp_path, text, suits):
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    problem = machine.processor_problem(tmp_path / "cpuinfo")
    assert (problem is None) == suits
    if problem:
        assert problem.startswith("processor 'Some CPU' without AVX found")
        assert "use another machine" in problem


@pytest.fixture
def old_processor(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text(NO_AVX)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")


@pytest.mark.usefixtures("old_processor")
def test_without_avx_doctor_says_so_and_does_not_try(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_tensorflow", lambda: pytest.fail("tried"))
    assert doctor.main([f"--data_dir={tmp_path}"]) == 1
    said = capsys.readouterr().out
    assert "FAIL  processor                processor 'Some CPU' without AVX found" in said
    assert "TFF worker" not in said


@pytest.mark.usefixtures("old_processor")
def test_without_avx_nothing_that_needs_tensorflow_starts(tmp_path, monkeypatch, capsys):
    import run_experiments
    from tff_health import install, worker

    assert run_experiments.main(["x", "--dataset=digits", f"--out_dir={tmp_path / 'run'}"]) == 1
    monkeypatch.setattr(sys, "argv", ["worker", "--port=8000"])
    with pytest.raises(SystemExit):
        worker.main()
    (tmp_path / "requirements.txt").write_text("")
    assert install.main([str(tmp_path / "venv"), str(tmp_path / "requirements.txt")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all("without AVX found" in line for line in lines)
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "venv").exists()
