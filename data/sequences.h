#pragma once

#include <optional>
#include <string>
#include <vector>

#include <unspool/core/dtype.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// The arguments of pad_sequences().
struct PadSequencesOptions {
  std::optional<Index> maxlen = {};  ///< Default: the length of the longest sequence.
  std::optional<DType> dtype = {};   ///< Default: int32 for integers, as in Keras, and that of real numbers.
  std::string padding = "pre";       ///< Where shorter sequences are padded: "pre" or "post".
  std::string truncating = "pre";    ///< Where longer ones are cut: "pre" or "post".
  double value = 0;                  ///< What they are padded with.
};

///@{
/// Sequences of different lengths as one tensor, (sequences, maxlen) or, if their elements are tensors,
/// (sequences, maxlen, ...), as keras.utils.pad_sequences: `pad_sequences({{1, 2, 3}, {4}})`. Unlike in
/// Keras, real numbers are not cut to integers unless a dtype asks for it. Throws ValueError for values that
/// do not fit the dtype and for sequences of different elements.
Tensor pad_sequences(const std::vector<Tensor>& sequences, const PadSequencesOptions& options = {});
template <class T = int>
requires(is_element<T> && !std::is_same_v<T, bool>) Tensor
    pad_sequences(const std::vector<std::vector<T>>& sequences, const PadSequencesOptions& options = {}) {
  std::vector<Tensor> tensors;
  for (const std::vector<T>& sequence : sequences) tensors.push_back(Tensor::from(sequence));
  return pad_sequences(tensors, options);
}
///@}

/// Classes 0, 1, ... as rows of zeros with a 1 at the class, as keras.utils.to_categorical. A last axis of
/// size 1 is replaced. Default of `num_classes`: the largest class + 1. Throws ValueError for a class out of
/// range.
Tensor to_categorical(const Tensor& classes, std::optional<Index> num_classes = {}, DType dtype = float32);

}  // namespace unspool
