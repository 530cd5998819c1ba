"""The paper's network (section 7.1, Fig. 3).

The paper gives "36 kernels" and 306,063 parameters; this is the natural network with both.
"""

import tensorflow as tf

PAPER_INPUT_SHAPE = (28, 28, 3)
PAPER_NUM_CLASSES = 7
PAPER_NUM_PARAMETERS = 306_063


def build(input_shape: tuple[int, int, int], num_classes: int) -> tf.keras.Model:
    """Returns the network; its last layer gives logits, not probabilities.

    Raises:
        ValueError: if the network for the paper's images has not the paper's number of parameters.
    """
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.InputLayer(input_shape),
            layers.Conv2D(12, 3, padding="same", activation="relu"),
            layers.MaxPool2D(2),
            layers.Conv2D(24, 3, padding="same", activation="relu"),
            layers.MaxPool2D(2),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dense(num_classes),
        ],
        name="paper_cnn",
    )
    is_papers = (input_shape, num_classes) == (PAPER_INPUT_SHAPE, PAPER_NUM_CLASSES)
    if is_papers and model.count_params() != PAPER_NUM_PARAMETERS:
        raise ValueError(f"{model.count_params()} parameters, but the paper has 306,063")
    return model
