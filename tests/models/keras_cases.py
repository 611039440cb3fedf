"""Writes tests/models/keras/*.safetensors: losses and metrics of Keras 3.15.1 with arguments, shapes, weights, masks and
reductions that tests/golden leaves out. The files have the form of tests/golden/FORMAT.md, and `golden` runs them; a
metric's batch may have a mask, too.

  python -m venv VENV && VENV/bin/pip install keras==3.15.1 jax && VENV/bin/python tests/models/keras_cases.py

The tests read the files alone; this is run again where a case is added."""
import json
import os
import pathlib
import struct

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"  # Else a float64 would be a float32.

import jax
import keras
import numpy as np
from keras.src import backend

# Keras takes the mean of float64 numbers in float32 (with JAX and TensorFlow), which is no part of any loss.
backend.numpy.mean = lambda x, axis=None, keepdims=False: jax.numpy.mean(
    backend.convert_to_tensor(x), axis=axis, keepdims=keepdims)

FOLDER = pathlib.Path(__file__).parent / "keras"
# Keras rounds some constants to float32 in float64, too.
TOLERANCE = {"float32": {"rtol": 2e-5, "atol": 2e-6}, "float64": {"rtol": 2e-7, "atol": 2e-8}}
CODES = {"float32": "F32", "float64": "F64", "int32": "I32", "bool": "BOOL"}
random = np.random.default_rng(19)


def write(name, group, what, config, call, tensors, dtype="float32"):
    about = {"name": name, "group": group, "what": what, "config": config, "call": call, "weights": [], "outputs": [],
             "tolerance": TOLERANCE[dtype], "keras": keras.__version__}
    header = {"__metadata__": {"case": json.dumps(about)}}
    body = b""
    for key, value in tensors.items():
        value = np.asarray(value)
        data = np.ascontiguousarray(value).tobytes()
        header[key] = {"dtype": CODES[value.dtype.name], "shape": list(value.shape),
                       "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (FOLDER / f"{group}_{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)


def softmax(z, axis=-1):
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def numbers(shape):
    return random.normal(size=shape), random.normal(size=shape)


def positive(shape):
    return random.gamma(1.5, size=shape), random.gamma(1.5, size=shape) + 0.1


def probabilities(shape):
    return random.integers(0, 2, shape), random.uniform(0.02, 0.98, shape)


def binary_logits(shape):
    return random.integers(0, 2, shape), 2 * random.normal(size=shape)


def signs(shape):
    return 2 * random.integers(0, 2, shape) - 1, random.normal(size=shape)


def distributions(shape, axis=-1):
    return softmax(2 * random.normal(size=shape), axis), softmax(random.normal(size=shape), axis)


def one_hot(shape):
    return np.eye(shape[-1])[random.integers(0, shape[-1], shape[:-1])], softmax(random.normal(size=shape))


def one_hot_logits(shape):
    return np.eye(shape[-1])[random.integers(0, shape[-1], shape[:-1])], 2 * random.normal(size=shape)


def classes(shape):
    return random.integers(0, shape[-1], shape[:-1]).astype("int32"), softmax(random.normal(size=shape))


def class_logits(shape):
    return random.integers(0, shape[-1], shape[:-1]).astype("int32"), 2 * random.normal(size=shape)


def labels(shape):
    return random.integers(1, shape[-1], (shape[0], 3)).astype("int32"), 2 * random.normal(size=shape)


def few_labels(shape):
    y, z = labels(shape)
    y[0] = [1, 1, 0]
    y[1] = [2, 0, 0]
    return y, z


def embeddings(shape):
    z = random.normal(size=shape)
    return random.integers(0, 2, shape[:1]).astype("int32"), z / np.linalg.norm(z, axis=-1, keepdims=True)


# The class, its arguments, the kind of data, the shape of the predictions.
LOSSES = [
    ("MeanSquaredError", {}, numbers, (4, 3, 2)),
    ("MeanAbsoluteError", {}, numbers, (4, 3, 2)),
    ("MeanAbsolutePercentageError", {}, numbers, (4, 3, 2)),
    ("MeanSquaredLogarithmicError", {}, positive, (4, 3, 2)),
    ("LogCosh", {}, numbers, (4, 3, 2)),
    ("Poisson", {}, positive, (4, 3, 2)),
    ("Huber", {"delta": 0.7}, numbers, (4, 3, 2)),
    ("Hinge", {}, signs, (4, 3, 2)),
    ("Hinge", {}, probabilities, (4, 3, 2)),
    ("SquaredHinge", {}, signs, (4, 3, 2)),
    ("SquaredHinge", {}, binary_logits, (4, 3, 2)),
    ("CategoricalHinge", {}, one_hot, (4, 3, 5)),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, probabilities, (4, 3, 2)),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.3}, binary_logits, (4, 3, 2)),
    ("BinaryFocalCrossentropy", {"gamma": 1.5, "label_smoothing": 0.1}, probabilities, (4, 3, 2)),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.3, "from_logits": True}, binary_logits,
     (4, 3, 2)),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, distributions, (4, 3, 5)),
    ("CategoricalCrossentropy", {"from_logits": True}, one_hot_logits, (4, 3, 5)),
    ("CategoricalFocalCrossentropy", {"alpha": 0.4, "gamma": 3.0}, distributions, (4, 3, 5)),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, one_hot_logits, (4, 3, 5)),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, classes, (4, 3, 5)),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, class_logits, (4, 3, 5)),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.3}, classes, (4, 3, 5)),
    ("KLDivergence", {}, distributions, (4, 3, 5)),
    ("CosineSimilarity", {}, numbers, (4, 3, 5)),
]
# Without masks and weights of steps.
WHOLE = [
    ("CategoricalCrossentropy", {"axis": 1}, lambda s: distributions(s, 1), (4, 5, 3)),
    ("BinaryCrossentropy", {"axis": 1}, probabilities, (4, 5, 3)),
    ("CosineSimilarity", {"axis": 1}, numbers, (4, 5, 3)),
    ("Dice", {}, probabilities, (4, 5, 3)),
    ("Dice", {"axis": [1, 2]}, probabilities, (4, 5, 3)),
    ("Tversky", {"alpha": 0.2, "beta": 0.7}, probabilities, (4, 5, 3)),
    ("Tversky", {"alpha": 0.2, "beta": 0.7, "axis": [-1]}, probabilities, (4, 5, 3)),
    ("Circle", {"gamma": 5.0, "margin": 0.3}, embeddings, (6, 4)),
    ("Circle", {"gamma": 2.0, "remove_diagonal": False}, embeddings, (6, 4)),
    ("CTC", {}, labels, (4, 9, 5)),
    ("CTC", {}, few_labels, (4, 6, 4)),
    ("MeanSquaredError", {}, lambda s: (random.normal(size=s[:1]), random.normal(size=s)), (5, 1)),
]


def loss(name, number, dtype, reduction, weights, mask):
    kind, arguments, data, shape = number
    y, p = data(shape)
    y = y if y.dtype == "int32" else y.astype(dtype)
    p = p.astype(dtype)
    made = getattr(keras.losses, kind)(**arguments, reduction=reduction, dtype=dtype)
    tensors = {"y_true": y, "y_pred": p}
    weight = None
    if weights is not None:
        weight = tensors["sample_weight"] = random.uniform(0.2, 2, weights).astype(dtype)
    if mask is not None:
        tensors["mask"] = mask

    def run(q):
        if mask is not None:
            q = q + 0
            backend.set_keras_mask(q, jax.numpy.asarray(mask))
        return made(y, q, sample_weight=weight)

    value = np.asarray(run(jax.numpy.asarray(p)))
    cotangent = random.normal(size=value.shape).astype(dtype) if value.shape else np.ones((), dtype)
    gradient = jax.grad(lambda q: jax.numpy.sum(run(q) * cotangent))(jax.numpy.asarray(p))
    if kind == "CTC" and dtype == "float64":
        return  # Keras computes it in float32; tests/models/ctc.cpp sums over all alignments.
    tensors |= {"value": value.astype(dtype), "cotangent": cotangent, "grad.y_pred": np.asarray(gradient)}
    config = {"class_name": kind, "config": made.get_config() | arguments}
    write(name, "losses", f"{kind}, {dtype}", config, {}, tensors, dtype)


def sequence(number):
    """Whether each batch has weights, and whether the metric is reset before it."""
    return [{"batch": i, "reset_before": i == 3, "has_sample_weight": (i + number) % 2 == 1} for i in range(4)]


# The class, its arguments, the kind of data, the shape of the predictions without the batch, whether it takes masks.
METRICS = [
    ("MeanSquaredError", {}, numbers, (3, 2), True),
    ("MeanAbsolutePercentageError", {}, numbers, (2,), False),
    ("MeanSquaredLogarithmicError", {}, positive, (3, 2), True),
    ("RootMeanSquaredError", {}, numbers, (3, 2), False),
    ("LogCoshError", {}, numbers, (3, 2), True),
    ("Huber", {"delta": 0.5}, numbers, (3,), False),
    ("CosineSimilarity", {"axis": 1}, numbers, (4, 3), False),
    ("PearsonCorrelation", {}, numbers, (5,), False),
    ("PearsonCorrelation", {"axis": 1}, numbers, (5, 3), False),
    ("ConcordanceCorrelation", {}, numbers, (5,), False),
    ("Accuracy", {}, lambda s: (random.integers(0, 3, s), random.integers(0, 3, s)), (3, 1), True),
    ("BinaryAccuracy", {"threshold": 0.3}, probabilities, (3, 2), True),
    ("CategoricalAccuracy", {}, one_hot, (3, 4), True),
    ("SparseCategoricalAccuracy", {}, classes, (3, 4), True),
    ("TopKCategoricalAccuracy", {"k": 2}, one_hot, (3, 5), True),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, classes, (3, 5), True),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True},
     lambda s: (random.integers(0, s[-1], s[:1]).astype("int32"),
                np.argsort(random.normal(size=s), -1).astype("float32")), (5,), False),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, binary_logits, (3, 2), True),
    ("SparseCategoricalCrossentropy", {}, classes, (3, 4), True),
    ("KLDivergence", {}, distributions, (3, 4), True),
    ("Poisson", {}, positive, (3, 2), True),
    ("CategoricalHinge", {}, one_hot, (3, 4), True),
    ("SquaredHinge", {}, signs, (3, 2), True),
    ("TruePositives", {}, probabilities, (3,), False),
    ("FalsePositives", {"thresholds": [0.2, 0.6, 0.7]}, probabilities, (3,), False),
    ("TrueNegatives", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, probabilities, (3,), False),
    ("FalseNegatives", {"thresholds": 0.3}, probabilities, (3,), False),
    ("Precision", {"thresholds": [0.0, 0.5, 1.0]}, probabilities, (3,), False),
    ("Precision", {"top_k": 2, "class_id": 1}, probabilities, (4,), False),
    ("Recall", {"top_k": 3}, probabilities, (5,), False),
    ("Recall", {"thresholds": [0.6, 0.1]}, probabilities, (3,), False),
    ("SensitivityAtSpecificity", {"specificity": 0.6}, probabilities, (3,), False),
    ("SpecificityAtSensitivity", {"sensitivity": 0.7, "num_thresholds": 30}, probabilities, (3,), False),
    ("PrecisionAtRecall", {"recall": 0.5, "class_id": 2}, probabilities, (3,), False),
    ("RecallAtPrecision", {"precision": 0.6, "num_thresholds": 1}, probabilities, (3,), False),
    ("AUC", {"summation_method": "majoring"}, probabilities, (3,), False),
    ("AUC", {"curve": "PR", "summation_method": "minoring", "num_thresholds": 20}, probabilities, (2,), False),
    ("AUC", {"curve": "PRGAIN", "num_thresholds": 40}, probabilities, (2,), False),
    ("AUC", {"thresholds": [0.6, 0.2, 0.3]}, probabilities, (2,), False),
    ("AUC", {"multi_label": True, "label_weights": [0.2, 0.5, 1.0], "curve": "PR"}, probabilities, (3,), False),
    ("AUC", {"label_weights": [0.2, 0.5, 1.0], "num_thresholds": 30}, probabilities, (3,), False),
    ("AUC", {"multi_label": True, "from_logits": True}, binary_logits, (3,), False),
    ("F1Score", {}, one_hot, (4,), False),
    ("F1Score", {"average": "weighted", "threshold": 0.4}, probabilities, (4,), False),
    ("FBetaScore", {"average": "micro", "beta": 2.0, "threshold": 0.6}, probabilities, (4,), False),
    ("FBetaScore", {"average": "macro", "beta": 0.5}, one_hot, (4,), False),
    ("R2Score", {"class_aggregation": None}, numbers, (3,), False),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, numbers, (3,), False),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2], "ignore_class": 1},
     lambda s: (random.integers(-1, 5, s), random.integers(0, 4, s)), (5,), False),
    ("MeanIoU", {"num_classes": 4, "sparse_y_pred": False}, classes, (6, 4), False),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.4}, probabilities, (6,), False),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": [0, 1]}, one_hot, (4, 3), False),
    ("OneHotMeanIoU", {"num_classes": 3}, one_hot, (4, 3), False),
]


def metric(name, number, row):
    kind, arguments, data, shape, masked = row
    if kind == "Huber":  # A loss without a metric of its name: as a metric it is the mean of its function.
        made = keras.metrics.MeanMetricWrapper(keras.losses.huber, "huber_loss", **arguments)
        config = arguments | {"name": "huber_loss"}
    else:
        made = getattr(keras.metrics, kind)(**arguments)
        config = made.get_config() | arguments
    steps = sequence(number)
    tensors = {}
    for step in steps:
        batch = f"batch{step['batch']}"
        if step["reset_before"]:
            made.reset_state()
        samples = int(random.integers(5, 9))
        y, p = data((samples, *shape))
        y = y if y.dtype == "int32" else y.astype("float32")
        p = p.astype("float32")
        weight = mask = None
        # Keras' IoU counts in integers, and takes a weight for each label only.
        if "IoU" in kind and y.ndim > 1:
            step["has_sample_weight"] = False
        if step["has_sample_weight"]:
            weights = (samples, shape[0]) if masked and step["batch"] > 1 else (samples,)
            if masked and step["batch"] <= 1:
                weights = (samples, 1)
            weight = tensors[f"sample_weight.{batch}"] = random.uniform(0.2, 2, weights).astype("float32")
        given = jax.numpy.asarray(p)
        if masked and step["batch"] > 0:
            mask = tensors[f"mask.{batch}"] = random.uniform(size=(samples, shape[0])) < 0.7
            backend.set_keras_mask(given, jax.numpy.asarray(mask))
        made.update_state(y, given, sample_weight=weight)
        tensors |= {f"y_true.{batch}": y, f"y_pred.{batch}": p,
                    f"result.{batch}": np.asarray(made.result(), "float32")}
    for i, variable in enumerate(made.variables):
        tensors[f"variable.{i}"] = np.asarray(variable, "float32")
    config = json.loads(json.dumps(config, default=lambda x: np.asarray(x).tolist()))
    write(name, "metrics", kind, {"class_name": kind, "config": config}, {"sequence": steps}, tensors)


FOLDER.mkdir(exist_ok=True)
REDUCTIONS = ["sum_over_batch_size", "sum", "none", "mean", "mean_with_sample_weight"]
for i, row in enumerate(LOSSES + WHOLE):
    whole = i >= len(LOSSES)
    for k, dtype in enumerate(("float32", "float64")):
        reduction = REDUCTIONS[(2 * i + k) % (3 if whole else len(REDUCTIONS))]
        per_step = (4, 3) if reduction == "mean_with_sample_weight" else [(4, 3), (4, 1), None][(i + k) % 3]
        mask = None
        if not whole and (i + k) % 2 == 0:
            mask = random.uniform(size=(4, 3)) < 0.7
            mask[1] = False
        loss(f"{i:02}_{row[0].lower()}_{dtype}", row, dtype, reduction, None if whole else per_step, mask)
for i, row in enumerate(METRICS):
    metric(f"{i:02}_{row[0].lower()}", i, row)
