"""Imports Keras with the numpy backend, without SciPy and JAX: `from keras_numpy import keras`.

The backend imports both, which take half a gigabyte, for functions that no model of these tests calls. Where they are not
installed, empty modules take their place, with the few functions that are called.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import math
import os
import sys
import types

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "numpy")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


class Nothing(types.ModuleType):
    """A module or function of which only the name is looked up, or which is called as a decorator."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return FUNCTIONS.get(f"{self.__name__}.{name}") or Nothing(f"{self.__name__}.{name}")

    def __call__(self, *args, **kwargs):
        return self


def logsumexp(x, axis=None, keepdims=False):
    most = np.max(x, axis=axis, keepdims=True)
    sums = np.log(np.sum(np.exp(x - most), axis=axis, keepdims=True)) + most
    return sums if keepdims else np.squeeze(sums, axis=axis)


FUNCTIONS = {
    "scipy.special.erf": lambda x: np.vectorize(math.erf, otypes=[float])(x).astype(np.asarray(x).dtype),
    "scipy.special.logsumexp": logsumexp,
}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, package):
        self.package = package

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == self.package:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Nothing(spec.name)

    def exec_module(self, module):
        pass


for package in ("scipy", "jax"):
    if importlib.util.find_spec(package) is None:
        sys.meta_path.append(Finder(package))

import keras  # noqa: E402


def _keep_masks(self, inputs, outputs, previous_mask):
    tensors = keras.tree.flatten(outputs)
    masks = [keras.src.backend.get_keras_mask(tensor) for tensor in tensors]
    if all(mask is not None for mask in masks):
        return
    computed = self.compute_mask(inputs, previous_mask)
    if computed is None:
        return
    for tensor, mask, new_mask in zip(tensors, masks, keras.tree.flatten(computed)):
        if mask is None and new_mask is not None:
            keras.src.backend.set_keras_mask(tensor, new_mask)


# Older versions, such as 3.6 and 3.10, drop masks with this backend.
if "Masks will be ignored" in inspect.getsource(keras.Layer._set_mask_metadata):
    keras.Layer._set_mask_metadata = _keep_masks

_numpy_rnn = keras.src.backend.rnn


def _rnn_of_stacked_cells(step_function, inputs, initial_states, *args, **kwargs):
    """Keras 3.6 cannot mask stacked cells with this backend, since their states are lists of lists. Here they are one list,
    which begins with the first state of the last cell: what a masked step repeats.
    """
    if not any(isinstance(state, (list, tuple)) for state in initial_states):
        return _numpy_rnn(step_function, inputs, initial_states, *args, **kwargs)

    def flat(states):
        return keras.tree.flatten(list(states)[::-1])

    def nested(states):
        return keras.tree.pack_sequence_as(list(initial_states)[::-1], list(states))[::-1]

    def step(x, states):
        output, new_states = step_function(x, nested(states))
        return output, flat(new_states)

    last, outputs, states = _numpy_rnn(step, inputs, flat(initial_states), *args, **kwargs)
    return last, outputs, nested(states)


if "is_nested(output_tm1)" not in inspect.getsource(_numpy_rnn):
    keras.src.backend.rnn = _rnn_of_stacked_cells
