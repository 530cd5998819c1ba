"""Networks as users bring them along, for images of any shape."""

import numpy as np
import tensorflow as tf

L = tf.keras.layers


def chain(shape, *layers):
    return tf.keras.Sequential([L.InputLayer(shape), *layers])


def logits(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes))


def compiled(shape, classes):
    model = logits(shape, classes)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


class Uncalled(tf.keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.flatten, self.dense = L.Flatten(), L.Dense(classes)

    def call(self, images):
        return self.dense(self.flatten(images))


def uncalled(shape, classes):
    return Uncalled(classes)


def any_size(shape, classes):
    return chain((None, None, shape[-1]), L.Conv2D(4, 2), L.GlobalMaxPooling2D(), L.Dense(classes))


def adapted(shape, classes):
    normalization = L.Normalization()
    normalization.adapt(np.linspace(3.0, 9.0, 20 * int(np.prod(shape))).reshape(20, *shape))
    return chain(shape, normalization, L.Flatten(), L.Dense(classes))


def bfloat16(shape, classes):
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    return logits(shape, classes)


def frozen_batchnorm(shape, classes):
    return chain(shape, L.BatchNormalization(trainable=False), L.Flatten(), L.Dense(classes))


def dense_softmax(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes, activation="softmax"))


def softmax_layer(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes), L.Softmax())


def softmax_function(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes), L.Lambda(tf.nn.softmax))


def softmax_reshaped(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes, "softmax"), L.Reshape((classes,)))


def softmax_dropout(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes, "softmax"), L.Dropout(0.1))


def percent(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes, "softmax"), L.Rescaling(100.0))


def sigmoid(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes, activation="sigmoid"))


def nested_softmax(shape, classes):
    image = tf.keras.Input(shape)
    return tf.keras.Model(image, dense_softmax(shape, classes)(image))


class Probabilities(Uncalled):
    def call(self, images):
        return tf.nn.softmax(super().call(images))


def called_softmax(shape, classes):
    return Probabilities(classes)


def log_softmax(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes, activation="log_softmax"))


def relu(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes, activation="relu"))


def tanh(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes, activation="tanh"))


def no_head_yet(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes, kernel_initializer="zeros"))


def batchnorm(shape, classes):
    inner = chain(shape, L.Conv2D(2, 2), L.BatchNormalization(), L.Flatten())
    image = tf.keras.Input(shape)
    return tf.keras.Model(image, L.Dense(classes)(inner(image)))


class Counter(L.Layer):
    def build(self, _):
        self.count = self.add_weight("count", (), initializer="zeros", trainable=False)

    def call(self, x):
        self.count.assign_add(1.0)
        return x


def counting(shape, classes):
    return chain(shape, Counter(), L.Flatten(), L.Dense(classes))


def two_inputs(shape, classes):
    image, age = tf.keras.Input(shape), tf.keras.Input((1,))
    joined = L.Concatenate()([L.Flatten()(image), age])
    return tf.keras.Model([image, age], L.Dense(classes)(joined))


def two_outputs(shape, classes):
    image = tf.keras.Input(shape)
    flat = L.Flatten()(image)
    return tf.keras.Model(image, [L.Dense(classes)(flat), L.Dense(classes)(flat)])


def whole_pixels(shape, classes):
    image = tf.keras.Input(shape, dtype="uint8")
    return tf.keras.Model(image, L.Dense(classes)(L.Flatten()(L.Rescaling(1 / 255)(image))))


def all_frozen(shape, classes):
    model = logits(shape, classes)
    model.trainable = False
    return model


def constrained(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes, kernel_constraint="max_norm"))


def float16(shape, classes):
    return chain(shape, L.Flatten(), L.Dense(classes, dtype="mixed_float16"))


def python_function(shape, classes):
    def call(x):
        return tf.ensure_shape(tf.numpy_function(lambda y: y, [x], tf.float32), x.shape)

    return chain(shape, L.Flatten(), L.Lambda(call), L.Dense(classes))


_TWO = tf.constant(2.0)


def eager_constant(shape, classes):
    return chain(shape, L.Flatten(), L.Lambda(lambda x: _TWO * x), L.Dense(classes))


class Branching(L.Layer):
    """Chooses by a number that is known when it runs."""

    def call(self, x):
        if tf.reduce_sum(x) > 0:
            return x
        return -x


def branching(shape, classes):
    return chain(shape, L.Flatten(), Branching(), L.Dense(classes))


class Traced(Branching):
    call = tf.function(Branching.call)


def branching_traced(shape, classes):
    return chain(shape, L.Flatten(), Traced(), L.Dense(classes))


_KEPT = []


def kept(shape, classes):
    """The same network at every call."""
    if not _KEPT:
        _KEPT.append(chain(shape, L.Flatten(), L.Dense(classes)))
    return _KEPT[0]


ready = tf.keras.Sequential([L.Flatten(), L.Dense(3)])


def channels_first(shape, classes):
    """Computes what no CPU does."""
    layers = L.Permute((3, 1, 2)), L.Conv2D(2, 3, data_format="channels_first"), L.Flatten()
    return chain(shape, *layers, L.Dense(classes))
