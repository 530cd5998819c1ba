"""What layers draw at random, from seeds: the same in every run of the same command.

TensorFlow's operations that draw at random keep a state in the process that runs them, which a
worker shares between clients and rounds. While a network is called here, operations without a state
stand in for them, seeded from a variable that the caller sets. So a layer of the user's own needs
to do nothing for it, and a layer in a loop draws anew in every pass.

TensorFlow 2.14 has no public place for that; this takes the module that all of `tf.random` calls.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import gen_random_ops, gen_stateful_random_ops

EVALUATION_STREAM = (0x6576616C, 0)
"""Seeds networks that draw at random in evaluation as well."""

SEEDED_DRAW = "seeded_draw"
"""A part of the names of all operations that draw from `Draws`."""

_PHILOX = 1
_STATE_SIZE = 3  # two of the counter, one of the key


class Draws:
    """The source of what one network draws; holds a variable, so make it where the network is."""

    def __init__(self) -> None:
        self._state = tf.Variable([0] * _STATE_SIZE, dtype=tf.int64, trainable=False)

    @contextmanager
    def seeded(self, stream: Any) -> Iterator[None]:
        """Seeds all that operations draw that are made inside.

        Args:
            stream: int64 (2,), not used elsewhere.
        """
        key = tf.random.stateless_uniform([1], stream, None, None, tf.int64)
        self._state.assign(tf.concat([tf.zeros([_STATE_SIZE - 1], tf.int64), key], axis=0))
        stand_ins = [(gen_random_ops, name, make(self._seed)) for name, make in _MAKERS.items()]
        stand_ins.append((gen_stateful_random_ops, "rng_read_and_skip", self._read_and_skip))
        before = [(module, name, getattr(module, name)) for module, name, _ in stand_ins]
        try:
            for module, name, function in stand_ins:
                setattr(module, name, function)
            yield
        finally:
            for module, name, function in before:
                setattr(module, name, function)

    def _seed(self) -> tf.Tensor:
        state = self._read_and_skip(None, None, 1)
        return tf.stack([state[0], state[-1]])

    def _read_and_skip(self, resource: Any, alg: Any, delta: Any, name: Any = None) -> tf.Tensor:
        """As the operation, of this state and not of a `tf.random.Generator`'s."""
        del resource, alg, name
        return tf.raw_ops.RngReadAndSkip(
            resource=self._state.handle,
            alg=_PHILOX,
            delta=tf.cast(delta, tf.uint64),
            name=SEEDED_DRAW,
        )


_Seeds = Callable[[], tf.Tensor]


def _uniform(seed: _Seeds) -> Callable[..., tf.Tensor]:
    return lambda shape, dtype, *_, **__: tf.random.stateless_uniform(shape, seed(), dtype=dtype)


def _uniform_int(seed: _Seeds) -> Callable[..., tf.Tensor]:
    def draw(shape: Any, minval: Any, maxval: Any, *_: Any, **__: Any) -> tf.Tensor:
        low = tf.convert_to_tensor(minval)
        return tf.random.stateless_uniform(shape, seed(), low, maxval, low.dtype)

    return draw


def _normal(seed: _Seeds) -> Callable[..., tf.Tensor]:
    return lambda shape, dtype, *_, **__: tf.random.stateless_normal(shape, seed(), dtype=dtype)


def _truncated(seed: _Seeds) -> Callable[..., tf.Tensor]:
    return lambda shape, dtype, *_, **__: tf.random.stateless_truncated_normal(
        shape, seed(), dtype=dtype
    )


def _shuffle(seed: _Seeds) -> Callable[..., tf.Tensor]:
    return lambda value, *_, **__: tf.random.experimental.stateless_shuffle(value, seed())


def _categorical(seed: _Seeds) -> Callable[..., tf.Tensor]:
    def draw(logits: Any, num_samples: Any, *_: Any, **keywords: Any) -> tf.Tensor:
        kind = keywords.get("output_dtype", tf.int64)
        return tf.random.stateless_categorical(logits, num_samples, seed(), kind)

    return draw


_MAKERS: dict[str, Callable[[_Seeds], Callable[..., tf.Tensor]]] = {
    "random_uniform": _uniform,
    "random_uniform_int": _uniform_int,
    "random_standard_normal": _normal,
    "truncated_normal": _truncated,
    "random_shuffle": _shuffle,
    "multinomial": _categorical,
}
