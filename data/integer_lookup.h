#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/tensor.h>

namespace unspool {

namespace internal {
template <class Token>
class IndexLookup;
}

/// The arguments of IntegerLookup.
struct IntegerLookupOptions {
  std::optional<Index> max_tokens = {};  ///< The largest size of the vocabulary, with the special tokens.
  Index num_oov_indices = 1;             ///< The number of indices for unknown numbers, by their remainder.
  std::optional<std::int64_t> mask_token =
      {};                                     ///< A number that stands for nothing; see StringLookupOptions.
  std::int64_t oov_token = -1;                ///< What indices for unknown numbers stand for.
  std::vector<std::int64_t> vocabulary = {};  ///< Known numbers; otherwise call adapt().
  std::vector<float> idf_weights = {};        ///< Of the vocabulary, for "tf_idf".
  std::string output_mode = "int";            ///< See StringLookupOptions.
  bool pad_to_max_tokens = false;             ///< See StringLookupOptions.
};

/// Integers that name things to indices, as keras.layers.IntegerLookup. See StringLookup.
class IntegerLookup {
 public:
  /// Throws ValueError for options that do not fit each other.
  explicit IntegerLookup(IntegerLookupOptions options = {});

  /// Makes the vocabulary of the numbers of a tensor, whose rows are documents. Throws ValueError if there
  /// are none.
  void adapt(const Tensor& numbers);
  /// Replaces the vocabulary. Throws ValueError for repeated numbers.
  void set_vocabulary(std::vector<std::int64_t> vocabulary, const std::vector<float>& idf_weights = {});
  /// The numbers in the order of their indices.
  std::vector<std::int64_t> get_vocabulary(bool include_special_tokens = true) const;
  /// The number of indices.
  Index vocabulary_size() const;
  /// The indices of numbers, of the same shape; with "one_hot" rows along a new last axis. In the other modes
  /// the last axis is a sample and becomes a row.
  Tensor operator()(const Tensor& numbers) const;
  /// Keras' arguments with the vocabulary, of adapt() as well.
  Config get_config() const;
  /// From the arguments that get_config() or Keras gives.
  static IntegerLookup from_config(const Config& config);

 private:
  IntegerLookupOptions options_;
  std::shared_ptr<const internal::IndexLookup<std::int64_t>> lookup_;
};

}  // namespace unspool
