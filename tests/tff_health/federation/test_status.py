"""The status page: what it shows, to whom, and that it stays harmless."""

import http.client
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tff_health.federation.errors import FederationError
from tff_health.federation.status import page
from tff_health.federation.status.serving import StatusPage
from tff_health.federation.status.snapshot import RoundStatus, ServerStatus, SiteStatus

NOW = 1_795_900_000.0
SITES = (
    SiteStatus(
        name="charite",
        party="client 1",
        state="connected",
        since=NOW - 4000,
        bytes_up=12_345_678,
        bytes_down=999,
    ),
    SiteStatus(name="lyon", party="client 2", state="silent", since=NOW - 70, dropouts=1, late=2),
    SiteStatus(name="uppsala", party="client 3", state="away", dropouts=3),
    SiteStatus(name="holder", party="the authority", state="connected", since=NOW - 5),
)
ROUNDS = tuple(
    RoundStatus(
        number=n,
        seconds=30.0 + n,
        cohort=3,
        survivors=3 - n % 2,
        accuracy=0.5 + 0.08 * n,
        epsilon=0.2 * n,
        bytes_up=3_000_000,
        bytes_down=3_500_000,
        stages=(("key setup", 0.21), ("masked input", 28.4), ("unmasking", 0.5)),
    )
    for n in (1, 2, 3, 4)
)
STATUS = ServerStatus(
    study="Skin lesions 2026",
    study_digest="67906-bd820-30f88-0fe31-a9b9d-41627-d2654-67e53",
    registry_digest="bdf80-1b4ce-0f591-c33e7-e4ce7-43bcc-51469-aeb5d",
    scheme="zhang_hardened",
    version="0.1.0",
    now=NOW,
    started=NOW - 4100,
    round_number=5,
    rounds_in_all=20,
    stage="masked input",
    stage_began=NOW - 12.4,
    stage_seconds=60.0,
    waiting_for=("lyon", "uppsala"),
    sites=SITES,
    rounds=ROUNDS,
)


class Text(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self, html):
        super().__init__()
        self.words, self.tags = [], set()
        self.feed(html)
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.words.append(data)


def test_it_shows_what_an_operator_wants_to_know():
    text = Text(page.render(STATUS)).text
    for shown in (
        *("Skin lesions 2026", "scheme zhang_hardened", "running for 68 min", "5 of 20"),
        *("Sites connected 2 of 4", "Accuracy 82.0 %", "Epsilon spent 0.8", "about 8 min"),
        *("masked input for 12 s, at most 60 s · waiting for lyon, uppsala", "12.3 MB", "999 B"),
        *("silent for 70 s", "2 of 3", "unmasking 0.5 s", "Accuracy by round"),
        *(STATUS.study_digest, STATUS.registry_digest, "2026-11-2"),
    ):
        assert shown in text, shown


def test_before_the_first_round():
    status = replace(STATUS, rounds=(), round_number=1, stage="waiting for 2 more sites")
    text = Text(page.render(replace(status, stage_seconds=None, waiting_for=()))).text
    assert "None has ended yet." in text
    assert "Accuracy \N{EN DASH}" in text
    assert "Epsilon" not in text
    assert "at most" not in text


def test_a_round_that_gave_no_sum_says_why():
    failed = RoundStatus(
        number=5, seconds=60.0, cohort=3, survivors=0, outcome="2 are left, 3 are needed"
    )
    text = Text(page.render(replace(STATUS, rounds=(*ROUNDS, failed), round_number=21))).text
    assert "0 of 3 \N{EN DASH} 0 B 0 B 2 are left, 3 are needed" in text
    assert "Accuracy 82.0 %" in text  # the model is still that of round 4
    assert "Round 20 of 20" in text


def test_the_latest_rounds_come_first_and_old_ones_are_left_out():
    rounds = tuple(replace(ROUNDS[0], number=n) for n in range(1, 201))
    text = Text(page.render(replace(STATUS, rounds=rounds))).text
    assert "and 150 earlier ones" in text
    assert text.index("200 31 s") < text.index("151 31 s")
    assert "150 31 s" not in text


def test_names_are_text_and_the_page_loads_nothing():
    evil = '<script>alert(1)</script>"><img src=x>'
    html = page.render(replace(STATUS, study=evil, stage=evil, waiting_for=(evil,)))
    found = Text(html)
    assert not {"script", "img", "link", "iframe", "object"} & found.tags
    assert "alert(1)" in found.text
    assert "http://" not in html
    assert "https://" not in html


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        *((page.show_bytes(n), t) for n, t in [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB")]),
        *((page.show_bytes(n), t) for n, t in [(123_456, "123 kB"), (7 * 10**15, "7000 TB")]),
        *((page.show_span(s), t) for s, t in [(-1, "0.0 s"), (9.94, "9.9 s"), (119, "119 s")]),
        *((page.show_span(s), t) for s, t in [(120, "2 min"), (7200, "2 h"), (200_000, "2 days")]),
    ],
)
def test_numbers_for_people(shown, text):
    assert shown == text


def ask(server, path="/", method="GET", **headers):
    port = int(server.address.rstrip("/").rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()
    finally:
        connection.close()


def test_it_is_served_on_loopback_with_strict_headers():
    with StatusPage(lambda: STATUS) as server:
        assert server.address.startswith("http://127.0.0.1:")
        answer, html = ask(server)
        assert answer.status == 200
        assert html == page.render(STATUS)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Python" not in answer.headers["Server"]
        answer, text = ask(server, "/status.json?x")
        assert json.loads(text)["sites"][0]["name"] == "charite"
        assert ask(server, "/../../etc/passwd")[0].status == 404
        assert ask(server, method="POST")[0].status == 501
    with pytest.raises(OSError, match="refused"):
        ask(server)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *((name, 200) for name in ("localhost", "localhost:80", "127.0.0.1:9", "[::1]", "[::1]:8")),
        *(
            (name, 403)
            for name in ("evil.example", "evil.example:80", "", "10.0.0.1", "localhostx")
        ),
    ],
)
def test_other_names_for_loopback_are_not_answered(host, status):
    with StatusPage(lambda: STATUS) as server:
        assert ask(server, Host=host)[0].status == status


def test_elsewhere_it_is_served_when_told_so():
    with StatusPage(lambda: STATUS, "0.0.0.0") as server:  # noqa: S104 - told so
        assert ask(server, Host="fed.example.org")[0].status == 200


def test_a_port_that_is_taken():
    with StatusPage(lambda: STATUS) as server:
        port = int(server.address.rstrip("/").rpartition(":")[2])
        with pytest.raises(FederationError, match="cannot be served there"):
            StatusPage(lambda: STATUS, port=port)
    for port in (-1, 70_000):
        with pytest.raises(FederationError, match="cannot be served there"):
            StatusPage(lambda: STATUS, port=port)


@pytest.mark.skipif(not shutil.which("chromium"), reason="there is no Chromium here")
def test_a_browser_renders_it(tmp_path):
    picture = tmp_path / "status.png"
    with StatusPage(lambda: STATUS) as server:
        subprocess.run(
            [
                *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *(f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1200,1000"),
                *(f"--screenshot={picture}", server.address),
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
    assert picture.read_bytes().startswith(b"\x89PNG")
