"""Models that cannot be clipped per example are refused, and every layer at fault is named."""

import pytest
import tensorflow as tf

from tests.tff_health.privacy.oracles import losses_of, small_batch
from tff_health.errors import ConfigError
from tff_health.privacy.clipped_sum import check_layers, fast_clipped_sum, tfp_clipped_sum
from tff_health.privacy.layer_rules import layer_registry

L = tf.keras.layers


def sequential(*layers, shape=(6, 6, 2)):
    return tf.keras.Sequential([L.InputLayer(shape), *layers, L.Flatten(), L.Dense(3)])


def shared_layer():
    inputs = L.Input((4,))
    layer = L.Dense(4, name="twice")
    return tf.keras.Model(inputs, L.Dense(3)(layer(layer(inputs))))


def shared_variable():
    first, second = L.Dense(4, name="first"), L.Dense(4, name="second")
    model = tf.keras.Sequential([L.InputLayer((4,)), first, second, L.Dense(3)])
    second.kernel = first.kernel
    return model


def shared_model():
    inputs = L.Input((4,))
    block = tf.keras.Sequential([L.InputLayer((4,)), L.Dense(4, name="in_block")])
    return tf.keras.Model(inputs, L.Dense(3)(block(block(inputs))))


def two_inputs():
    inputs = [L.Input((4,)), L.Input((4,))]
    return tf.keras.Model(inputs, L.Dense(3)(L.Add()(inputs)))


class Subclassed(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = L.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


def subclassed():
    model = Subclassed()
    model(tf.zeros((1, 4)))
    model.build((None, 4))
    return model


class DerivedDense(L.Dense):
    def call(self, inputs):
        return 2.0 * super().call(inputs)


def batch_mean(x):
    return x - tf.reduce_mean(x, axis=0, keepdims=True)


REFUSED_BY_FAST = {
    "batch normalisation": (
        lambda: sequential(L.Conv2D(2, 3), L.BatchNormalization(name="bn")),
        r"layer 'bn' \(BatchNormalization\) mixes .* use GroupNormalization or LayerNormalization",
    ),
    "no rule": (
        lambda: sequential(L.SeparableConv2D(3, 3, name="deep")),
        r"layer 'deep' \(SeparableConv2D\) has weights but no rule .*--dp_engine=tfp_optimizer",
    ),
    "derived": (
        lambda: sequential(DerivedDense(3, name="mine")),
        r"layer 'mine' \(DerivedDense\) has weights but no rule",
    ),
    "unknown": (
        lambda: sequential(L.Lambda(lambda x: x, name="what")),
        r"layer 'what' \(Lambda\) has no rule",
    ),
    "groups": (
        lambda: sequential(L.Conv2D(4, 3, groups=2, name="grouped")),
        r"layer 'grouped' \(Conv2D\) is a convolution in groups",
    ),
    "channels first": (
        lambda: sequential(
            L.Conv2D(4, 3, data_format="channels_first", name="first"), shape=(6, 6, 6)
        ),
        r"layer 'first' \(Conv2D\) has its channels first",
    ),
    "mixed precision": (
        lambda: sequential(L.Conv2D(4, 3, dtype="mixed_float16", name="half")),
        r"layer 'half' \(Conv2D\) computes in mixed_float16",
    ),
    "activation with weights": (
        lambda: sequential(L.Dense(4, activation=L.PReLU(), name="dense")),
        r"layer 'dense' \(Dense\) has an activation with weights",
    ),
    "regulariser": (
        lambda: sequential(L.Conv2D(4, 3, kernel_regularizer="l2", name="decayed")),
        r"layer 'decayed' \(Conv2D\) has a regulariser",
    ),
    "activity regulariser": (
        lambda: sequential(L.Dense(4, activity_regularizer="l2", name="decayed")),
        r"layer 'decayed' \(Dense\) has a regulariser",
    ),
    "shared layer": (shared_layer, "layer 'twice' .* used before .*--dp_engine=tfp_optimizer"),
    "shared variable": (shared_variable, "layer 'second' .* uses weights that 'first' used before"),
    "shared model": (shared_model, "layer 'in_block' .* used before"),
    "normalised over examples": (
        lambda: sequential(L.Softmax(axis=0, name="softmax")),
        r"layer 'softmax' \(Softmax\) mixes the examples",
    ),
    "activation over examples": (
        lambda: sequential(L.Dense(4, activation=batch_mean)),
        "an output depends on other examples",
    ),
    "size unknown": (
        lambda: tf.keras.Sequential(
            [L.InputLayer((None, None, 1)), L.Conv2D(2, 3), L.GlobalMaxPool2D(), L.Dense(3)]
        ),
        "no fixed size",
    ),
    "two inputs": (two_inputs, "takes 2 inputs, not one"),
    "subclassed": (subclassed, "not a Sequential or functional model"),
}


@pytest.mark.parametrize("name", REFUSED_BY_FAST)
def test_refused_by_the_rules(name):
    build, message = REFUSED_BY_FAST[name]
    with pytest.raises(ConfigError, match=message):
        check_layers(build(), "fast")


@pytest.mark.parametrize(
    "name", ["batch normalisation", "no rule", "derived", "shared layer", "shared variable"]
)
def test_never_summed_unchecked(name):
    model = REFUSED_BY_FAST[name][0]()
    images, labels = small_batch(model, 3)
    with pytest.raises(ConfigError, match=REFUSED_BY_FAST[name][1]):
        fast_clipped_sum(model, losses_of, images, labels, 1.0)


@pytest.mark.parametrize(
    "name", ["no rule", "derived", "unknown", "shared layer", "shared variable", "subclassed"]
)
def test_trained_by_tf_privacy(name):
    model = REFUSED_BY_FAST[name][0]()
    check_layers(model, "tfp_optimizer")


@pytest.mark.parametrize(
    "model",
    [
        sequential(L.TimeDistributed(L.BatchNormalization())),
        sequential(L.Lambda(batch_mean)),
        sequential(L.LayerNormalization(axis=-1), L.Dense(4, bias_regularizer="l2")),
    ],
)
def test_refused_by_both(model):
    for engine in ("fast", "tfp_optimizer"):
        with pytest.raises(ConfigError):
            check_layers(model, engine)
    images, labels = small_batch(sequential(), 3)
    if any(isinstance(layer, L.Dense) and layer.bias_regularizer for layer in model.layers):
        with pytest.raises(ConfigError, match="regulariser"):
            tfp_clipped_sum(model, losses_of, images, labels, 1.0)


class AddingLoss(L.Layer):
    def call(self, x):
        self.add_loss(tf.reduce_mean(x))
        return x


def with_loss_of_its_own():
    image = tf.keras.Input((4, 4, 1))
    outputs = L.Dense(3)(L.Flatten()(image))
    model = tf.keras.Model(image, outputs)
    model.add_loss(tf.reduce_mean(outputs))
    return model


@pytest.mark.parametrize("build", [lambda: sequential(AddingLoss()), with_loss_of_its_own])
def test_losses_that_no_example_has_are_refused(build):
    with pytest.raises(ConfigError, match="adds losses of its own"):
        check_layers(build(), "tfp_optimizer")
    with pytest.raises(ConfigError):
        check_layers(build(), "fast")


def test_an_lstm_with_dropout_is_refused_by_the_rules_in_a_sentence():
    lstm = L.LSTM(4, dropout=0.1, recurrent_dropout=0.1)
    model = tf.keras.Sequential([L.InputLayer((8, 8)), lstm, L.Dense(3)])
    with pytest.raises(ConfigError, match="LSTM"):
        check_layers(model, "fast")


def test_all_layers_at_fault_are_named():
    model = sequential(L.SeparableConv2D(3, 3, name="one"), L.BatchNormalization(name="two"))
    with pytest.raises(ConfigError, match="'one'") as error:
        check_layers(model, "fast")
    assert "'two'" in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_engine():
    with pytest.raises(ConfigError, match=r"found --dp_engine=slow; allowed are fast, tfp_opt"):
        check_layers(sequential(), "slow")


def test_models_of_ours_pass():
    from models import mnist_cnn, paper_cnn, tanh_cnn

    for module in (mnist_cnn, paper_cnn, tanh_cnn):
        model = module.build((28, 28, 3), 7)
        before = model.get_weights()
        for engine in ("fast", "tfp_optimizer"):
            check_layers(model, engine)
        assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_registry_has_no_microbatches():
    layer = L.Conv2D(2, 3)
    layer.build((None, 5, 5, 1))
    with pytest.raises(NotImplementedError, match="one example"):
        layer_registry().lookup(layer)(layer, (tf.zeros((2, 5, 5, 1)),), {}, tf.GradientTape(), 1)


@pytest.mark.parametrize("engine", ["fast", "tfp_optimizer"])
def test_what_has_no_gradient_is_named(engine):
    model = sequential(L.RandomContrast(0.2, name="contrast"))
    with pytest.raises(ConfigError, match="RandomContrast"):
        check_layers(model, engine)
