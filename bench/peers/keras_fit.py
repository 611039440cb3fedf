"""keras_fit.py CASE EPOCHS THREADS: fit() of Keras; KERAS_BACKEND says on what."""

import os
import sys

THREADS = int(sys.argv[3])
os.environ.setdefault("KERAS_BACKEND", "jax")

import keras  # noqa: E402
from fit_data import BATCH, Epochs, arrays  # noqa: E402


def limit_threads() -> None:
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(THREADS)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    if keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(THREADS)


def model_of(case: str) -> keras.Model:
    layers = keras.layers
    if case == "digits":
        model = keras.Sequential([layers.Input((8, 8)), layers.SimpleRNN(64), layers.Dense(10, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    elif case == "text":
        model = keras.Sequential(
            [layers.Input((100,), dtype="int32"), layers.Embedding(65, 64), layers.LSTM(256, return_sequences=True), layers.Dense(65)]
        )
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    else:
        model = keras.Sequential([layers.Input((1, 1)), layers.SimpleRNN(1), layers.Dense(1)])
        model.compile("adam", "mse")
    return model


class Times(keras.callbacks.Callback):
    def __init__(self, epochs: Epochs) -> None:
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epochs.begin()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.epochs.end()


def main() -> None:
    case, epochs = sys.argv[1], int(sys.argv[2])
    limit_threads()
    keras.utils.set_random_seed(1)
    model = model_of(case)
    x, y = arrays(case)
    times = Epochs(case)
    model.fit(x, y, batch_size=BATCH[case], epochs=1 + epochs, verbose=0, callbacks=[Times(times)])
    times.print()


if __name__ == "__main__":
    main()
