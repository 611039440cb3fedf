"""Writes those files of tests/fuzz/corpus that real Keras writes: python keras_files.py tests/fuzz/corpus

Needs keras 3.10 (pip install keras==3.10.0 numpy scipy h5py). The numpy backend imports jax, but needs nothing of it here.
"""

import io
import os
import sys
import unittest.mock
import zipfile

os.environ["KERAS_BACKEND"] = "numpy"
for name in (
    "jax",
    "jax.numpy",
    "jax.scipy",
    "jax.experimental",
    "jax.experimental.sparse",
    "jax.experimental.pallas",
    "jax.experimental.pallas.ops",
    "jax.experimental.pallas.ops.tpu",
    "jax.experimental.pallas.ops.tpu.splash_attention",
):
    sys.modules.setdefault(name, unittest.mock.MagicMock())
import keras  # noqa: E402
import numpy  # noqa: E402


def target():
    """The model that tests/fuzz/readers/models.cpp reads weights into."""
    return keras.Sequential(
        [
            keras.layers.Input((2, 1)),
            keras.layers.LSTM(1, name="lstm"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(1, name="dense"),
        ],
        name="target",
    )


def compiled(model):
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    model.optimizer.build(model.trainable_variables)
    return model


def graph():
    a = keras.Input((3,), name="a", dtype="int32")
    x = keras.layers.Embedding(4, 2, mask_zero=True, name="words")(a)
    x = keras.layers.GRU(1, name="gru")(x)
    return keras.Model(a, keras.layers.Dense(1, name="out")(x) * 2.0, name="graph")


def deflated(path, to):
    """As other zip programs write it."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name), old.read(name), zipfile.ZIP_DEFLATED)


def main(folder):
    keras.utils.set_random_seed(1)

    def path(kind, name):
        os.makedirs(os.path.join(folder, kind), exist_ok=True)
        return os.path.join(folder, kind, name)

    model = compiled(target())
    model.save(path("keras", "real_target.keras"))
    graph().save(path("keras", "real_graph.keras"))
    deflated(path("keras", "real_target.keras"), path("keras", "deflated.keras"))
    model.save_weights(path("weights_h5", "real_target.weights.h5"))
    target().save_weights(path("weights_h5", "real_untrained.weights.h5"))
    model.save(path("legacy_h5", "real_target.h5"))
    small = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, name="d")], name="small")
    small.save(path("keras", "real_small.keras"))
    small.save(path("legacy_h5", "real_small.h5"))
    compiled(small).save(path("legacy_h5", "real_small_adam.h5"))
    for version, order in ((1, "C"), (1, "F"), (2, "C")):
        for dtype in ("<f4", ">f8", "<i8", "|b1"):
            array = numpy.asarray(numpy.arange(6).reshape(2, 3), dtype=dtype, order=order)
            out = io.BytesIO()
            numpy.lib.format.write_array(out, array, version=(version, 0))
            name = f"real_{dtype[1:]}_{order}{version}.npy"
            with open(path("npy", name), "wb") as file:
                file.write(out.getvalue())


if __name__ == "__main__":
    main(sys.argv[1])
