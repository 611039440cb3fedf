#pragma once

#include <string>

#include <unspool/core/options_handle.h>
#include <unspool/core/tensor.h>
#include <unspool/models/metric_base.h>

namespace unspool {

/// The least number of insertions, deletions and substitutions that turn each of `predicted` into the one of
/// `labels` (Levenshtein): float32 (batch). Both are integers (batch, labels), padded by negative numbers.
/// With `normalize` it is divided by the number of labels; without labels it is then 0 or infinite.
Tensor edit_distance(const Tensor& labels, const Tensor& predicted, bool normalize = false);

struct EditDistanceOptions;

namespace internal {
Metric make_edit_distance(const EditDistanceOptions& options);
}  // namespace internal

/// Arguments of EditDistance.
struct EditDistanceOptions {
  std::string name = {};  ///< The name in the logs.
  DType dtype = float32;  ///< Of the result.
  /// Whether the result is edits for each label, the label error rate, instead of edits for each sample.
  bool normalize = true;
  Index blank =
      0;  ///< The class of the blank; -1 is the last one. Labels padded by it need no negative numbers.

  static const Fields& fields();
};

/// The edit distance of labels (batch, labels) and predictions: integers (batch, labels), or logits (batch,
/// time, classes) of a model that is trained with CTC, which are decoded by ctc_decode().
using EditDistance = OptionsHandle<internal::make_edit_distance>;

}  // namespace unspool
