"""Networks that are no chains of TensorFlow's own layers, as users bring them."""

import tensorflow as tf

layers = tf.keras.layers


@tf.custom_gradient
def _bounded(x):
    """The identity, with gradients of at most 1."""
    return tf.identity(x), lambda outer: tf.clip_by_value(outer, -1.0, 1.0)


class Own(layers.Layer):
    """Operations of the user's own: a gradient, a product by name, a loop, branches."""

    def build(self, shape):
        self.mixing = self.add_weight("mixing", (shape[-1], shape[-1]), tf.float32, "orthogonal")

    def call(self, x):
        x = _bounded(tf.einsum("bhwc,cd->bhwd", x, self.mixing))
        for shift in (1, 2):
            x = tf.where(x > 0, x, 0.1 * x) + 0.5 * tf.roll(x, shift, axis=1)
        return x


class BrokenByWhite(layers.Layer):
    """Gives NaN for images that are white everywhere."""

    def call(self, x):
        return x / tf.cast(tf.reduce_mean(x, (1, 2, 3), keepdims=True) < 1, x.dtype)


def private_residual(input_shape, num_classes):
    """Added and concatenated ways, of layers whose gradients can be clipped by example."""
    image = tf.keras.Input(input_shape)
    start = layers.Conv2D(4, 3, padding="same", activation="tanh")(image)
    x = layers.Add()([start, layers.Conv2D(4, 3, padding="same")(start)])
    x = layers.GlobalAveragePooling2D()(layers.Concatenate()([start, x]))
    return tf.keras.Model(image, layers.Dense(num_classes)(x))


def drawing(input_shape, num_classes):
    """Draws at random in several ways."""
    return tf.keras.Sequential(
        [
            layers.InputLayer(input_shape),
            layers.RandomFlip("horizontal"),
            layers.Conv2D(4, 3, activation="relu"),
            layers.SpatialDropout2D(0.2),
            layers.Lambda(lambda x: x * tf.random.uniform(tf.shape(x), 0.5, 1.5)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(num_classes),
        ]
    )


class Counted(layers.Layer):
    """Draws by an operation that has no form with a seed."""

    def call(self, x):
        return x + tf.random.poisson((), 1.0)


class Inside(layers.Layer):
    """Draws in a function that is traced once, when the network is built."""

    def __init__(self):
        super().__init__()
        self.draw = tf.function(lambda x: x + tf.random.uniform(tf.shape(x)))

    def call(self, x):
        return self.draw(x)


def poisson(input_shape, num_classes):
    """Cannot be seeded."""
    chain = [layers.InputLayer(input_shape), Counted(), layers.Flatten()]
    return tf.keras.Sequential([*chain, layers.Dense(num_classes)])


def traced(input_shape, num_classes):
    """Cannot be seeded, or draws the same in every run."""
    chain = [layers.InputLayer(input_shape), Inside(), layers.Flatten()]
    return tf.keras.Sequential([*chain, layers.Dense(num_classes)])


def residual(input_shape, num_classes):
    """Added, concatenated and multiplied ways from the image to the answer."""
    image = tf.keras.Input(input_shape)
    start = layers.Conv2D(4, 3, padding="same", activation="relu")(BrokenByWhite()(image))
    inner = layers.Conv2D(4, 3, padding="same")(start)
    x = layers.ReLU()(layers.Add()([start, inner]))
    x = layers.Concatenate()([start, x, layers.MaxPooling2D(3, 1, "same")(x)])
    x = layers.Multiply()([x, layers.Dense(12, "sigmoid")(layers.GlobalAveragePooling2D()(x))])
    x = layers.GlobalAveragePooling2D()(Own()(x))
    return tf.keras.Model(image, layers.Dense(num_classes)(x))
