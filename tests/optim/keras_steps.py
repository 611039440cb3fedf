"""Writes tests/optim/keras/*.safetensors: what Keras 3.15.1 does with arguments that tests/golden leaves out, in
float32 and float64. The files have the form of tests/golden/FORMAT.md, and `golden` runs them.

  python -m venv VENV && VENV/bin/pip install keras==3.15.1 jax && VENV/bin/python tests/optim/keras_steps.py

The tests read the files alone; this is run again where a case is added."""
import json
import os
import pathlib
import struct

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"  # Else a float64 would be a float32.

import jax.numpy
import keras
import numpy as np
from keras.src import backend

# Keras takes the mean of float64 numbers in float32 (with JAX and TensorFlow), which is no part of any optimizer.
backend.numpy.mean = lambda x, **how: jax.numpy.mean(backend.convert_to_tensor(x), **how)

FOLDER = pathlib.Path(__file__).parent / "keras"
SHAPES = [(), (5,), (3, 2), (2, 2, 3)]
STEPS = 6
TOLERANCE = {"float32": {"rtol": 2e-5, "atol": 2e-6}, "float64": {"rtol": 1e-9, "atol": 1e-11}}
CODES = {"float32": "F32", "float64": "F64", "int32": "I32"}

optimizers = keras.optimizers
schedules = keras.optimizers.schedules


def exponential(rate):
    return schedules.ExponentialDecay(rate, 3, 0.5)


# The class, then its arguments.
CASES = {
    "sgd": ("SGD", dict(learning_rate=0.1)),
    "sgd_nesterov_decay_global_clipnorm": (
        "SGD", dict(learning_rate=0.1, momentum=0.7, nesterov=True, weight_decay=0.05, global_clipnorm=0.8)),
    "sgd_loss_scale_clipnorm": ("SGD", dict(learning_rate=0.1, loss_scale_factor=4.0, clipnorm=0.1)),
    "sgd_accumulation_schedule": ("SGD", dict(learning_rate=exponential(0.2), gradient_accumulation_steps=2)),
    "sgd_accumulation_ema_overwrite": (
        "SGD", dict(learning_rate=0.2, momentum=0.5, gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.6,
                    ema_overwrite_frequency=2)),
    "rmsprop": ("RMSprop", dict(learning_rate=0.02)),
    "rmsprop_centered_momentum_ema": (
        "RMSprop", dict(learning_rate=0.02, rho=0.8, momentum=0.6, epsilon=1e-4, centered=True, clipnorm=0.5,
                        use_ema=True, ema_momentum=0.5)),
    "adam": ("Adam", dict(learning_rate=0.02)),
    "adam_amsgrad_accumulation": (
        "Adam", dict(learning_rate=0.05, amsgrad=True, global_clipnorm=1.5, weight_decay=0.1,
                     gradient_accumulation_steps=3)),
    "adamw": ("AdamW", dict(learning_rate=0.02)),
    "adamw_amsgrad_clipvalue_ema": (
        "AdamW", dict(learning_rate=0.05, weight_decay=0.2, beta_1=0.7, beta_2=0.9, epsilon=1e-3, amsgrad=True,
                      clipvalue=0.4, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3)),
    "adadelta": ("Adadelta", dict(learning_rate=1.0)),
    "adadelta_decay_clipnorm": (
        "Adadelta", dict(learning_rate=0.5, rho=0.7, epsilon=1e-2, weight_decay=0.1, clipnorm=0.3)),
    "adagrad": ("Adagrad", dict(learning_rate=0.05)),
    "adagrad_start": ("Adagrad", dict(learning_rate=0.3, initial_accumulator_value=0.5, epsilon=1e-2)),
    "adamax": ("Adamax", dict(learning_rate=0.02)),
    "adamax_clipvalue": (
        "Adamax", dict(learning_rate=0.1, beta_1=0.6, beta_2=0.8, epsilon=1e-2, clipvalue=0.3)),
    "nadam": ("Nadam", dict(learning_rate=0.02)),
    "nadam_accumulation_decay": (
        "Nadam", dict(learning_rate=0.05, beta_1=0.7, beta_2=0.95, epsilon=1e-3, weight_decay=0.1,
                      gradient_accumulation_steps=2)),
    "ftrl": ("Ftrl", dict(learning_rate=0.1)),
    "ftrl_power": (
        "Ftrl", dict(learning_rate=0.3, learning_rate_power=-0.7, initial_accumulator_value=0.4,
                     l1_regularization_strength=0.2, l2_regularization_strength=0.1,
                     l2_shrinkage_regularization_strength=0.05, beta=0.3)),
    "lion": ("Lion", dict(learning_rate=0.01)),
    "lion_decay_global_clipnorm": (
        "Lion", dict(learning_rate=0.02, beta_1=0.5, beta_2=0.7, weight_decay=0.3, global_clipnorm=0.7)),
    "lamb": ("Lamb", dict(learning_rate=0.02)),
    "lamb_decay": ("Lamb", dict(learning_rate=0.1, beta_1=0.7, beta_2=0.8, epsilon=1e-2, weight_decay=0.2)),
    "adafactor": ("Adafactor", dict(learning_rate=0.02)),
    "adafactor_large_rate": (
        "Adafactor", dict(learning_rate=0.9, beta_2_decay=-0.5, epsilon_1=1e-6, epsilon_2=0.5, clip_threshold=0.3,
                          relative_step=False)),
    "adafactor_schedule": ("Adafactor", dict(learning_rate=exponential(0.9), weight_decay=0.1)),
}
BOTH = ("float32", "float64")
# A schedule is of float32 whatever the weights are of.
ONLY_FLOAT32 = ("sgd_accumulation_schedule", "adafactor_schedule")


def write(name, about, tensors):
    header = {"__metadata__": {"case": json.dumps(about)}}
    body = b""
    for key, value in tensors.items():
        value = np.ascontiguousarray(value)
        data = value.tobytes()
        header[key] = {"dtype": CODES[value.dtype.name], "shape": list(np.shape(tensors[key])),
                       "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (FOLDER / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)


def steps(name, dtype, number):
    kind, arguments = CASES[name]
    keras.utils.clear_session()  # It counts names.
    random = np.random.default_rng(number)
    optimizer = getattr(optimizers, kind)(**arguments, name=kind.lower())
    variables = []
    tensors = {}
    for i, shape in enumerate(SHAPES):
        value = random.normal(size=shape).astype(dtype)
        if i == 1 and "lamb" in name:
            value = np.zeros(shape, dtype)  # A norm of 0.
        variables.append(keras.Variable(value, dtype=dtype, name=f"v{i}"))
        tensors[f"variable.{i}"] = np.array(value)
    rates = []
    for step in range(STEPS):
        gradients = [np.asarray(random.normal(size=shape) * 0.5, dtype) for shape in SHAPES]
        if step == 2:
            gradients[2] = np.zeros(SHAPES[2], dtype)
        rates.append(float(optimizer.learning_rate))
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients], variables)
        for i, variable in enumerate(variables):
            tensors[f"grad.step{step}.{i}"] = gradients[i]
            tensors[f"value.step{step}.{i}"] = keras.ops.convert_to_numpy(variable)
    tensors["learning_rate"] = np.array(rates, "float32")
    state = []
    for i, variable in enumerate(optimizer.variables):
        value = keras.ops.convert_to_numpy(variable)
        kept = value.dtype.name
        if value.dtype.kind == "i":  # JAX has one type of integers; TensorFlow counts in int64, else takes int32.
            kept = "int64" if variable.name == "iteration" else "int32"
        state.append({"path": variable.path, "shape": list(value.shape), "dtype": kept})
        tensors[f"optimizer_variable.{i}"] = value.astype("int32") if value.dtype.kind == "i" else value
    if arguments.get("use_ema"):
        optimizer.finalize_variable_values(variables)
        for i, variable in enumerate(variables):
            tensors[f"finalized.{i}"] = keras.ops.convert_to_numpy(variable)
    about = {"name": f"{name}_{dtype}", "group": "optimizers", "what": f"{STEPS} steps in {dtype}",
             "config": optimizers.serialize(optimizer), "call": {"steps": STEPS}, "weights": [], "outputs": [],
             "tolerance": TOLERANCE[dtype], "keras": keras.__version__, "optimizer_variables": state}
    write(f"{name}_{dtype}", about, tensors)


FOLDER.mkdir(exist_ok=True)
number = 0
for name in CASES:
    for dtype in BOTH[:1] if name in ONLY_FLOAT32 else BOTH:
        steps(name, dtype, number)
        number += 1
