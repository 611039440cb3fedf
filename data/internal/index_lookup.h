#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// What a lookup gives for the tokens of a sample.
enum class LookupMode : std::uint8_t { index, one_hot, multi_hot, count, tf_idf };

/// The options that all lookups share.
template <class Token>
struct LookupSettings {
  std::optional<Index> max_tokens;
  Index oov_indices = 1;
  std::optional<Token> mask_token;
  Token oov_token;
  LookupMode mode = LookupMode::index;
  bool pad_to_max_tokens = false;
  std::string name;  // For errors.
};

/// The mode of a name. Throws ValueError for another one.
LookupMode lookup_mode(const std::string& name, std::string_view where);

/// A vocabulary: tokens and their indices, as keras.src.layers.preprocessing.index_lookup.IndexLookup. In the
/// mode `index` the mask token has index 0; then come those for unknown tokens, then the tokens. Compiled for
/// std::string and std::int64_t.
template <class Token>
class IndexLookup {
 public:
  /// Throws ValueError for options that do not fit each other.
  explicit IndexLookup(LookupSettings<Token> settings);

  /// Replaces the vocabulary, which may begin with the special tokens, and the weights of its tokens, which
  /// only tf_idf has. Throws ValueError for repeated tokens and for more than max_tokens.
  void set_vocabulary(std::vector<Token> vocabulary, const std::vector<float>& idf_weights);
  /// Counts the tokens of a document.
  void update(std::span<const Token> document);
  /// Makes the vocabulary of what was counted, most frequent tokens first; of equally frequent ones the
  /// larger.
  void finalize();
  /// Forgets what was counted.
  void reset();

  /// The tokens in the order of their indices, with the special ones or without.
  std::vector<Token> vocabulary(bool special) const;
  /// The weights of vocabulary(false).
  std::vector<float> idf_weights() const;
  /// The number of indices.
  Index size() const { return token_start() + static_cast<Index>(tokens_.size()); }
  /// The index of a token; -1 for a mask token that has none. Throws ValueError for an unknown one if no
  /// index is for these.
  Index index_of(const Token& token) const;
  /// The token of an index. Throws IndexError if there is none.
  Token token_at(Index index) const;
  /// The number of columns of encode().
  Index depth() const;
  /// Adds a sample to its row of depth() zeros; not in the modes index and one_hot.
  void encode(std::span<const Token> sample, std::span<float> row) const;

  const LookupSettings<Token>& settings() const { return settings_; }

 private:
  Index oov_start() const { return settings_.mode == LookupMode::index && settings_.mask_token ? 1 : 0; }
  Index token_start() const { return oov_start() + settings_.oov_indices; }
  void set_tokens(std::vector<Token> tokens);

  LookupSettings<Token> settings_;
  std::vector<Token> tokens_;
  std::unordered_map<Token, Index> indices_;
  std::vector<float> weights_;  // Of all indices, for tf_idf.
  std::unordered_map<Token, Index> counts_;
  std::unordered_map<Token, Index> document_counts_;
  Index documents_ = 0;
};

}  // namespace unspool::internal
