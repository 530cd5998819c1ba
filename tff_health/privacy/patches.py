"""What a convolution sees at each of its positions."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Axis:
    """A convolution along one axis of an image.

    Attributes:
        size: of the image.
        kernel: size of the kernel.
        stride: between positions.
        dilation: between the kernel's elements.
        same: whether the padding is "same"; it is "valid" otherwise.
    """

    size: int
    kernel: int
    stride: int
    dilation: int
    same: bool

    @property
    def positions(self) -> int:
        """How often the kernel is applied."""
        covered = self.size if self.same else self.size - self.extent + 1
        return -(-covered // self.stride)

    @property
    def extent(self) -> int:
        """The image's elements from the kernel's first to its last."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def before(self) -> int:
        """The zeros in front of the image."""
        missing = (self.positions - 1) * self.stride + self.extent - self.size
        return max(missing, 0) // 2 if self.same else 0

    @property
    def steps(self) -> int:
        """The strides that the kernel touches in all its positions."""
        return self.positions + (self.extent - 1) // self.stride

    def shifts(self) -> list[tuple[int, int]]:
        """For each element of the kernel: its distance from the first, as (strides, rest)."""
        return [divmod(self.dilation * element, self.stride) for element in range(self.kernel)]


def patch_columns(images: tf.Tensor, rows: Axis, columns: Axis) -> list[tf.Tensor]:
    """Returns the patches that a convolution multiplies with its kernel.

    The image is copied, shifted, for each column of the kernel, and then all of that for each row:
    few copies, in long runs, several times faster than `tf.image.extract_patches`, which copies
    patch by patch. With a stride, the image is first sorted into its phases, so that runs are long
    again.

    Args:
        images: float32 (n, rows.size, columns.size, channels).
        rows: the convolution along the image's height.
        columns: the same along its width.

    Returns:
        for each row of the kernel float32 (n, k, t): k = kernel columns x channels, in the order of
        a Keras kernel; t = the positions, row by row.
    """
    channels = images.shape[3]
    phases = tf.reshape(
        _fit(images, rows, columns),
        [-1, rows.steps, rows.stride, columns.steps, columns.stride, channels],
    )
    phases = tf.transpose(phases, [0, 2, 4, 5, 1, 3])
    across = tf.stack(
        [
            phases[:, :, phase, :, :, step : step + columns.positions]
            for step, phase in columns.shifts()
        ],
        axis=2,
    )
    shape = [-1, columns.kernel * channels, rows.positions * columns.positions]
    return [
        tf.reshape(across[:, phase, :, :, step : step + rows.positions], shape)
        for step, phase in rows.shifts()
    ]


def shifted_images(images: tf.Tensor, rows: Axis, columns: Axis) -> Iterator[tf.Tensor]:
    """Yields what each element of a kernel is multiplied with, row by row.

    Args:
        images: float32 (n, rows.size, columns.size, channels).
        rows: the convolution along the image's height.
        columns: the same along its width.

    Yields:
        float32 (n, rows.positions, columns.positions, channels).
    """
    fitted = _fit(images, rows, columns)
    starts = [
        [axis.dilation * element for element in range(axis.kernel)] for axis in (rows, columns)
    ]
    for top, left in itertools.product(*starts):
        bottom = top + (rows.positions - 1) * rows.stride + 1
        right = left + (columns.positions - 1) * columns.stride + 1
        yield fitted[:, top : bottom : rows.stride, left : right : columns.stride]


def _fit(images: tf.Tensor, rows: Axis, columns: Axis) -> tf.Tensor:
    """Pads or cuts images to the strides that are touched."""
    paddings, kept = [[0, 0]], []
    for axis in (rows, columns):
        after = axis.steps * axis.stride - axis.before - axis.size
        paddings.append([axis.before, max(after, 0)])
        kept.append(axis.size + min(after, 0))
    return tf.pad(images[:, : kept[0], : kept[1]], [*paddings, [0, 0]])
