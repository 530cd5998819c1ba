"""Residual networks with group normalisation, which shares no statistics between images.

He et al. 2016, "Deep residual learning for image recognition", with the group normalisation of Wu
and He 2018 in place of batch normalisation. The statistics of batches differ between hospitals,
and are what breaks federated training where classes do, too (Hsieh et al. 2020, "The non-IID data
quagmire of decentralized machine learning", section 5); and they would mix the examples that
differential privacy protects from each other.
"""

import tensorflow as tf

_GROUPS = 32  # Wu and He's
_LARGE = 64  # pixels


def build_resnet18(input_shape: tuple[int, int, int], num_classes: int) -> tf.keras.Model:
    """Returns ResNet-18 (11,181,642 parameters for 64x64x3 and 10 classes); it gives logits.

    Images of 64 pixels and more go through the paper's stem, a convolution of 7x7 of stride 2 and a
    pooling; smaller ones, which would be left with one position, through a convolution of 3x3
    (11,173,962 parameters), as the paper has it for images of 32x32 (section 4.2).
    """
    return _build("resnet18", (64, 128, 256, 512), input_shape, num_classes)


def build_small_resnet(input_shape: tuple[int, int, int], num_classes: int) -> tf.keras.Model:
    """Returns half of it (700,458 parameters for 64x64x3 and 10 classes); it gives logits.

    Half as wide and without the last stage, for clients with few images and no graphics card.
    """
    return _build("small_resnet", (32, 64, 128), input_shape, num_classes)


def _build(
    name: str, widths: tuple[int, ...], input_shape: tuple[int, int, int], num_classes: int
) -> tf.keras.Model:
    """Stages of two blocks, each of which but the first halves the image's sides."""
    layers = tf.keras.layers
    inputs = tf.keras.Input(input_shape)
    if min(input_shape[:2]) >= _LARGE:
        hidden = layers.ReLU()(_convolved(inputs, widths[0], 7, 2, "stem"))
        hidden = layers.MaxPool2D(3, 2, padding="same")(hidden)
    else:
        hidden = layers.ReLU()(_convolved(inputs, widths[0], 3, 1, "stem"))
    for stage, width in enumerate(widths, 1):
        hidden = _block(hidden, width, 2 if stage > 1 else 1, f"stage{stage}_block1")
        hidden = _block(hidden, width, 1, f"stage{stage}_block2")
    features = layers.GlobalAveragePooling2D()(hidden)
    return tf.keras.Model(inputs, layers.Dense(num_classes, name="head")(features), name=name)


def _block(inputs: tf.Tensor, width: int, stride: int, name: str) -> tf.Tensor:
    """Two convolutions, and a way past them (the paper's option B)."""
    layers = tf.keras.layers
    hidden = layers.ReLU()(_convolved(inputs, width, 3, stride, f"{name}_1"))
    hidden = _convolved(hidden, width, 3, 1, f"{name}_2")
    if (stride, inputs.shape[-1]) != (1, width):
        inputs = _convolved(inputs, width, 1, stride, f"{name}_shortcut")
    return layers.ReLU()(layers.Add()([inputs, hidden]))


def _convolved(inputs: tf.Tensor, width: int, size: int, stride: int, name: str) -> tf.Tensor:
    """A convolution and the normalisation after it, whose offset stands for a bias."""
    convolution = tf.keras.layers.Conv2D(
        *(width, size, stride, "same"),
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_convolution",
    )
    normalisation = tf.keras.layers.GroupNormalization(_GROUPS, name=f"{name}_normalisation")
    return normalisation(convolution(inputs))
