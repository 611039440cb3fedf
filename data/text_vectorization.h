#pragma once

#include <concepts>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/config.h>
#include <unspool/core/shape.h>
#include <unspool/core/tensor.h>

namespace unspool {

namespace internal {
template <class Token>
class IndexLookup;
}

/// What is done to a text before it is split: "lower_and_strip_punctuation", "lower", "strip_punctuation",
/// None, or a function from a text to a text. Only ASCII letters and punctuation are changed by name, as in
/// Keras.
class Standardize {
 public:
  ///@{
  /// By name. Throws ValueError for another one.
  Standardize(const char* name) : Standardize(std::string(name)) {}
  Standardize(std::string name);
  ///@}
  /// Leaves texts as they are.
  Standardize(NoneType) {}
  /// By a function, which configs cannot have.
  template <class F>
  requires internal::CallableAs<F, std::string, const std::string&> Standardize(F function)
      : function_(std::move(function)) {}
  /// The text as it is split.
  std::string operator()(const std::string& text) const;
  /// A name, or null. Throws ValueError for a function.
  Config config() const;

 private:
  std::string name_;
  Callable<std::string(const std::string&)> function_;
};

/// How a text becomes tokens: "whitespace", "character" (code points of UTF-8), None (a text is a token), or
/// a function from a text to tokens.
class Split {
 public:
  ///@{
  /// By name. Throws ValueError for another one.
  Split(const char* name) : Split(std::string(name)) {}
  Split(std::string name);
  ///@}
  /// Leaves texts whole.
  Split(NoneType) {}
  /// By a function, which configs cannot have.
  template <class F>
  requires internal::CallableAs < F, std::vector<std::string>,
  const std::string& > Split(F function) : function_(std::move(function)) {}
  /// The tokens of a text.
  std::vector<std::string> operator()(const std::string& text) const;
  /// A name, or null. Throws ValueError for a function.
  Config config() const;

 private:
  std::string name_;
  Callable<std::vector<std::string>(const std::string&)> function_;
};

/// Which runs of consecutive tokens become tokens, joined by spaces: a number n for all runs of 1 to n
/// tokens, or a list of lengths: {2} for pairs alone.
class Ngrams {
 public:
  /// Tokens as they are.
  Ngrams() = default;
  /// Runs of 1 to n tokens. Throws ValueError if n < 1.
  template <std::integral I>
  Ngrams(I n) : Ngrams(up_to(static_cast<Index>(n))) {}
  ///@{
  /// Runs of these lengths. Throws ValueError if one is below 1.
  Ngrams(std::initializer_list<Index> lengths) : Ngrams(std::vector<Index>(lengths)) {}
  Ngrams(std::vector<Index> lengths);
  ///@}
  /// The lengths; empty for tokens as they are.
  const std::vector<Index>& lengths() const& { return lengths_; }
  /// A copy for a temporary.
  std::vector<Index> lengths() && { return std::move(lengths_); }

 private:
  static std::vector<Index> up_to(Index n);
  std::vector<Index> lengths_;
};

/// The arguments of TextVectorization.
struct TextVectorizationOptions {
  std::optional<Index> max_tokens = {};  ///< The largest size of the vocabulary, with the special tokens.
  Standardize standardize = "lower_and_strip_punctuation";  ///< What is done to texts first.
  Split split = "whitespace";                               ///< How they become tokens.
  Ngrams ngrams = {};                                       ///< Which runs of tokens become tokens.
  /// "int": the indices of tokens, padded with 0 behind them; else a row for each text: "multi_hot", "count"
  /// or "tf_idf", see StringLookupOptions.
  std::string output_mode = "int";
  /// The number of indices for each text, which is padded or cut. Default: as many as the longest text has.
  std::optional<Index> output_sequence_length = {};
  bool pad_to_max_tokens = false;  ///< Whether rows have max_tokens columns, however many tokens there are.
  std::vector<std::string> vocabulary = {};  ///< Known tokens; otherwise call adapt().
  std::vector<float> idf_weights = {};       ///< Of the vocabulary, for "tf_idf".
};

/// Texts to tensors, as keras.layers.TextVectorization. Index 0 is padding, 1 any unknown token.
///   TextVectorization vectorize({.max_tokens = 5000, .output_sequence_length = 80});
///   vectorize.adapt(texts);
///   const Tensor x = vectorize(texts);  // int64[texts, 80]
class TextVectorization {
 public:
  /// Throws ValueError for options that do not fit each other.
  explicit TextVectorization(TextVectorizationOptions options = {});

  /// Makes the vocabulary of the tokens of texts: frequent tokens first, of equally frequent ones the last in
  /// the alphabet. Throws ValueError if there are no tokens.
  void adapt(const std::vector<std::string>& texts);
  /// Makes the vocabulary of texts that are not in memory at once: `next` returns some of them, and at the
  /// end nothing.
  void adapt(const Callable<std::optional<std::vector<std::string>>()>& next);
  /// Replaces the vocabulary. Throws ValueError for repeated tokens.
  void set_vocabulary(std::vector<std::string> vocabulary, const std::vector<float>& idf_weights = {});
  /// The tokens in the order of their indices; with "int" the first are "" and "[UNK]".
  std::vector<std::string> get_vocabulary(bool include_special_tokens = true) const;
  /// The number of indices.
  Index vocabulary_size() const;

  /// int64 indices, (texts, tokens); or float32 rows, (texts, vocabulary_size()).
  Tensor operator()(const std::vector<std::string>& texts) const;
  /// Of one text, without the first axis.
  Tensor operator()(const std::string& text) const;
  /// The tokens of a text.
  std::vector<std::string> split(const std::string& text) const;
  /// The tokens of indices, without padding.
  std::vector<std::string> tokens(const Tensor& indices) const;

  /// Keras' arguments with the vocabulary, of adapt() as well. Throws ValueError for functions.
  Config get_config() const;
  /// From the arguments that get_config() or Keras gives.
  static TextVectorization from_config(const Config& config);
  ///@{
  /// One token a line, in the order of their indices, as in Keras' assets. Not for "tf_idf", whose weights
  /// the config has. Throws ValueError for tokens with line ends, FileError if it fails.
  void save_vocabulary(const std::string& path) const;
  void load_vocabulary(const std::string& path);
  ///@}

 private:
  TextVectorizationOptions options_;
  std::shared_ptr<const internal::IndexLookup<std::string>> lookup_;
};

}  // namespace unspool
