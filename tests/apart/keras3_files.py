"""Run by Keras 3: writes weights of a small network, or says what becomes of a file.

Usage: python keras3_files.py write FOLDER | read FILE...
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np


def network():
    """As `test_keras3.network` has it."""
    image = keras.Input((8, 8, 1))
    hidden = keras.layers.Conv2D(4, 3, name="first")(image)
    hidden = keras.layers.GroupNormalization(2, name="norm")(hidden)
    hidden = keras.layers.Flatten()(hidden)
    return keras.Model(image, keras.layers.Dense(3, name="head")(hidden))


def write(folder):
    """Writes both kinds of files, and the arrays beside them."""
    keras.utils.set_random_seed(3)
    model = network()
    model.set_weights([w + np.float32(0.5) for w in model.get_weights()])
    model.save_weights(folder / "3.weights.h5")
    model.save(folder / "3.keras")
    np.savez(folder / "3.npz", *model.get_weights())


def read(path):
    """Returns the sum of each array, or the error."""
    try:
        if path.suffix == ".keras":
            model = keras.saving.load_model(path)
        else:
            model = network()
            model.load_weights(path)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    np.savez(f"{path}.npz", *model.get_weights())
    return "read"


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "write":
        write(Path(arguments[0]))
    else:
        print(json.dumps({"keras": keras.__version__, **{a: read(Path(a)) for a in arguments}}))
