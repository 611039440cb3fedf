#!/usr/bin/env python3
"""Writes keras_preprocessing.json: what Normalization, Rescaling and Discretization of Keras 3.15.1 make of numbers.

  python3 -m venv VENV && VENV/bin/pip install keras==3.15.1 tensorflow-cpu && VENV/bin/python tests/layers/keras_preprocessing.py

(These layers of Keras import tensorflow with every backend.) The test reads the file alone; this is run again where a case
is added."""
import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "numpy"

import keras
import numpy as np

random = np.random.default_rng(15)
cases = []


def plain(values):
    array = np.asarray(values)
    digits = ".9g" if array.dtype == "float32" else ".17g"
    return {"shape": list(array.shape), "values": [float(format(value, digits)) for value in array.ravel()],
            "dtype": array.dtype.name}


def add(kind, options, shape, adapt=(), dtype="float32", integers=False):
    """`adapt`: the shapes of the batches that the layer is adapted to; one of them alone is given as an array."""
    layer = getattr(keras.layers, kind)(**options, dtype=dtype)

    def numbers(size):
        values = random.integers(-9, 9, size) if integers else np.round(3 * random.normal(size=size) + 1, 3)
        return values.astype("int32" if integers else dtype)

    batches = [numbers(size) for size in adapt]
    if batches:
        layer.adapt(batches[0] if len(batches) == 1 else batches)
    given = numbers(shape)
    output = np.asarray(layer(given))
    config = layer.get_config()
    case = {"class": kind, "config": {**options, "dtype": dtype}, "given": plain(given), "output": plain(output),
            "adapt": [plain(batch) for batch in batches], "weights": [plain(w.numpy()) for w in layer.weights],
            "keras_config": keras.saving.serialize_keras_object(layer)["config"]}
    if kind == "Discretization":
        case["bin_boundaries"] = [float(value) for value in config["bin_boundaries"]]
    cases.append(case)


add("Normalization", {}, (4, 3), [(50, 3)])
add("Normalization", {}, (4, 3), [(50, 3)], dtype="float64")
add("Normalization", {}, (2, 5, 3), [(7, 5, 3), (3, 5, 3), (11, 5, 3)])
add("Normalization", {"axis": 1}, (2, 5, 3), [(8, 5, 3)])
add("Normalization", {"axis": [1, 2]}, (2, 5, 3), [(8, 5, 3), (5, 5, 3)])
add("Normalization", {"axis": [-1, 1]}, (2, 4, 5, 3), [(8, 4, 5, 3)])
add("Normalization", {"axis": None}, (2, 5, 3), [(8, 5, 3)])
add("Normalization", {"axis": None}, (6,), [(40,), (2,)])
add("Normalization", {"invert": True}, (4, 3), [(50, 3)])
add("Normalization", {"invert": True, "axis": 1}, (2, 5, 3), [(9, 5, 3)])
add("Normalization", {}, (4, 3), [(50, 3)], integers=True)
add("Normalization", {}, (4, 3))
add("Normalization", {"mean": 3.0, "variance": 2.0}, (4, 3))
add("Normalization", {"mean": [0.1, 2.0, -3.3], "variance": [0.7, 0.0, 2.5]}, (2, 5, 3))
add("Normalization", {"mean": [0.1, 2.0, -3.3], "variance": [0.7, 1.0, 2.5]}, (2, 5, 3), dtype="float64")
add("Normalization", {"axis": 1, "mean": [0.1, 2.0], "variance": [0.7, 1.0]}, (3, 2, 4))
add("Normalization", {"axis": [1, 2], "mean": [0.1, 2.0, 5.0], "variance": [0.7, 1.0, 0.1]}, (3, 2, 3))
add("Normalization", {"axis": [1, 2], "mean": [[0.1], [2.0]], "variance": [[0.7], [1.0]], "invert": True}, (3, 2, 3))
add("Normalization", {"axis": None, "mean": 0.3, "variance": 0.2}, (3, 2))
add("Rescaling", {"scale": 1 / 255}, (3, 4))
add("Rescaling", {"scale": 1 / 127.5, "offset": -1.0}, (3, 4), integers=True)
add("Rescaling", {"scale": [0.1, 2.0, 3.0], "offset": [1.0, -1.0, 0.5]}, (2, 4, 3))
add("Rescaling", {"scale": 0.1, "offset": 0.7}, (3, 4), dtype="float64")
for mode in ["int", "one_hot", "multi_hot", "count"]:
    add("Discretization", {"bin_boundaries": [-2.0, 0.5, 3.0], "output_mode": mode}, (4, 5))
    add("Discretization", {"num_bins": 4, "output_mode": mode}, (4, 1), [(60, 1)])
add("Discretization", {"bin_boundaries": [0.0]}, (6,), integers=True)
add("Discretization", {"bin_boundaries": [-1.0, 2.0], "output_mode": "one_hot"}, (2, 3, 4))
add("Discretization", {"bin_boundaries": [-1.0, 2.0], "output_mode": "count"}, (2, 3, 4))
add("Discretization", {"num_bins": 5}, (3, 4), [(250, 4)])
add("Discretization", {"num_bins": 5, "epsilon": 0.003}, (3, 4), [(300, 2), (30, 2), (211, 2)])
add("Discretization", {"num_bins": 3, "epsilon": 0.1}, (3, 4), [(7,), (2,)])
add("Discretization", {"num_bins": 30}, (9,), [(8,)])

path = pathlib.Path(__file__).parent / "keras_preprocessing.json"
path.write_text("{\"cases\": [\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]}\n")
