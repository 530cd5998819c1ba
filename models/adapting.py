"""Layers `Normalization` that learn mean and variance while a network is built.

Clients build their networks inside a graph, in which Keras cannot adapt a layer, and would not see
the values that it learnt elsewhere. So these become constants of the layer.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

_Normalization = tf.keras.layers.Normalization


@contextmanager
def adapted_to_constants() -> Iterator[None]:
    """Has `Normalization.adapt` make constants of mean and variance, in graphs as well."""
    keras_adapt = _Normalization.adapt

    def adapt(layer: Any, *arguments: Any, **keywords: Any) -> None:
        twin = _Normalization(axis=layer.axis, invert=layer.invert)
        # Threads begin outside of any graph.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(keras_adapt, twin, *arguments, **keywords).result()
            found = [pool.submit(np.array, value).result() for value in (twin.mean, twin.variance)]
        kept = tuple(twin.adapt_mean.shape)
        layer.input_mean, layer.input_variance = (value.reshape(kept) for value in found)
        if layer.built:
            layer.mean, layer.variance = (tf.constant(value) for value in found)

    _Normalization.adapt = adapt
    try:
        yield
    finally:
        _Normalization.adapt = keras_adapt
