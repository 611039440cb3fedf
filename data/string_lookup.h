#pragma once

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

/// The arguments of StringLookup.
struct StringLookupOptions {
  std::optional<Index> max_tokens = {};  ///< The largest size of the vocabulary, with the special tokens.
  /// The number of indices for unknown tokens: 1, or 0 to refuse them.
  Index num_oov_indices = 1;
  /// A token that stands for nothing: index 0, and left out of the other output modes.
  std::optional<std::string> mask_token = {};
  std::string oov_token = "[UNK]";           ///< What indices for unknown tokens stand for.
  std::vector<std::string> vocabulary = {};  ///< Known tokens; otherwise call adapt().
  std::vector<float> idf_weights = {};       ///< Of the vocabulary, for "tf_idf".
  /// What a token becomes: its index ("int") or a row of zeros with a 1 ("one_hot"); or what a sample of
  /// tokens becomes: 1 for each token that is in it ("multi_hot"), how often it is ("count"), or that times
  /// the weight of the token ("tf_idf").
  std::string output_mode = "int";
  bool pad_to_max_tokens = false;  ///< Whether rows have max_tokens columns, however many tokens there are.
};

/// Strings to indices, as keras.layers.StringLookup. Indices are int64; encoded rows are float32.
class StringLookup {
 public:
  /// Throws ValueError for options that do not fit each other.
  explicit StringLookup(StringLookupOptions options = {});

  ///@{
  /// Makes the vocabulary of the tokens of one document or several: frequent tokens first, of equally
  /// frequent ones the last in the alphabet. Throws ValueError if there are no tokens.
  void adapt(const std::vector<std::string>& document);
  void adapt(const std::vector<std::vector<std::string>>& documents);
  ///@}
  /// Replaces the vocabulary. Throws ValueError for repeated tokens.
  void set_vocabulary(std::vector<std::string> vocabulary, const std::vector<float>& idf_weights = {});
  /// The tokens in the order of their indices.
  std::vector<std::string> get_vocabulary(bool include_special_tokens = true) const;
  /// The number of indices.
  Index vocabulary_size() const;

  /// The index of a token.
  Index index(const std::string& token) const;
  ///@{
  /// The indices of tokens; with "one_hot" a row for each. In the other modes tokens are a sample and give
  /// one row, and a list of samples gives one for each. Samples for "int" and "one_hot" must be of one
  /// length.
  Tensor operator()(const std::vector<std::string>& tokens) const;
  Tensor operator()(const std::vector<std::vector<std::string>>& samples) const;
  ///@}
  /// The tokens of indices: a lookup with Keras' `invert`. Throws IndexError for unknown ones.
  std::vector<std::string> tokens(const Tensor& indices) const;

  /// Keras' arguments with the vocabulary, of adapt() as well.
  Config get_config() const;
  /// From the arguments that get_config() or Keras gives.
  static StringLookup from_config(const Config& config);
  ///@{
  /// One token a line, in the order of their indices, as in Keras' assets. Not for "tf_idf", whose weights
  /// the config has. Throws ValueError for tokens with line ends, FileError if it fails.
  void save_vocabulary(const std::string& path) const;
  void load_vocabulary(const std::string& path);
  ///@}

 private:
  StringLookupOptions options_;
  std::shared_ptr<const internal::IndexLookup<std::string>> lookup_;
};

}  // namespace unspool
