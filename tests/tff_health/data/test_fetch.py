import hashlib
import http.server
import os
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from tff_health.data import __main__ as command
from tff_health.data import fetch
from tff_health.errors import ConfigError, DataError

BODY = np.random.default_rng(6).bytes(1_000_000)
DOWNLOAD = fetch.Download(
    file_name="images.npz",
    url="http://unused.invalid/images.npz",
    algorithm="sha256",
    checksum=hashlib.sha256(BODY).hexdigest(),
    terms="free",
)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by the path that is asked for."""

    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/good")
            self.end_headers()
            return
        if self.path not in {"/good", "/short", "/other", "/unannounced", "/broken"}:
            self.send_error(404)
            return
        self.send_response(200)
        if self.path != "/unannounced":
            self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.path == "/other":
            self.wfile.write(bytes(len(BODY)))
        elif self.path == "/short":
            self.wfile.write(BODY[:300_000])
        else:
            self.wfile.write(BODY)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("page", ["good", "moved", "unannounced"])
def test_downloads(server, tmp_path, page):
    folder = tmp_path / "new" / "folder"
    path = fetch.fetch(DOWNLOAD, folder, f"{server}/{page}")
    assert path == folder / "images.npz"
    assert path.read_bytes() == BODY
    assert list(folder.iterdir()) == [path]


def test_plain_lines_without_a_terminal(server, tmp_path, capsys):
    fetch.fetch(DOWNLOAD, tmp_path, f"{server}/good")
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 2
    assert 1 <= printed.err.count("\n") <= 5
    assert printed.err.endswith("100% of 1,000,000 bytes\n")
    assert "\r" not in printed.err


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("missing", "/missing answered 404 Not Found"),
        ("short", "broke off after 300,000 of 1,000,000 bytes"),
        ("other", "sent another file: its sha256 is"),
    ],
)
def test_bad_answer(server, tmp_path, page, message):
    with pytest.raises(DataError, match=message):
        fetch.fetch(DOWNLOAD, tmp_path, f"{server}/{page}")
    assert not list(tmp_path.iterdir())


def test_connection_refused(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(DataError, match="Connection refused; check the network"):
        fetch.fetch(DOWNLOAD, tmp_path, f"http://127.0.0.1:{port}/")
    assert not list(tmp_path.iterdir())


def test_no_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT_SECONDS", 0.05)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(DataError, match="timed out"),
    ):
        fetch.fetch(DOWNLOAD, tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}/")


def test_answer_that_is_not_http(tmp_path):
    def speak(listening):
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"SSH-2.0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=speak, args=(listening,)).start()
        with pytest.raises(DataError, match=r"cannot be downloaded: SSH-2\.0"):
            fetch.fetch(DOWNLOAD, tmp_path, f"http://127.0.0.1:{listening.getsockname()[1]}/")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/file", "images.npz"])
def test_other_schemes(tmp_path, url):
    with pytest.raises(ConfigError, match="not an http or https address"):
        fetch.fetch(DOWNLOAD, tmp_path, url)


def test_url_without_host(tmp_path):
    with pytest.raises(DataError, match="cannot be downloaded"):
        fetch.fetch(DOWNLOAD, tmp_path, "http://")


def test_full_disk(server, tmp_path, monkeypatch):
    def full(_file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match=r"images.npz cannot be written: No space left on device"):
        fetch.fetch(DOWNLOAD, tmp_path, f"{server}/good")
    assert not list(tmp_path.iterdir())


def test_interruption(server, tmp_path, monkeypatch):
    def interrupted(_progress, _received):
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch._Progress, "show", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch.fetch(DOWNLOAD, tmp_path, f"{server}/good")
    assert not list(tmp_path.iterdir())


def test_folder_cannot_be_made(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"the folder .*file cannot be made: File exists"):
        fetch.fetch(DOWNLOAD, tmp_path / "file", f"{server}/good")


def test_present_file_is_left_alone(tmp_path, capsys):
    (tmp_path / "images.npz").write_bytes(BODY)
    fetch.fetch(DOWNLOAD, tmp_path)
    assert "is there already; its checksum is right" in capsys.readouterr().out


def test_other_file_in_the_way(server, tmp_path):
    (tmp_path / "images.npz").write_bytes(b"mine")
    with pytest.raises(DataError, match="is there already, but is not the published file"):
        fetch.fetch(DOWNLOAD, tmp_path, f"{server}/good")
    assert (tmp_path / "images.npz").read_bytes() == b"mine"


def test_folder_in_the_way(server, tmp_path):
    (tmp_path / "images.npz").mkdir()
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        fetch.fetch(DOWNLOAD, tmp_path, f"{server}/good")


class TestCommand:
    def test_names_that_can_be_fetched(self):
        assert set(command.FETCHABLE) == set(fetch.DOWNLOADS)

    def test_fetch(self, server, tmp_path, monkeypatch, capsys):
        monkeypatch.setitem(fetch.DOWNLOADS, "mnist", DOWNLOAD)
        environment = {"TFF_HEALTH_DATA_DIR": str(tmp_path)}
        assert command.main(["fetch", "mnist", f"--url={server}/good"], environment) == 0
        assert (tmp_path / "images.npz").read_bytes() == BODY

    def test_one_line_for_an_error(self, server, tmp_path, capsys):
        arguments = ["fetch", "mnist", f"--url={server}/none", f"--data_dir={tmp_path}"]
        assert command.main(arguments, {}) == 1
        error = capsys.readouterr().err
        assert error == f"Error: {server}/none answered 404 Not Found\n"

    def test_interruption(self, tmp_path, monkeypatch, capsys):
        def interrupted(*_arguments):
            raise KeyboardInterrupt

        monkeypatch.setattr(fetch, "fetch", interrupted)
        assert command.main(["fetch", "mnist", f"--data_dir={tmp_path}"], {}) == 130
        assert capsys.readouterr().err == "Interrupted; nothing half-written was kept.\n"

    def test_show(self, tmp_path, capsys):
        picture = tmp_path / "sheet.png"
        assert command.main(["show", "synthetic_lesions", f"--png={picture}"], {}) == 0
        printed = capsys.readouterr().out
        for words in ("4,000 of 28x28x3", "nv 2,678", "east ", "clean, paper", str(picture)):
            assert words in printed
        with Image.open(picture) as sheet:
            assert sheet.size == ((16 * 29 + 1) * 3, (7 * 29 + 1) * 3)

    def test_show_grey_images_with_a_test_part(self, tmp_path, capsys):
        zeros = {"x": np.zeros((3, 28, 28), np.uint8), "y": np.zeros(3, np.uint8)}
        arrays = {f"{key}_{part}": zeros[key] for key in zeros for part in ("train", "test")}
        np.savez(tmp_path / "mnist.npz", **arrays)
        arguments = ["show", "mnist", f"--data_dir={tmp_path}", f"--png={tmp_path / 'sheet.png'}"]
        assert command.main(arguments, {}) == 0
        assert "3 images" in capsys.readouterr().out

    def test_picture_cannot_be_written(self, tmp_path, capsys):
        arguments = ["show", "digits", f"--png={tmp_path / 'nowhere' / 'sheet.png'}"]
        assert command.main(arguments, {}) == 1
        assert "cannot be written: No such file or directory" in capsys.readouterr().err

    def test_missing_files(self, tmp_path, capsys):
        assert command.main(["show", "mnist"], {"TFF_HEALTH_DATA_DIR": str(tmp_path)}) == 1
        assert capsys.readouterr().err.count("\n") == 1

    @pytest.mark.parametrize(
        "arguments", [[], ["show"], ["fetch", "digits"], ["show", "digits", "--x"]]
    )
    def test_bad_usage(self, arguments):
        with pytest.raises(SystemExit) as caught:
            command.main(arguments, {})
        assert caught.value.code == 2

    @pytest.mark.parametrize("side", ["abc", "3", "-8", "1e2", "9999999999", "4.5"])
    def test_a_size_that_is_none_is_refused_by_its_range(self, side, capsys):
        with pytest.raises(SystemExit):
            command.main(["show", "images", f"--image_size={side}"], {})
        told = capsys.readouterr().err.splitlines()[-1]
        assert told.endswith(f"argument --image_size: {side!r}: must be from 8 to 1024")

    def test_an_unknown_data_set_is_an_error_that_names_the_known_ones(self, capsys):
        assert command.main(["show", "cifar"], {}) == 2
        assert "choose one of ham10000, " in capsys.readouterr().err

    def test_help_is_quick(self):
        # Processor time of the child, so that a busy machine changes nothing.
        before = os.times().children_user
        subprocess.run(
            [sys.executable, "-m", "tff_health.data", "--help"], check=True, capture_output=True
        )
        assert os.times().children_user - before < 0.5
