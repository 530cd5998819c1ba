"""Sources of randomness for tests: one that is told what to give, one that keeps what it gave."""

from crypto.randomness import TestVectorRandomness


class Scripted:
    """Gives the numbers of a list, one a draw, little endian; the list must be used up exactly."""

    def __init__(self, numbers):
        self.left = list(numbers)

    def bytes(self, count):
        return self.left.pop(0).to_bytes(count, "little")


class Recorded:
    """A repeatable source that keeps what was drawn; one draw may be given another value."""

    def __init__(self, label=b"recorded", changed=None):
        self.label = label
        self._source = TestVectorRandomness(label)
        self._changed = changed
        self.draws = []

    def bytes(self, count):
        drawn = self._source.bytes(count)
        if len(self.draws) == self._changed:
            drawn = bytes([drawn[0] ^ 1, *drawn[1:]])
        self.draws.append(drawn)
        return drawn

    @property
    def sizes(self):
        return [len(drawn) for drawn in self.draws]
