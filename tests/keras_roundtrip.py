#!/usr/bin/env python3
"""Models go from Keras to this library and back: keras_roundtrip.py PROGRAM [COUNT]

scripts/check-keras.sh installs Keras 3.6, 3.10 and 3.15 and runs this with each of them.

PROGRAM is bin/keras_files, which loads the files that this script writes with the installed Keras, compares its
predictions with those of Keras, and writes the files again. Keras loads these, and config, weights and
predictions must be those of before. There is a model for each layer, nested, shared and stacked ones, and COUNT
(100) random ones. Exits with 77 if Keras is not installed.
"""

import importlib.util
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

try:
    import numpy as np

    from keras_numpy import keras
except ImportError:
    print("Keras is not installed")
    sys.exit(77)
from keras import layers as L

RNG = np.random.default_rng(7)
BATCH, STEPS, FEATURES = 3, 5, 4


def safetensors(path, tensors):
    header, data = {}, b""
    for name, value in tensors.items():
        value = np.asarray(value)
        code = {"float32": "F32", "float64": "F64", "int32": "I32"}[value.dtype.name]
        begin = len(data)
        data += np.ascontiguousarray(value).tobytes()
        header[name] = {"dtype": code, "shape": list(value.shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def randomize(model):
    for weight in model.weights:
        value = RNG.normal(0, 0.4, weight.shape)
        if "variance" in weight.path:
            value = np.abs(value) + 0.5
        weight.assign(value.astype(weight.dtype))
    for layer in model.layers:
        # Normalization computes with copies of its weights.
        if isinstance(layer, L.Normalization):
            layer.finalize_state()


def inputs_for(model):
    values = []
    for tensor in model.inputs:
        shape = [BATCH if size is None else size for size in tensor.shape]
        if "int" in tensor.dtype:
            values.append(RNG.integers(0, 6, shape).astype("int32"))
        else:
            values.append(RNG.normal(0, 1, shape).astype(tensor.dtype))
    return values


def predict(model, values):
    outputs = model(values if len(values) > 1 else values[0], training=False)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return [np.asarray(keras.ops.convert_to_numpy(output)) for output in outputs]


def sequence(*stack, shape=(STEPS, FEATURES), dtype="float32"):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *stack])


def tokens(*stack):
    return sequence(L.Embedding(6, FEATURES, mask_zero=True), *stack, shape=(STEPS,), dtype="int32")


def two(layer, first=(STEPS, FEATURES), second=(STEPS, FEATURES)):
    a, b = keras.Input(first, name="a"), keras.Input(second, name="b")
    return keras.Model([a, b], layer([a, b]))


def merged(layer):
    return lambda: two(layer)


def shared():
    a, b = keras.Input((STEPS, FEATURES)), keras.Input((STEPS, FEATURES))
    rnn = L.GRU(3, name="shared")
    return keras.Model([a, b], L.Dense(2)(L.Concatenate()([rnn(a), rnn(b)])))


def encoder_decoder():
    a, b = keras.Input((STEPS, FEATURES)), keras.Input((None, 2))
    _, h, c = L.LSTM(3, return_state=True)(a)
    y = L.LSTM(3, return_sequences=True)(b, initial_state=[h, c])
    return keras.Model([a, b], [L.TimeDistributed(L.Dense(2))(y), h])


def nested():
    inner = keras.Sequential([keras.Input((STEPS, FEATURES)), L.GRU(3, return_sequences=True), L.Dense(2)])
    x = keras.Input((STEPS, FEATURES))
    graph = keras.Model(x, L.Dense(3)(x), name="graph")
    z = keras.Input((STEPS, FEATURES))
    y = L.Concatenate()([inner(z), graph(z), inner(z)])
    return keras.Model(z, L.LSTM(2)(y))


def compiled():
    model = sequence(L.LSTM(3), L.BatchNormalization(), L.Dense(2))
    model.compile(keras.optimizers.Adam(0.01, clipnorm=1.0), "mse", metrics=["mae"])
    return model


def scheduled():
    model = sequence(L.GRU(3), L.Dense(2))
    rate = keras.optimizers.schedules.CosineDecay(0.1, 100)
    loss = keras.losses.LogCosh(reduction="sum")
    model.compile(keras.optimizers.RMSprop(rate, momentum=0.3), loss, metrics=[keras.metrics.MeanSquaredError()])
    return model


def compiled_outputs():
    x = keras.Input((STEPS, FEATURES))
    h = L.GRU(3)(x)
    model = keras.Model(x, [L.Dense(1, name="price")(h), L.Dense(3, activation="softmax", name="kind")(h)])
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        {"price": "mse", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"price": 1.0, "kind": 0.5},
        metrics={"price": ["mae"], "kind": ["accuracy"]},
    )
    return model


REGULAR = {
    "kernel_regularizer": "l2",
    "bias_regularizer": "l1",
    "recurrent_regularizer": keras.regularizers.L1L2(0.1, 0.2),
    "kernel_constraint": keras.constraints.MaxNorm(1.5),
    "recurrent_initializer": keras.initializers.Orthogonal(gain=0.5, seed=3),
    "kernel_initializer": "he_normal",
}

MODELS = {
    "activation": lambda: sequence(L.Activation("gelu"), L.Dense(3, activation="softsign")),
    "activity_regularization": lambda: sequence(L.ActivityRegularization(0.1, 0.2), L.SimpleRNN(2)),
    "add": merged(L.Add()),
    "additive_attention": merged(L.AdditiveAttention()),
    "attention": merged(L.Attention(use_scale=True)),
    "average": merged(L.Average()),
    "batch_normalization": lambda: sequence(L.BatchNormalization(momentum=0.9, epsilon=1e-4)),
    "batch_normalization_plain": lambda: sequence(L.BatchNormalization(center=False, scale=False)),
    "bidirectional": lambda: tokens(L.Bidirectional(L.LSTM(3, return_sequences=True)), L.GRU(2)),
    "bidirectional_sum": lambda: sequence(L.Bidirectional(L.GRU(3), merge_mode="sum")),
    "bidirectional_other": lambda: sequence(
        L.Bidirectional(L.SimpleRNN(3), backward_layer=L.LSTM(3, go_backwards=True), merge_mode="mul")
    ),
    "concatenate": merged(L.Concatenate(axis=1)),
    "dense": lambda: sequence(L.Dense(3, use_bias=False), L.Dense(2, activation="tanh")),
    "dot": merged(L.Dot(axes=2, normalize=True)),
    "dropout": lambda: sequence(L.Dropout(0.3), L.SpatialDropout1D(0.2), L.GaussianNoise(0.1)),
    "elu": lambda: sequence(L.ELU(0.7), L.LeakyReLU(negative_slope=0.2), L.ReLU(max_value=1.0), L.PReLU()),
    "embedding": lambda: tokens(L.LSTM(3)),
    "flatten": lambda: sequence(L.Flatten(), L.Dense(2)),
    "global_pooling": lambda: tokens(L.GlobalAveragePooling1D()),
    "global_max_pooling": lambda: sequence(L.GlobalMaxPooling1D(keepdims=True)),
    "gru": lambda: tokens(L.GRU(3, reset_after=False, recurrent_activation="hard_sigmoid")),
    "gru_backwards": lambda: sequence(L.GRU(3, go_backwards=True, return_sequences=True, **REGULAR)),
    "layer_normalization": lambda: sequence(L.LayerNormalization(), L.UnitNormalization()),
    "lstm": lambda: sequence(L.LSTM(3, dropout=0.2, recurrent_dropout=0.1, seed=4, **REGULAR)),
    "lstm_state": lambda: functional_states(L.LSTM(3, return_sequences=True, return_state=True)),
    "masking": lambda: sequence(L.Masking(0.0), L.SimpleRNN(3, unroll=True)),
    "maximum": merged(L.Maximum()),
    "minimum": merged(L.Minimum()),
    "multiply": merged(L.Multiply()),
    "subtract": merged(L.Subtract()),
    "reshaping": lambda: sequence(L.Permute((2, 1)), L.Reshape((-1, 2)), L.Flatten(), L.RepeatVector(2)),
    "rnn_cell": lambda: sequence(L.RNN(L.GRUCell(3), return_sequences=True), L.RNN(L.SimpleRNNCell(2))),
    "simple_rnn": lambda: sequence(L.SimpleRNN(3, activation="relu", use_bias=False)),
    "softmax": lambda: sequence(L.Softmax(axis=1)),
    "stacked_cells": lambda: sequence(L.RNN([L.LSTMCell(3), L.GRUCell(2), L.LSTMCell(4)])),
    "stateful": lambda: keras.Sequential(
        [keras.Input(batch_shape=(BATCH, STEPS, FEATURES)), L.GRU(2, stateful=True), L.Dense(1)]
    ),
    "time_distributed": lambda: sequence(
        L.TimeDistributed(L.LSTM(3)), L.TimeDistributed(L.Dense(2)), shape=(STEPS, 2, FEATURES)
    ),
    "float64": lambda: sequence(L.LSTM(3, dtype="float64"), L.Dense(2, dtype="float64")),
    "frozen": lambda: sequence(L.Dense(3, trainable=False), L.GRU(2)),
    "shared": shared,
    "encoder_decoder": encoder_decoder,
    "nested": nested,
    "compiled": compiled,
    "compiled_outputs": compiled_outputs,
    "scheduled": scheduled,
    "arithmetic": lambda: arithmetic(),
}


def arithmetic():
    x = keras.Input((STEPS, FEATURES))
    h = L.Dense(FEATURES)(x) * 2.0 + x
    return keras.Model(x, [(1.0 - h) / 2.0, L.GRU(2)(h - x)])


def adapted(layer, *more):
    layer.adapt(RNG.normal(2, 3, (50, STEPS, FEATURES)).astype("float32"))
    return sequence(layer, *more)


# Keras' preprocessing layers import TensorFlow with every backend.
HAS_TENSORFLOW = importlib.util.find_spec("tensorflow") is not None
if HAS_TENSORFLOW:
    MODELS["normalization"] = lambda: adapted(L.Normalization(), L.GRU(2))
    MODELS["normalization_axes"] = lambda: adapted(L.Normalization(axis=(1, 2), invert=True))
    MODELS["normalization_all"] = lambda: adapted(L.Normalization(axis=None))
    MODELS["normalization_given"] = lambda: sequence(
        L.Normalization(mean=[0.1, 2.0, 3.0, 4.0], variance=[1.0, 0.5, 2.0, 0.1]), L.Rescaling(0.5, offset=[1.0, 2.0, 3.0, 4.0])
    )
    MODELS["discretization"] = lambda: adapted(L.Discretization(num_bins=4, output_mode="one_hot"))
    MODELS["discretization_given"] = lambda: sequence(L.Discretization(bin_boundaries=[-0.5, 0.0, 0.7], output_mode="count"))

if hasattr(L, "RMSNormalization"):  # Since Keras 3.9.
    MODELS["rms_normalization"] = lambda: sequence(L.RMSNormalization())


def functional_states(layer):
    x = keras.Input((STEPS, FEATURES))
    return keras.Model(x, list(layer(x)))


def random_layer(choose, sequences):
    units = choose.randint(1, 5)
    options = {"return_sequences": sequences, "go_backwards": choose.random() < 0.2}
    kind = choose.randrange(6)
    if kind == 0:
        return L.SimpleRNN(units, activation=choose.choice(["tanh", "relu", "sigmoid"]), **options)
    if kind == 1:
        return L.GRU(units, reset_after=choose.random() < 0.5, dropout=choose.choice([0.0, 0.3]), **options)
    if kind == 2:
        return L.LSTM(units, unit_forget_bias=choose.random() < 0.5, use_bias=choose.random() < 0.7, **options)
    if kind == 3:
        mode = choose.choice(["concat", "sum", "mul", "ave"])
        return L.Bidirectional(choose.choice([L.GRU, L.LSTM])(units, return_sequences=sequences), merge_mode=mode)
    if kind == 4:
        cells = [choose.choice([L.GRUCell, L.LSTMCell, L.SimpleRNNCell])(choose.randint(1, 4)) for _ in range(2)]
        return L.RNN(cells, **options)
    return L.RNN(L.LSTMCell(units), zero_output_for_mask=True, **options)


def random_model(seed):
    choose = random.Random(seed)
    with_tokens = choose.random() < 0.4
    if with_tokens:
        x = keras.Input((STEPS,), dtype="int32")
        h = L.Embedding(6, choose.randint(1, 5), mask_zero=choose.random() < 0.5)(x)
    else:
        x = keras.Input((STEPS, choose.randint(1, 5)))
        h = L.Masking()(x) if choose.random() < 0.3 else x
    stack = []
    for _ in range(choose.randint(0, 2)):
        stack.append(random_layer(choose, True))
        if choose.random() < 0.3:
            stack.append(choose.choice([L.LayerNormalization, L.BatchNormalization, lambda: L.Dropout(0.2)])())
        if choose.random() < 0.3:
            stack.append(L.TimeDistributed(L.Dense(choose.randint(1, 4), activation="elu")))
    last = choose.choice([random_layer(choose, False), L.GlobalMaxPooling1D(), L.Flatten()])
    if with_tokens and not isinstance(last, L.RNN):
        last = L.GRU(2)
    form = choose.randrange(3)
    if form == 0 and not with_tokens:
        return keras.Sequential([x, *stack, last, L.Dense(2)])
    for layer in stack:
        h = layer(h)
    if form == 1:
        branch = random_layer(choose, False)
        y = L.Concatenate()([L.Dense(2)(last(h)), L.Dense(2)(branch(h))])
        return keras.Model(x, [y, L.Dense(1, activation="sigmoid")(y)])
    return keras.Model(x, L.Dense(2)(last(h)))


def write_all(folder, count):
    makers = dict(MODELS)
    for seed in range(count):
        makers[f"random_{seed}"] = lambda seed=seed: random_model(seed)
    models = {}
    for name, make in makers.items():
        model = make()
        randomize(model)
        values = inputs_for(model)
        if model.compiled:
            model.optimizer.build(model.trainable_variables)
            for variable in model.optimizer.variables[2:]:
                variable.assign(np.abs(RNG.normal(0, 1, variable.shape)).astype(variable.dtype))
        outputs = predict(model, values)
        if name == "stateful":
            for layer in model.layers[:1]:
                layer.reset_state()
        tensors = {f"input.{i}": value for i, value in enumerate(values)}
        tensors.update({f"output.{i}": value for i, value in enumerate(outputs)})
        safetensors(f"{folder}/{name}.safetensors", tensors)
        model.save(f"{folder}/{name}.keras")
        models[name] = (model, values, outputs)
        if name in ("lstm", "shared", "stacked_cells", "nested", "compiled", "encoder_decoder", "bidirectional"):
            safetensors(f"{folder}/{name}_legacy.safetensors", tensors)
            model.save(f"{folder}/{name}_legacy.h5")
        if name in ("lstm", "shared", "stacked_cells", "nested"):
            safetensors(f"{folder}/{name}_weights.safetensors", tensors)
            model.save_weights(f"{folder}/{name}_weights.weights.h5")
            with open(f"{folder}/{name}_weights.json", "w") as file:
                file.write(model.to_json())
    return models


def config_of(model):
    """The config without what does not count: the arguments of compile(), which are compared by their effect, the
    names of operations (of masks), which depend on how many were made before, and `training` of a call in a graph,
    which Keras replaces by that of the model.
    """
    text = model.to_json()
    for number, layer in enumerate(json.loads(text)["config"]["layers"]):
        if layer.get("module", "").startswith("keras.src.ops"):
            text = text.replace(json.dumps(layer["name"]), json.dumps(f"operation {number}"))
    config = json.loads(text)
    config.pop("compile_config", None)
    for layer in config["config"]["layers"]:
        # adapt() builds a layer for the shape of its data, with their number; this library builds for any batch.
        if layer["class_name"] in ("Normalization", "Discretization") and layer.get("build_config"):
            layer["build_config"]["input_shape"][0] = None
        for node in layer.get("inbound_nodes", []):
            node["kwargs"].pop("training", None)
    return config


def check(name, what, right):
    if not right:
        print(f"{name}: {what} differ")
    return not right


def layers_left_out(models):
    """Layers of this library that no model has."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../layers/built_in_layers.cpp")
    with open(source) as file:
        ours = set(re.findall(r"layer_row<layers::(\w+)>\(", file.read()))
    ours.discard("Lambda")  # Would run code, and is refused.
    if not hasattr(L, "RMSNormalization"):
        ours.discard("RMSNormalization")
    if not HAS_TENSORFLOW:
        ours -= {"Discretization", "Normalization", "Rescaling"}
    for model, _, _ in models.values():
        ours -= set(re.findall(r'"class_name": "(\w+)"', model.to_json()))
    return sorted(ours)


def compare(folder, models):
    failed = 0
    for name, (model, values, outputs) in models.items():
        path = f"{folder}/again/{name}.keras"
        if not os.path.exists(path):
            continue  # The program has said why.
        try:
            again = keras.saving.load_model(path)
        except Exception as error:  # Whatever it is, the file is not one that Keras reads.
            print(f"{name}: Keras does not load it: {str(error)[:2000]}")
            failed += 1
            continue
        failed += check(name, "configs", config_of(again) == config_of(model))
        with open(f"{folder}/again/{name}.json") as file:
            of_json = keras.models.model_from_json(file.read())
        failed += check(name, "configs in JSON", config_of(of_json) == config_of(model))
        same = len(again.weights) == len(model.weights) and all(
            np.array_equal(a.numpy(), b.numpy()) for a, b in zip(again.weights, model.weights)
        )
        failed += check(name, "weights", same)
        got = predict(again, values)
        close = len(got) == len(outputs) and all(
            np.allclose(a, b, rtol=1e-5, atol=1e-5) for a, b in zip(got, outputs)
        )
        failed += check(name, "predictions", close)
        if model.compiled:
            failed += check(name, "optimizers", again.optimizer.get_config() == model.optimizer.get_config())
            state = all(
                np.array_equal(a.numpy(), b.numpy())
                for a, b in zip(again.optimizer.variables, model.optimizer.variables)
            ) and len(again.optimizer.variables) == len(model.optimizer.variables)
            failed += check(name, "states of the optimizers", state)
            values_true = [np.ones(output.shape, "float32") for output in outputs]
            if "kind" in getattr(model, "output_names", []):
                values_true[1] = np.zeros(len(outputs[1]), "int32")
            x, y = (part if len(part) > 1 else part[0] for part in (values, values_true))
            if len(values_true) > 1:
                y = dict(zip(model.output_names, values_true))
            losses = [one.evaluate(x, y, verbose=0, return_dict=True) for one in (model, again)]
            near = losses[0].keys() == losses[1].keys() and all(
                abs(losses[0][key] - losses[1][key]) < 1e-5 for key in losses[0]
            )
            failed += check(name, f"losses {losses}", near)
        weights = f"{folder}/again/{name}_weights.weights.h5"
        if os.path.exists(weights):
            randomize(again)
            again.load_weights(weights)
            same = all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(again.weights, model.weights))
            failed += check(name, "weights in .weights.h5", same)
    return failed


def main():
    program = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    folder = tempfile.mkdtemp(prefix="keras_roundtrip.")
    try:
        models = write_all(folder, count)
        loaded = subprocess.run([program, folder], check=False)
        failed = compare(folder, models)
        for name in layers_left_out(models):
            print(f"no model has the layer {name}")
            failed += 1
        print(f"Keras {keras.__version__}: {len(models)} models, {failed} differences")
        return 1 if failed or loaded.returncode else 0
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
