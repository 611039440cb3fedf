"""Keras on TensorFlow: its built-in layers, and keras.layers.RNN over a user's cell for mgu."""

import argparse
import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from cells import Arrays, weight_names
from sides import Case
from worker import serve

# The order of gates in Keras: lstm i, f, c, o; gru z, r, n. The other sides have PyTorch's order.
ORDER = {"simple_rnn": [0], "lstm": [0, 1, 2, 3], "gru": [1, 0, 2], "mgu": [0, 1]}


class MinimalGatedCell(keras.layers.Layer):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units
        self.state_size = units

    def build(self, shape: tuple[int, ...]) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 2 * self.units))
        self.recurrent = self.add_weight(shape=(self.units, 2 * self.units))
        self.bias = self.add_weight(shape=(2 * self.units,))

    def call(self, x: tf.Tensor, states: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        h = states[0]
        xf, xc = ops.split(ops.matmul(x, self.kernel) + self.bias, 2, axis=1)
        uf, uc = ops.split(self.recurrent, 2, axis=1)
        f = ops.sigmoid(xf + ops.matmul(h, uf))
        h = (1 - f) * h + f * ops.tanh(xc + ops.matmul(f * h, uc))
        return h, [h]


def make_layer(case: Case) -> keras.layers.Layer:
    if case.cell == "mgu":
        return keras.layers.RNN(MinimalGatedCell(case.units))
    layers = {"simple_rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
    return layers[case.cell](case.units)


def permuted(array: np.ndarray, order: list[int]) -> np.ndarray:
    """Reorders the gates, which are side by side in the last axis."""
    gates = np.split(array, len(order), axis=-1)
    return np.concatenate([gates[i] for i in order], axis=-1)


class KerasStep:
    def __init__(self, case: Case, arrays: Arrays) -> None:
        self.case = case
        self.x = tf.constant(arrays["x"])
        self.layer = make_layer(case)
        self.layer(self.x)
        order = ORDER[case.cell]
        weights = [permuted(arrays[name], order) for name in weight_names(case.cell)]
        if case.cell == "gru":
            weights[2:] = [np.stack(weights[2:])]
        self.layer.set_weights(weights)
        constant = tf.constant(arrays["constant"])

        @tf.function
        def train(x: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
            with tf.GradientTape() as tape:
                tape.watch(x)
                output = self.layer(x)
                loss = tf.reduce_sum(output * constant)
            return output, tape.gradient(loss, [x, *(w.value for w in self.layer.trainable_variables)])

        @tf.function
        def infer(x: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
            return self.layer(x), []

        self.step = train if case.mode == "train" else infer

    def run(self) -> None:
        self.output, self.gradients = self.step(self.x)

    def results(self) -> Arrays:
        found = {"output": self.output.numpy()}
        if self.gradients:
            x, *gradients = (gradient.numpy() for gradient in self.gradients)
            if self.case.cell == "gru":
                gradients[2:] = list(gradients[2])
            back = list(np.argsort(ORDER[self.case.cell]))
            found |= {"x": x} | {n: permuted(g, back) for n, g in zip(weight_names(self.case.cell), gradients)}
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    serve(KerasStep)


if __name__ == "__main__":
    main()
