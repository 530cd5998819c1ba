"""What stands for NVFlare in tests: posts of a server and of clients in one process."""

import contextlib
import threading
import time

from tests.tff_health.federation.parties import QUICK, SMALL, STUDY
from tff_health.federation.nvflare.hub import AuxHub
from tff_health.federation.nvflare.line import AuxConnector
from tff_health.federation.nvflare.post import SERVER_NAME, PostError


class Switchboard:
    """Connects posts, and disturbs what they carry.

    Attributes:
        alter: from (sender, target, topic, data) to what arrives; None: nothing changes.
        cut: names that nothing reaches, and from which nothing comes.
        hung: names at which messages wait until the sender gives up.
    """

    def __init__(self):
        self.alter = None
        self.cut, self.hung = set(), set()
        self.carried = []
        self.listeners = {}

    def post(self, name):
        return SwitchboardPost(self, name)


class SwitchboardPost:
    def __init__(self, board, name):
        self.board, self.name = board, name

    def send(self, target, topic, data, seconds):
        board = self.board
        if board.hung & {self.name, target}:
            time.sleep(seconds)
            raise PostError("it hangs")
        take = board.listeners.get((target, topic))
        if take is None or board.cut & {self.name, target}:
            raise PostError(f"{target} is not there")
        board.carried.append((self.name, target, topic, data))
        if board.alter is not None:
            data = board.alter(self.name, target, topic, data)
        answers = []
        one = threading.Thread(target=lambda: answers.append(take(data, self.name)), daemon=True)
        one.start()
        one.join(seconds)
        if not answers:
            raise PostError("it gives no answer")
        return answers[0]

    def listen(self, topic, take):
        self.board.listeners[self.name, topic] = take


@contextlib.asynccontextmanager
async def aux_hub(consortium, board, limits=SMALL, pace=QUICK, study=STUDY, server=None):
    hub = AuxHub(
        board.post(SERVER_NAME),
        server or consortium.server,
        study,
        lambda: consortium.registry,
        limits,
        pace,
    )
    hub.start()
    try:
        yield hub
    finally:
        await hub.close("the test is over", patience=1.0)


@contextlib.asynccontextmanager
async def aux_line(consortium, board, name, *, site=None, client=None, limits=SMALL, pace=QUICK):
    """A site's line; `client` is its name at NVFlare, if that is another."""
    connector = AuxConnector(board.post(client or name), limits, pace)
    site = site or consortium.site(name)
    try:
        async with connector.connect("here", site, consortium.greeting()) as line:
            yield line
    finally:
        connector.close()
