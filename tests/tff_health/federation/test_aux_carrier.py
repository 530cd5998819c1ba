"""The carrier over NVFlare's aux messages, without NVFlare: what it bears, and whom it refuses."""

import asyncio
import random
from dataclasses import replace

import numpy as np
import pytest

from crypto.parties import SERVER
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.stages import Stage
from crypto.session.apart.conductor import Conductor
from crypto.session.apart.links import LinkLostError
from crypto.session.apart.member import Expected
from crypto.session.apart.participant import Participant
from crypto.session.consortium import EnrolledConsortium
from crypto.session.sum_roles import VectorShape
from tests.tff_health.federation.parties import Consortium, run, until
from tests.tff_health.federation.switchboard import Switchboard, aux_hub, aux_line
from tff_health.federation.consortium import enrolment
from tff_health.federation.errors import RefusedError
from tff_health.federation.nvflare.post import ACCEPTED, LETTER, SERVER_NAME

NAMES = "one", "two", "three", "four"


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    return Consortium.found(tmp_path_factory.mktemp("consortium"), *NAMES)


def with_identity_of(site, other):
    return replace(site, identity=other.identity)


def letters(board, sender):
    return [data for name, _, topic, data in board.carried if (name, topic) == (sender, LETTER)]


def test_messages_of_every_length_come_whole_and_in_order(consortium):
    lengths = [0, 1, 9_991, 9_992, 10_000, 20_001, 2_999_999, 3_000_000, 5]
    messages = [bytes([i]) * length for i, length in enumerate(lengths)]

    async def work():
        board = Switchboard()
        async with aux_hub(consortium, board) as hub, aux_line(consortium, board, "one") as line:
            for message in messages:
                await hub.send(1, message)
                await line.send(message)
            for message in messages:
                assert await line.receive() == message
                arrival = await hub.receive()
                assert (arrival.party, arrival.data) == (1, message)
            assert hub.traffic[1].sent == hub.traffic[1].received == sum(lengths)

    run(work())


def test_a_site_leaves_comes_back_and_is_told_why_the_server_goes(consortium):
    async def work():
        board = Switchboard()
        async with aux_hub(consortium, board) as hub:
            for number in range(2):
                async with aux_line(consortium, board, "one") as line:
                    await line.send(bytes([number]))
                    assert (await hub.receive()).data == bytes([number])
                assert (await hub.receive()).data is None
            async with aux_line(consortium, board, "one") as line:
                await hub.send(1, b"last")
                await hub.close("maintenance until noon")
                assert await line.receive() == b"last"
                with pytest.raises(LinkLostError, match="maintenance until noon"):
                    await line.receive()

    run(work())


def test_heartbeats_keep_an_idle_connection(consortium):
    async def work():
        board = Switchboard()
        async with aux_hub(consortium, board) as hub, aux_line(consortium, board, "one") as line:
            await asyncio.sleep(1.6)  # more than the longest silence
            await line.send(b"still here")
            assert (await hub.receive()).data == b"still here"

    run(work())


def test_no_server_is_a_lost_link(consortium):
    async def work():
        with pytest.raises(LinkLostError, match="server cannot be reached"):
            async with aux_line(consortium, Switchboard(), "one"):
                pass

    run(work())


@pytest.mark.parametrize("blow", ["cut", "hung"])
def test_a_site_that_is_cut_off_or_hangs_is_gone_and_comes_back(consortium, blow):
    async def work():
        board = Switchboard()
        async with aux_hub(consortium, board) as hub:
            with pytest.raises(LinkLostError):
                async with aux_line(consortium, board, "one") as line:
                    getattr(board, blow).add("one")
                    assert (await hub.receive()).data is None
                    assert not hub.connected
                    await line.receive()
            getattr(board, blow).clear()
            async with aux_line(consortium, board, "one") as line:
                await line.send(b"back")
                assert (await hub.receive()).data == b"back"

    run(work())


def test_a_second_stream_of_a_living_site_is_refused(consortium, caplog):
    async def work():
        board = Switchboard()
        async with aux_hub(consortium, board) as hub, aux_line(consortium, board, "one") as line:
            with pytest.raises(RefusedError, match="second program runs with the same keys"):
                async with aux_line(consortium, _Shared(board), "one"):
                    pass
            await line.send(b"first")
            assert (await hub.receive()).data == b"first"

    run(work())


class _Shared:
    """A switchboard at which two programs have one name, which NVFlare itself does not allow."""

    def __init__(self, board):
        self._board = board

    def post(self, name):
        board, first = self._board, self._board.listeners[name, LETTER]
        post = board.post(name)

        class Post:
            send = staticmethod(post.send)

            @staticmethod
            def listen(topic, take):
                def either(data, peer):
                    answer = first(data, peer)
                    return answer if answer == ACCEPTED else take(data, peer)

                board.listeners[name, topic] = either

        return Post()


@pytest.mark.parametrize(
    ("who", "identity", "client", "reason"),
    [
        ("one", "two", "one", "'one' of the registry has not signed"),
        ("one", "one", "two", "same name in the registry and at NVFlare"),
        ("one", "two", "two", "same name in the registry and at NVFlare"),
    ],
)
def test_who_says_to_be_another_is_refused(consortium, caplog, who, identity, client, reason):
    async def work():
        board = Switchboard()
        site = with_identity_of(consortium.site(who), consortium.site(identity))
        async with aux_hub(consortium, board) as hub:
            with pytest.raises(LinkLostError):
                async with aux_line(consortium, board, who, site=site, client=client):
                    pass
            assert not hub.connected
            async with aux_line(consortium, board, "three"):
                assert hub.connected == {3}

    run(work())
    assert reason in caplog.text


def test_a_server_that_the_registry_does_not_know_is_refused(consortium, tmp_path):
    other = Consortium.found(tmp_path, "one")

    async def work():
        board = Switchboard()
        server = replace(consortium.server, identity=other.server.identity)
        async with aux_hub(consortium, board, server=server):
            with pytest.raises(LinkLostError, match="gave no answer"):
                async with aux_line(consortium, board, "one"):
                    pass

    run(work())


def test_another_study_is_refused_with_both_digests(consortium):
    async def work():
        board = Switchboard()
        async with aux_hub(consortium, board, study=b"t" * 32):
            with pytest.raises(RefusedError, match="another study") as caught:
                async with aux_line(consortium, board, "one"):
                    pass
            assert caught.value.is_final

    run(work())


def test_a_revoked_site_is_cut_off_and_not_admitted_again(tmp_path, caplog):
    changing = Consortium.found(tmp_path, "one")

    async def work():
        board = Switchboard()
        async with aux_hub(changing, board) as hub:
            async with aux_line(changing, board, "one") as line:
                site = changing.site("one")
                enrolment.revoke(tmp_path / "ca", "one")
                await until(lambda: not hub.connected)
                with pytest.raises(LinkLostError):
                    await line.receive()
            with pytest.raises(RefusedError, match="was revoked"):
                async with aux_line(changing, board, "one", site=site):
                    pass

    run(work())
    assert "cut off: one (client 1): was revoked" in caplog.text


def test_letters_that_come_again_are_refused(consortium, caplog):
    async def work():
        board = Switchboard()
        taken = []
        async with aux_hub(consortium, board) as hub:
            async with aux_line(consortium, board, "one") as line:
                await line.send(b"once")
                assert (await hub.receive()).data == b"once"
                take = board.listeners[SERVER_NAME, LETTER]
                taken = letters(board, "one")
                for data in taken:
                    answer = await asyncio.to_thread(take, data, "one")
                    assert answer.startswith(b"refused: letter")
            assert (await hub.receive()).data is None
            for data in taken:  # the stream is over, and cannot be opened again
                answer = await asyncio.to_thread(take, data, "one")
                assert b"not any more" in answer
            assert not hub.connected
        async with aux_hub(consortium, board) as hub:  # a server that was started anew
            take = board.listeners[SERVER_NAME, LETTER]
            assert b"not any more" in await asyncio.to_thread(take, taken[0], "one")
            assert not hub.connected

    run(work())


def test_letters_for_another_site_are_refused(consortium):
    async def work():
        board = Switchboard()
        async with (
            aux_hub(consortium, board) as hub,
            aux_line(consortium, board, "one"),
            aux_line(consortium, board, "two"),
        ):
            await hub.send(1, b"for one")
            await until(lambda: any(b"for one" in data for data in letters(board, SERVER_NAME)))
            data = next(d for d in letters(board, SERVER_NAME) if b"for one" in d)
            take = board.listeners["two", LETTER]
            assert b"another stream" in await asyncio.to_thread(take, data, SERVER_NAME)

    run(work())


@pytest.mark.parametrize("direction", ["to the server", "to the site"])
def test_a_changed_byte_ends_the_stream_and_nothing_changed_arrives(consortium, direction):
    async def work():
        board = Switchboard()
        async with aux_hub(consortium, board) as hub:
            with pytest.raises(LinkLostError):
                async with aux_line(consortium, board, "one") as line:

                    def alter(_sender, target, topic, data):
                        if b"mark" in data and (target == SERVER_NAME) == (
                            direction[7:] == "server"
                        ):
                            return data.replace(b"mark", b"dark")
                        return data

                    board.alter = alter
                    await hub.send(1, b"mark")
                    await line.send(b"mark")
                    while True:
                        assert await line.receive() == b"mark"
            while (arrival := await hub.receive()).data is not None:
                assert arrival.data == b"mark"

    run(work())


def test_garbage_is_refused_and_the_rest_goes_on(consortium, caplog):
    rng = random.Random(3)

    async def work():
        board = Switchboard()
        async with aux_hub(consortium, board) as hub, aux_line(consortium, board, "one") as line:
            good = letters(board, "one")[0]
            takes = [board.listeners[SERVER_NAME, LETTER], board.listeners["one", LETTER]]

            def throw():
                for _ in range(500):
                    data = bytearray(good)
                    for _ in range(rng.randrange(1, 4)):
                        data[rng.randrange(len(data))] = rng.randrange(256)
                    for bad in (bytes(data), rng.randbytes(rng.randrange(300)), good[:-1]):
                        if bad != good:
                            assert all(take(bad, "one").startswith(b"refused") for take in takes)
                assert b"its frame may have" in takes[0](bytes(5_000_000), "one")

            await asyncio.to_thread(throw)
            await line.send(b"still here")
            assert (await hub.receive()).data == b"still here"

    run(work())


def test_a_secure_sum_survives_a_site_that_is_lost_before_it_uploads(consortium):
    length, bits, clients = 5_000, 20, (1, 2, 3, 4)
    rng = np.random.default_rng(1)
    vectors = {c: rng.integers(0, 1 << bits, length, dtype=np.uint64) for c in clients}
    keys = consortium.registry.verify_keys

    async def take_part(board, client, name):
        own = consortium.site(name).identity
        member = DoubleMasking(consortium=EnrolledConsortium(keys, party=client, own=own)).member(
            client
        )
        member.expect(Expected.of(1, b"", vectors[client]))

        def answer(call):
            if client == 4 and call.stage == Stage.MASKED_INPUT.value:
                board.cut.add(name)
            return member.answer(call)

        try:
            async with aux_line(consortium, board, name) as line:
                await Participant({"sum/sum": answer}).serve(line)
        except LinkLostError:
            pass

    async def work():
        board = Switchboard()
        async with aux_hub(consortium, board) as hub:
            sites = [
                asyncio.create_task(take_part(board, client, name))
                for client, name in zip(clients, NAMES, strict=True)
            ]
            await until(lambda: hub.connected == set(clients))
            server = DoubleMasking(consortium=EnrolledConsortium(keys, party=SERVER))
            shape = VectorShape(length, bits)
            result = await Conductor(hub, 10).run(
                lambda asking: server.serve(asking, "sum", clients, shape, round_id=1)
            )
        await asyncio.gather(*sites)
        return result

    result = run(work())
    assert result.survivors == (1, 2, 3)
    wanted = sum(vectors[c] for c in result.survivors) & np.uint64((1 << bits) - 1)
    np.testing.assert_array_equal(result.sum, wanted)
