"""The command line, from founding a consortium to a site that can take part."""

import re
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from crypto.parties import AUTHORITY
from crypto.primitives.signatures import SigningIdentity
from tests.tff_health.federation.parties import ROOT, STUDY, Consortium, run
from tests.tff_health.federation.test_study_and_site import SITE
from tests.tff_health.federation.test_study_and_site import STUDY as STUDY_FILE
from tff_health.federation import preflight
from tff_health.federation.__main__ import main
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.hub import GrpcHub
from tff_health.federation.consortium import certificates, enrolment, keys
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.preflight import check_party
from tff_health.federation.site.sealed_log import SealedLog
from tff_health.federation.site.state import JOURNAL, create_state
from tff_health.federation.study import read_study

SERVER = ("server", "none.toml", "--keys=k", "--registry=r", "--out_dir=o")


@pytest.fixture
def folder(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def digest_in(text):
    return re.findall(r"(?:[0-9a-f]{5}-){7}[0-9a-f]{5}", text)[-1]


def test_three_hospitals_found_a_consortium(folder, capsys):
    assert main(["init", "ca", "--name=derm", "--host=localhost", "--host=127.0.0.1"]) == 0
    for number, name in enumerate(("one", "two", "three"), start=1):
        assert main(["enrol", name, f"--name={name}"]) == 0
        told = digest_in(capsys.readouterr().out)
        assert main(["sign", "ca", f"{name}/request.json", f"--digest={told}"]) == 0
        assert f"signed    {name} (client {number})" in capsys.readouterr().out
    assert main(["enrol", "holder", "--name=holder"]) == 0
    told = digest_in(capsys.readouterr().out)
    arguments = ["sign", "ca", "holder/request.json", "--digest", told]
    assert main([*arguments, "--party=authority", "--days=30"]) == 0
    told = capsys.readouterr().out
    assert "holder (the authority)" in told
    assert main(["digest", "ca/registry.json"]) == 0
    shown = capsys.readouterr().out
    assert digest_in(shown) == digest_in(told)
    assert "registry 'derm', serial 5" in shown
    assert main(["revoke", "ca", "two"]) == 0
    assert main(["renew", "ca", "server-2"]) == 0
    assert "serial 7" in capsys.readouterr().out
    assert main(["renew", "ca", "server-2"]) == 1
    assert main(["digest", "one/request.json"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["revoke", "ca", "nobody"], 1, "'nobody' is not in the registry"),
        (["init", "ca", "--name=again", "--host=localhost"], 1, "has a consortium already"),
        (["init", "new", "--name=A B", "--host=localhost"], 1, "must have 1 to 40 characters"),
        (["sign", "ca", "none.json", "--digest=x"], 1, "none.json: cannot be read"),
        (["digest", "none.toml"], 2, "none.toml: cannot be read"),
        (["digest", "ca"], 1, "ca: cannot be read: Is a directory"),
        (["revoke", "none", "one"], 1, "cannot be read"),
        (["init", "ca/registry.json", "--name=x", "--host=x"], 1, "registry.json: File exists"),
        (["verify", "none"], 1, "none: is no folder"),
        (["verify", "ca/registry.json"], 1, "registry.json: is no folder"),
        (["verify", "ca/server"], 1, "has no registry*.json"),
        ([*SERVER, "--listen=localhost"], 2, "listen is 'localhost', but must be host:port"),
        ([*SERVER, "--listen=a:1:2"], 2, "listen is 'a:1:2', but must be host:port"),
        ([*SERVER, "--listen=localhost:65536"], 2, "but must be host:port"),
        ([*SERVER, "--status=abc"], 2, "status is '127.0.0.1:abc', but must be host:port"),
        ([*SERVER, "--status=70000"], 2, "status is '127.0.0.1:70000', but must be host:port"),
        ([*SERVER, "--listen=:1", "--status=1"], 2, "listen is ':1'"),
        ([*SERVER, "--listen=[::1]:0", "--status=[::1]:0"], 2, "none.toml: cannot be read"),
    ],
)
def test_errors_are_one_line(folder, capsys, arguments, code, said):
    Consortium.found(folder, "one")
    assert main(arguments) == code
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert said in error
    assert error.count("\n") == 1


STEPS = {
    "enrol": ("new_tls_key", "new_identity", "new_storage_key", "make_request", "create"),
    "init": ("new_tls_key", "make_ca", "new_identity", "issue", "write_registry"),
}
OWNERS = {
    **dict.fromkeys(("new_tls_key", "new_identity", "new_storage_key"), keys),
    **dict.fromkeys(("make_request", "make_ca", "issue"), certificates),
    **{"write_registry": enrolment, "create": SealedLog},
}


@pytest.mark.parametrize(
    ("command", "step"), [(name, step) for name, steps in STEPS.items() for step in steps]
)
def test_keys_that_were_not_all_made_are_not_kept(folder, capsys, monkeypatch, command, step):
    """However it ends in the middle, the same command can be given again."""
    arguments = [command, "x/new", "--name=x", *(["--host=x"] if command == "init" else [])]
    real = getattr(OWNERS[step], step)

    def interrupted(*given, **named):
        real(*given, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(OWNERS[step], step, interrupted)
        assert main(arguments) == 130
    assert capsys.readouterr().err == "Interrupted; nothing half-written was kept.\n"
    assert not [path for path in (folder / "x").rglob("*") if path.is_file()]
    assert main(arguments) == 0
    assert main(arguments) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["init", "x"],
        ["sign", "ca", "x", "--digest=x", "--party=server"],
        ["sign", "ca", "x", "--digest=x", "--party=-1"],
        ["sign", "ca", "x", "--digest=x", "--days=0"],
        ["server", "x", "--keys=k", "--registry=r", "--out_dir=o", "--stay=-1"],
        ["server", "x", "--keys=k", "--registry=r", "--out_dir=o", "--stay=inf"],
    ],
)
def test_usage(arguments):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2


def test_the_program_needs_no_tensorflow_and_no_tff(folder):
    program = (
        "import sys\n"
        "for name in ('tensorflow', 'tensorflow_federated', 'keras'): sys.modules[name] = None\n"
        "from tff_health.federation.__main__ import main\n"
        f"sys.exit(main(['enrol', {str(folder / 'one')!r}, '--name=one']))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-m", "tff_health.federation", "--help"],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "enrol" in done.stdout


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    found = Consortium.found(tmp_path_factory.mktemp("consortium"), "one", "two", "three")
    create_state(found.folder / "one")
    return found


def site_file(consortium, address, **changes):
    """A site file and a study whose server is at an address; returns the file and the digest."""
    folder = consortium.folder
    (folder / "study.toml").write_text(STUDY_FILE.replace("localhost:8470", address))
    digest = read_study(folder / "study.toml").digest
    texts = {"registry": spoken(consortium.registry.digest), "study": spoken(digest), "images": ""}
    (folder / "site.toml").write_text(SITE.format(**{**texts, **changes}))
    return folder / "site.toml", digest


async def found_by_check(file):
    return {finding.name: finding async for finding in check_party(file)}


def test_a_site_that_can_take_part(consortium):
    async def work():
        async with consortium.hub() as (hub, address):
            file, digest = site_file(consortium, address)
            hub._study = digest
            return await found_by_check(file), hub.connected

    findings, connected = run(work())
    assert not connected
    names = "files certificate journal name port server version study registry clock"
    assert [*findings] == names.split()
    assert all(finding.works for finding in findings.values())
    assert "TLSv1.3" in findings["server"].detail
    assert "epsilon spent 0 of inf" in findings["journal"].detail


def failing(consortium, address, study=None, hub=None):
    file, digest = site_file(consortium, address)
    if hub:
        hub._study = study or digest
    return found_by_check(file)


def last(findings):
    name, finding = [*findings.items()][-1]
    assert not finding.works
    return name, finding.detail


def test_a_port_that_cannot_be_opened_is_told_in_one_line():
    """And gRPC, which a program has print nothing, does not tell of it, too."""
    program = (
        "import runpy, sys, asyncio\n"
        "from pathlib import Path\n"
        "sys.argv[1:] = ['digest', 'none.json']\n"
        "try:\n"
        "    runpy.run_module('tff_health.federation', run_name='__main__')\n"
        "except SystemExit:\n"
        "    import grpc\n"
        "    grpc.server(None).add_insecure_port('none.invalid:1')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, cwd=ROOT, capture_output=True, text=True
    )
    told = done.stderr.splitlines()
    assert told[0] == "Error: none.json: cannot be read: No such file or directory"
    assert told[1].startswith("Traceback")
    assert told[-1].startswith("RuntimeError: Failed to bind")
    assert not [line for line in told if "add_port" in line]


def test_nobody_listens(consortium):
    name, detail = last(run(failing(consortium, "localhost:9")))
    assert name == "port"
    assert "Connection refused: is the server running" in detail


def test_a_name_that_is_none(consortium):
    name, detail = last(run(failing(consortium, "fed.invalid:8470")))
    assert name == "name"
    assert "is known to no name server" in detail


def test_another_name_than_the_certificates(consortium):
    async def work():
        async with consortium.hub() as (hub, address):
            other = address.replace("localhost", "127.0.0.1")
            return await failing(consortium, other, hub=hub)

    name, detail = last(run(work()))
    assert name == "server"
    assert "is not ours: IP address mismatch" in detail


def test_a_server_of_another_consortium(consortium, tmp_path):
    foreign = Consortium.found(tmp_path)

    async def work():
        async with foreign.hub() as (hub, address):
            return await failing(consortium, address, hub=hub)

    name, detail = last(run(work()))
    assert name == "server"
    assert "is not ours" in detail


def test_a_server_that_does_not_know_our_ca(consortium, tmp_path):
    foreign = Consortium.found(tmp_path, consortium="foreign")
    server = replace(consortium.server, ca=foreign.registry.ca.encode())

    async def work():
        hub = GrpcHub(server, STUDY, lambda: consortium.registry)
        port = await hub.start("localhost:0")
        try:
            return await failing(consortium, f"localhost:{port}")
        finally:
            await hub.close("the test is over", patience=0.5)

    name, detail = last(run(work()))
    assert name == "server"
    assert "refuses" in detail


def test_another_study(consortium):
    async def work():
        async with consortium.hub() as (hub, address):
            return await failing(consortium, address, STUDY, hub)

    name, detail = last(run(work()))
    assert name == "study"
    assert "the server has another study" in detail


def test_a_site_that_runs_already(consortium):
    folder = consortium.folder / "one"
    key = keys.read_storage_key(folder / keys.STORAGE_KEY)
    log = SealedLog.open(folder / JOURNAL, key, "journal")
    try:
        findings = run(failing(consortium, "localhost:9"))
    finally:
        log.close()
    assert not findings["journal"].works
    assert "another program has it open" in findings["journal"].detail


def test_files_that_are_wrong(consortium):
    file, _ = site_file(consortium, "localhost:9", study="00000-" * 7 + "00000")
    name, detail = last(run(found_by_check(file)))
    assert name == "files"
    assert "was changed since" in detail


def test_keys_of_nobody_and_a_journal_that_is_gone(tmp_path):
    consortium = Consortium.found(tmp_path, "one", "two", "three")
    findings = run(failing(consortium, "localhost:9"))
    assert JOURNAL in findings["journal"].detail
    for name in (keys.TLS_KEY, keys.IDENTITY_KEY, keys.STORAGE_KEY):
        (tmp_path / "one" / name).unlink()
    (tmp_path / "one").rename(tmp_path / "before")
    enrolment.enrol(tmp_path / "one", "one")
    name, detail = last(run(failing(consortium, "localhost:9")))
    assert "get the registry that was made after your request was signed" in detail


def test_check_by_the_command_line(consortium, capsys):
    file, _ = site_file(consortium, "localhost:9")
    assert main(["check", str(file)]) == 1
    out = capsys.readouterr().out
    assert "ok    files" in out
    assert "FAIL  port" in out
    assert out.endswith("Not ready to take part: see FAIL above.\n")


async def found_with(consortium, **changes):
    """What a check finds whose server says something else of itself."""
    async with consortium.hub() as (hub, address):
        file, digest = site_file(consortium, address)
        hub._study = digest

        def answer(greeting):
            ours = Greeting.of(digest, consortium.registry.digest)
            return (
                replace(ours, **changes).answering(greeting, consortium.server.identity).to_frame()
            )

        hub._answer = answer
        return await found_by_check(file)


@pytest.mark.parametrize(
    ("changes", "name", "said"),
    [
        ({"package": "9.9.9"}, "version", "9.9.9 there, .* here: install the same"),
        ({"version": 9}, "version", "speaks version 9 of the carrier"),
        ({"study": bytes(32)}, "study", "the server has another study"),
        ({"clock": int(time.time()) - 4000}, "clock", "4... seconds after .*: set the clock"),
        ({"clock": int(time.time()) + 4000}, "clock", "3... seconds before .*: set the clock"),
    ],
)
def test_a_server_that_differs(consortium, changes, name, said):
    findings = run(found_with(consortium, **changes))
    assert [key for key, finding in findings.items() if not finding.works] == [name]
    assert re.search(said, findings[name].detail)


def test_a_server_with_another_registry_is_told_and_allowed(consortium):
    findings = run(found_with(consortium, registry=bytes(32)))
    assert findings["registry"].works
    assert "here: get the new one" in findings["registry"].detail


def test_a_server_without_the_key_that_the_registry_has(consortium):
    async def work():
        async with consortium.hub() as (hub, address):
            file, digest = site_file(consortium, address)
            hub._study = digest
            hub._credentials = replace(consortium.server, identity=SigningIdentity.generate())
            return await found_by_check(file)

    name, detail = last(run(work()))
    assert name == "server"
    assert "has not signed" in detail


def test_a_servers_certificate_that_is_about_to_expire(tmp_path, monkeypatch):
    consortium = Consortium.found(tmp_path, "one", "two", "three")
    create_state(tmp_path / "one")
    monkeypatch.setattr(preflight, "_SOON", timedelta(days=10_000))

    async def work():
        async with consortium.hub() as (hub, address):
            file, hub._study = site_file(consortium, address)
            return await found_by_check(file)

    assert "have its operator renew it" in run(work())["server"].detail


@pytest.fixture
def keeper(tmp_path):
    """A consortium whose scheme needs a key holder; its file."""
    consortium = Consortium.found(tmp_path, "one", "two", "three")
    create_state(tmp_path / "one")
    request = enrolment.enrol(tmp_path / "keeper", "keeper")
    enrolment.sign(tmp_path / "ca", request, spoken(request.digest), AUTHORITY)
    return consortium


def party_file(consortium, address, text="", name="keeper"):
    file, digest = site_file(consortium, address)
    section = file.read_text().partition("[policy]")[0].replace('"one"', f'"{name}"')
    file.write_text(section + text)
    return file, digest


def test_a_key_holder_that_can_take_part(keeper):
    async def work():
        async with keeper.hub() as (hub, address):
            file, hub._study = party_file(keeper, address)
            return await found_by_check(file)

    findings = run(work())
    assert [*findings] == [
        "files",
        "certificate",
        "name",
        "port",
        "server",
        "version",
        "study",
        "registry",
        "clock",
    ]
    assert all(finding.works for finding in findings.values())
    assert "authority or key holder" in findings["files"].detail


def test_files_of_parties_that_are_mistaken_for_each_other(keeper):
    name, detail = last(run(found_by_check(party_file(keeper, "localhost:9", name="one")[0])))
    assert name == "files"
    assert "has no section [policy], which one (client 1) needs" in detail
    policy = SITE.partition("[policy]")[2]
    file, _ = party_file(keeper, "localhost:9", f"[policy]{policy}")
    name, detail = last(run(found_by_check(file)))
    assert name == "files"
    assert "needs no section [policy]: leave it out" in detail
