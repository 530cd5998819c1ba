"""A long random run over every decoder and every role's input: only declared errors may come out.

Usage: python -m benchmarks.crypto.fuzz [--inputs=100000] [--seed=0] [--only=NAME]

Inputs are noise, and valid messages with bytes changed, cut, inserted, or spliced with others; in
signed sessions every other input for the server is signed anew by its sender, as a malicious
client would. What a decoder accepts must encode to the very same bytes. A finding is an exception
that is not declared: it ends the run, and the input is printed.
"""

import argparse
import copy
import random
import time
from collections import Counter

import numpy as np

from benchmarks.crypto.report import print_table
from crypto.codec import Message
from crypto.encoding.bit_packing import pack, unpack
from crypto.errors import AbortError, DecodingError, MalformedMessageError, ProtocolError
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048
from crypto.primitives.shamir import Share
from crypto.primitives.signatures import SIGNATURE_BYTES, SigningIdentity
from crypto.protocols.masking import messages, unmasking_messages
from crypto.protocols.masking.client import MaskingClient
from crypto.protocols.masking.messages import MessageType, SharePair
from crypto.protocols.masking.parameters import ClientPolicy, MaskingParameters
from crypto.protocols.masking.server import MaskingServer
from crypto.session.joined_sessions import JoinedSessions
from crypto.session.messages import SESSION_ID_BYTES, ClientMessage
from crypto.session.signing import SIGNED_MESSAGE

COHORT, LENGTH, BITS = (1, 2, 3, 4, 5), 20, 27
SENDER, RECEIVER = 2, 1
NUMBERS = [0, 1, 2, 5, 2**31, 2**32 - 1]


class Mutator:
    """Makes inputs out of valid messages."""

    def __init__(self, seed, corpus):
        self.random = random.Random(seed)
        self.corpus = list(corpus)

    def __call__(self, valid):
        draw = self.random
        match draw.randrange(8):
            case 0:
                return draw.randbytes(draw.randrange(200))
            case 1:
                return valid[:4] + draw.randbytes(draw.randrange(200))
            case 2:
                other, cut = draw.choice(self.corpus), draw.randrange(len(valid) + 1)
                return valid[:cut] + other[draw.randrange(len(other) + 1) :]
            case 3:
                return valid[: draw.randrange(len(valid) + 1)]
            case 4:
                cut = draw.randrange(len(valid) + 1)
                return valid[:cut] + draw.randbytes(draw.randrange(1, 9)) + valid[cut:]
        changed = bytearray(valid)
        for _ in range(draw.randrange(1, 4)):
            position = draw.randrange(len(changed))
            if draw.random() < 0.3:
                number = draw.choice(NUMBERS).to_bytes(4, "little")
                changed[position : position + 4] = number
            else:
                changed[position] ^= 1 << draw.randrange(8)
        return bytes(changed)


class Recording:
    """A session by hand that keeps every message and the roles as they were before it."""

    def __init__(self, signed):
        self.signed = signed
        self.identities = {c: SigningIdentity.generate() for c in COHORT}
        registry = {c: identity.verify_key for c, identity in self.identities.items()}
        policy = ClientPolicy(signatures_required=signed)
        clients = {c: MaskingClient(c, self.identities[c], registry, policy) for c in COHORT}
        parameters = MaskingParameters.plan(len(COHORT), LENGTH, BITS, signed=signed)
        server = MaskingServer(COHORT, parameters, 1, registry)
        vectors = {c: np.full(LENGTH, c, np.uint64) for c in COHORT}
        parts = {}
        self.client_steps, self.server_steps = {}, {}

        def exchange(name, down, answer):
            if name != "join":
                self.client_steps[name] = (copy.copy(parts[RECEIVER]), down[RECEIVER])
            else:
                self.client_steps[name] = (copy.deepcopy(clients[RECEIVER]), down[RECEIVER])
            up = {client: answer(client, data) for client, data in down.items()}
            self.server_steps[name] = (copy.deepcopy(server), up[SENDER])
            for client, data in up.items():
                server.receive(client, data)

        def join(client, data):
            parts[client], answer = clients[client].join(data)
            return answer

        exchange("join", server.invite(), join)
        exchange("share_keys", server.publish_keys(), lambda c, d: parts[c].share_keys(d))
        exchange(
            "masked_input",
            server.deliver_shares(),
            lambda c, d: parts[c].masked_input(d, vectors[c]),
        )
        down = server.announce_survivors()
        if signed:
            exchange("confirm_survivors", down, lambda c, d: parts[c].confirm_survivors(d))
            down = server.publish_agreements()
        exchange("unmask", down, lambda c, d: parts[c].unmask(d))
        assert np.array_equal(server.unmask().sum, sum(vectors.values()))

    def corpus(self):
        for _, data in (*self.client_steps.values(), *self.server_steps.values()):
            yield data


def decoders(recordings):
    """Name -> (decode and encode again, a valid input, declared errors)."""
    kinds = {
        kind.TYPE: kind
        for module in (messages, unmasking_messages)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Message) and hasattr(kind, "TYPE")
    }
    valid = {}
    for recording in recordings:
        for data in recording.corpus():
            kind = kinds[data[3]]
            sealed = recording.signed and issubclass(kind, ClientMessage)
            valid[kind.TYPE] = data[:-SIGNATURE_BYTES] if sealed else data
    # Nobody complains in a recorded session, where all are honest.
    complaint = messages.ShareComplaint(bytes(SESSION_ID_BYTES), SENDER, (RECEIVER,))
    valid[complaint.TYPE] = complaint.to_bytes()
    assert sorted(valid) == sorted(MessageType)
    for number, kind in sorted(kinds.items()):
        again = lambda data, kind=kind: kind.from_bytes(data).to_bytes()  # noqa: E731
        yield kind.__name__, again, valid[number], MalformedMessageError
    pair = SharePair(Share(5), Share(2**256))
    yield "Share", lambda d: Share.from_bytes(d).to_bytes(), pair.key.to_bytes(), DecodingError
    yield "SharePair", lambda d: SharePair.from_bytes(d).to_bytes(), pair.to_bytes(), DecodingError
    for group in (FFDHE2048, EDWARDS25519):
        element = group.encode(group.generator_power(group.random_exponent()))
        again = lambda data, group=group: group.encode(group.decode(data))  # noqa: E731
        yield group.name, again, element, DecodingError
    packed = pack(np.arange(LENGTH, dtype="<u4"), BITS)
    yield "unpack", lambda d: pack(unpack(d, LENGTH, BITS), BITS), packed, DecodingError


def fuzz_decoder(decode, valid, declared, mutate, inputs):
    outcomes = Counter()
    for _ in range(inputs):
        data = mutate(valid)
        try:
            again = decode(data)
        except declared as error:
            outcomes[type(error).__name__] += 1
        except Exception:
            print(f"finding: {data.hex()}")
            raise
        else:
            assert again == data, f"two encodings of one value: {data.hex()}"
            outcomes["accepted"] += 1
    return outcomes


def fuzz_client(name, role, valid, mutate, inputs):
    outcomes = Counter()
    vector = np.zeros(LENGTH, np.uint64)
    arguments = (vector,) if name == "masked_input" else ()
    for _ in range(inputs):
        fresh = copy.copy(role)
        if name == "join":
            fresh._joined = JoinedSessions(role.client_id)
        outcomes[attempt(getattr(fresh, name), mutate(valid), *arguments)] += 1
    return outcomes


def fuzz_server(server, valid, identity, mutate, inputs):
    outcomes = Counter()
    for number in range(inputs):
        data = mutate(valid)
        if identity and number % 2:
            body = mutate(valid[:-SIGNATURE_BYTES])
            data = body + identity.sign(SIGNED_MESSAGE, body)
        outcomes[attempt(copy_of(server).receive, SENDER, data)] += 1
    return outcomes


def copy_of(server):
    fresh = copy.copy(server)
    fresh._door = copy.copy(server._door)
    fresh._door._answered = set(server._door._answered)
    for name in ("_keys", "_public_keys", "_dealt", "_agreements", "_answers"):
        setattr(fresh, name, copy.copy(getattr(server, name)))
    fresh._total = copy.deepcopy(server._total)
    return fresh


def attempt(step, *arguments):
    try:
        step(*arguments)
    except ProtocolError as error:
        assert error.culprit is not None, f"nobody named: {arguments!r}"
        return type(error).__name__
    except AbortError as error:
        return type(error).__name__
    except Exception:
        print(f"finding: {arguments!r}")
        raise
    return "accepted"


def targets(recordings, mutate):
    """Name -> a function that runs a number of inputs and returns their outcomes."""
    for name, decode, valid, declared in decoders(recordings):
        yield (
            f"from_bytes {name}",
            lambda inputs, d=decode, v=valid, e=declared: fuzz_decoder(d, v, e, mutate, inputs),
        )
    for recording in recordings:
        suffix = "signed" if recording.signed else "unsigned"
        for name, (role, valid) in recording.client_steps.items():
            yield (
                f"client {name}, {suffix}",
                lambda inputs, n=name, r=role, v=valid: fuzz_client(n, r, v, mutate, inputs),
            )
        identity = recording.identities[SENDER] if recording.signed else None
        for name, (server, valid) in recording.server_steps.items():
            yield (
                f"server after {name}, {suffix}",
                lambda inputs, s=server, v=valid, i=identity: fuzz_server(s, v, i, mutate, inputs),
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=100_000, help="for each target")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations, not of any key")
    parser.add_argument("--only", default="", help="targets whose name contains this")
    options = parser.parse_args()
    recordings = [Recording(signed=True), Recording(signed=False)]
    corpus = [data for recording in recordings for data in recording.corpus()]
    mutate = Mutator(options.seed, corpus)
    rows = []
    for name, run in targets(recordings, mutate):
        if options.only not in name:
            continue
        start = time.perf_counter()
        outcomes = run(options.inputs)
        seconds = time.perf_counter() - start
        listed = ", ".join(f"{kind} {count:,}" for kind, count in outcomes.most_common())
        rows.append((name, sum(outcomes.values()), round(seconds, 1), listed))
        print(f"{name}: {listed}", flush=True)
    print()
    print_table(("target", "inputs", "seconds", "outcomes"), rows)
    print(f"{sum(row[1] for row in rows):,} inputs, declared errors only.")


if __name__ == "__main__":
    main()
