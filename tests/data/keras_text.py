#!/usr/bin/env python3
"""Writes keras_text.json: what Keras' lookups and TextVectorization make of texts, and pad_sequences and
timeseries_dataset_from_array of numbers. Needs keras and tensorflow."""
import json
import pathlib

import keras
import numpy as np

DOCUMENTS = [
    "The cat sat, the cat ran!",
    "a Dog   sat\ton the mat",
    "Ünï cafe; CAFÉ",
    "",
    "what's the dog's (name)? it's the_dog",
]
TEXTS = ["the cat and the dog", "", "on on on the MAT", "the-cat café Ünï"]
cases = []


def plain(values):
    array = np.array(values)
    return {"shape": list(array.shape), "values": array.ravel().tolist()}


def vocabulary(layer):
    words = layer.get_vocabulary()
    return [word if isinstance(word, str) else int(word) for word in words]


def add(kind, options, adapt, given):
    layer = getattr(keras.layers, kind)(**options)
    if adapt is not None:
        layer.adapt(np.array(adapt) if kind == "IntegerLookup" else adapt)
    output = layer(np.array(given) if kind == "IntegerLookup" else given)
    options = {key: list(value) if isinstance(value, tuple) else value for key, value in options.items()}
    cases.append({"class": kind, "config": options, "adapt": adapt, "vocabulary": vocabulary(layer), "given": given,
                  "output": plain(output)})


for mode in ["int", "multi_hot", "count", "tf_idf"]:
    for options in [{}, {"ngrams": 2}, {"ngrams": (2, 3)}, {"split": "character"}, {"max_tokens": 6}, {"standardize": None},
                    {"standardize": "lower"}, {"standardize": "strip_punctuation", "max_tokens": 40}]:
        add("TextVectorization", {"output_mode": mode, **options}, DOCUMENTS, TEXTS)
    if mode != "int":
        add("TextVectorization", {"output_mode": mode, "max_tokens": 30, "pad_to_max_tokens": True}, DOCUMENTS, TEXTS)
for length in [2, 7]:
    add("TextVectorization", {"output_sequence_length": length}, DOCUMENTS, TEXTS)
add("TextVectorization", {"vocabulary": ["earth", "wind", "and", "fire"], "output_sequence_length": 4}, None,
    ["earth and water", "fire"])
add("TextVectorization", {"vocabulary": ["earth", "wind"], "idf_weights": [0.5, 2.0], "output_mode": "tf_idf"}, None,
    ["earth and water wind wind", "fire"])

for mode in ["int", "one_hot", "multi_hot", "count", "tf_idf"]:
    for options in [{}, {"max_tokens": 3}, {"mask_token": "b"}, {"mask_token": "b", "max_tokens": 4}]:
        add("StringLookup", {"output_mode": mode, **options}, [["a", "b"], ["b", "c"], ["d", "a"]],
            [["c", "zz"], ["a", "a"], ["b", "d"]])
    for options in [{}, {"max_tokens": 3}, {"mask_token": 7}, {"num_oov_indices": 3}]:
        add("IntegerLookup", {"output_mode": mode, **options}, [[12, 7], [7, -3], [40, 12]], [[-3, 99], [12, 12], [7, -5]])
add("StringLookup", {"num_oov_indices": 0, "vocabulary": ["a", "b"]}, None, ["b", "a", "b"])

numbers = []
for sequences in [[[1], [2, 3], [4, 5, 6]], [[], [7, 8, 9, 10]]]:
    for options in [{}, {"maxlen": 2}, {"maxlen": 5, "padding": "post"}, {"maxlen": 2, "truncating": "post"}, {"value": -1},
                    {"dtype": "float32", "value": 0.5}]:
        numbers.append({"sequences": sequences, "options": options,
                        "output": plain(keras.utils.pad_sequences(sequences, **options))})

series = []
for steps, length, options in [(99, 10, {"sampling_rate": 2, "sequence_stride": 3}), (20, 3, {}),
                               (20, 4, {"start_index": 3, "end_index": 15, "sequence_stride": 2}),
                               (20, 2, {"start_index": 5}), (20, 3, {"end_index": 9, "sampling_rate": 3})]:
    data = np.arange(steps, dtype="int32")
    batches = keras.utils.timeseries_dataset_from_array(data, 100 + data, length, batch_size=1000, **options)
    x, y = next(iter(batches))
    series.append({"steps": steps, "length": length, "options": options, "x": plain(x), "y": plain(y)})

path = pathlib.Path(__file__).with_suffix(".json")
lines = [",\n".join(json.dumps(one, ensure_ascii=False) for one in group) for group in (cases, numbers, series)]
path.write_text('{"keras": "%s",\n"text": [\n%s\n],\n"pad_sequences": [\n%s\n],\n"timeseries": [\n%s\n]}\n' %
                (keras.__version__, *lines))
