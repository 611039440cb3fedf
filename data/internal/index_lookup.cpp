#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>
#include <unordered_set>
#include <utility>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/internal/index_lookup.h>

namespace unspool::internal {

namespace {

std::string text_of(const std::string& token) { return in_quotes(token); }
std::string text_of(std::int64_t token) { return std::to_string(token); }

}  // namespace

LookupMode lookup_mode(const std::string& name, std::string_view where) {
  static const std::vector<std::string> names{"int", "one_hot", "multi_hot", "count", "tf_idf"};
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw ValueError(fmt::format("{}: expected the name of an output_mode, got {}{}", where, in_quotes(name),
                                 did_you_mean(name, names)));
  }
  return static_cast<LookupMode>(found - names.begin());
}

template <class Token>
IndexLookup<Token>::IndexLookup(LookupSettings<Token> settings) : settings_(std::move(settings)) {
  const std::string& name = settings_.name;
  if (settings_.max_tokens && *settings_.max_tokens <= 1)
    throw ValueError(fmt::format("{}: expected max_tokens > 1, got {}", name, *settings_.max_tokens));
  if (settings_.pad_to_max_tokens && !settings_.max_tokens)
    throw ValueError(name + ": expected max_tokens for pad_to_max_tokens, got none");
  if (settings_.oov_indices < 0)
    throw ValueError(fmt::format("{}: expected num_oov_indices >= 0, got {}", name, settings_.oov_indices));
  if (std::is_same_v<Token, std::string> && settings_.oov_indices > 1) {
    throw ValueError(
        fmt::format("{}: expected num_oov_indices of 0 or 1, got {}: unknown strings are not hashed", name,
                    settings_.oov_indices));
  }
}

template <class Token>
void IndexLookup<Token>::set_tokens(std::vector<Token> tokens) {
  tokens_ = std::move(tokens);
  indices_.clear();
  for (std::size_t i = 0; i < tokens_.size(); ++i)
    indices_[tokens_[i]] = token_start() + static_cast<Index>(i);
}

template <class Token>
void IndexLookup<Token>::set_vocabulary(std::vector<Token> vocabulary,
                                        const std::vector<float>& idf_weights) {
  const std::string& name = settings_.name;
  if (vocabulary.empty()) throw ValueError(name + ": expected a vocabulary, got an empty one");
  const bool weighted = settings_.mode == LookupMode::tf_idf;
  if (weighted != !idf_weights.empty()) {
    throw ValueError(
        name + (weighted ? ": expected idf_weights with the vocabulary for output_mode \"tf_idf\", got none"
                         : ": expected idf_weights for output_mode \"tf_idf\" only"));
  }
  if (weighted && idf_weights.size() != vocabulary.size()) {
    throw ValueError(fmt::format("{}: expected an idf weight for each of {} tokens, got {}", name,
                                 vocabulary.size(), idf_weights.size()));
  }
  // As in Keras, the special tokens may come first.
  std::vector<Token> special;
  if (oov_start() == 1) special.push_back(*settings_.mask_token);
  special.insert(special.end(), static_cast<std::size_t>(settings_.oov_indices), settings_.oov_token);
  std::size_t front = 0;
  if (vocabulary.size() >= special.size() && std::equal(special.begin(), special.end(), vocabulary.begin()))
    front = special.size();
  std::vector<Token> tokens(vocabulary.begin() + static_cast<std::ptrdiff_t>(front), vocabulary.end());
  std::unordered_set<Token> seen;
  for (const Token& token : tokens) {
    if (!seen.insert(token).second)
      throw ValueError(
          fmt::format("{}: expected each token of the vocabulary once, got {} twice", name, text_of(token)));
    if (token == settings_.mask_token) {
      throw ValueError(
          fmt::format("{}: expected the mask token {} only as the first of a vocabulary with all special "
                      "tokens: leave it out",
                      name, text_of(token)));
    }
  }
  const Index all = token_start() + static_cast<Index>(tokens.size());
  if (settings_.max_tokens && all > *settings_.max_tokens) {
    throw ValueError(
        fmt::format("{}: expected a vocabulary of at most max_tokens = {} with the special tokens, got {}",
                    name, *settings_.max_tokens, all));
  }
  set_tokens(std::move(tokens));
  if (!weighted) return;
  const auto own = idf_weights.begin() + static_cast<std::ptrdiff_t>(front);
  if (front > 0) {
    weights_ = idf_weights;
  } else {
    const float mean = std::accumulate(own, idf_weights.end(), 0.0F) / static_cast<float>(idf_weights.size());
    weights_.assign(static_cast<std::size_t>(token_start()), mean);
    weights_.insert(weights_.end(), own, idf_weights.end());
  }
}

template <class Token>
void IndexLookup<Token>::update(std::span<const Token> document) {
  for (const Token& token : document) ++counts_[token];
  ++documents_;
  if (settings_.mode != LookupMode::tf_idf) return;
  for (const Token& token : std::unordered_set<Token>(document.begin(), document.end()))
    ++document_counts_[token];
}

template <class Token>
void IndexLookup<Token>::finalize() {
  if (settings_.mask_token) counts_.erase(*settings_.mask_token);
  counts_.erase(settings_.oov_token);
  if (counts_.empty()) {
    reset();
    throw ValueError(settings_.name + ": adapt: expected at least one token, got none");
  }
  std::vector<std::pair<Index, Token>> order;
  order.reserve(counts_.size());
  for (const auto& [token, count] : counts_) order.emplace_back(count, token);
  std::sort(order.begin(), order.end(), std::greater<>());
  std::size_t kept = order.size();
  if (settings_.max_tokens)
    kept =
        std::min(kept, static_cast<std::size_t>(std::max<Index>(*settings_.max_tokens - token_start(), 0)));
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < kept; ++i) tokens.push_back(std::move(order[i].second));
  set_tokens(std::move(tokens));
  if (settings_.mode == LookupMode::tf_idf) {
    std::vector<float> weights;
    for (const Token& token : tokens_) {
      const auto documents = static_cast<double>(document_counts_[token]);
      weights.push_back(static_cast<float>(std::log(1 + static_cast<double>(documents_) / (1 + documents))));
    }
    const float mean =
        std::accumulate(weights.begin(), weights.end(), 0.0F) / static_cast<float>(weights.size());
    weights.insert(weights.begin(), static_cast<std::size_t>(token_start()), mean);
    weights_ = std::move(weights);
  }
  reset();
}

template <class Token>
void IndexLookup<Token>::reset() {
  counts_.clear();
  document_counts_.clear();
  documents_ = 0;
}

template <class Token>
std::vector<Token> IndexLookup<Token>::vocabulary(bool special) const {
  if (!special) return tokens_;
  std::vector<Token> all;
  for (Index i = 0; i < size(); ++i) all.push_back(token_at(i));
  return all;
}

template <class Token>
std::vector<float> IndexLookup<Token>::idf_weights() const {
  if (weights_.empty()) return {};
  return {weights_.begin() + static_cast<std::ptrdiff_t>(token_start()), weights_.end()};
}

template <class Token>
Index IndexLookup<Token>::index_of(const Token& token) const {
  if (settings_.mask_token && token == *settings_.mask_token) return oov_start() == 1 ? 0 : -1;
  const auto found = indices_.find(token);
  if (found != indices_.end()) return found->second;
  if (settings_.oov_indices == 0) {
    throw ValueError(fmt::format(
        "{}: expected tokens of the vocabulary, got {}: use num_oov_indices = 1 for unknown tokens",
        settings_.name, text_of(token)));
  }
  if constexpr (std::is_same_v<Token, std::int64_t>) {
    const Index bucket = token % settings_.oov_indices;
    return oov_start() + (bucket < 0 ? bucket + settings_.oov_indices : bucket);
  }
  return oov_start();
}

template <class Token>
Token IndexLookup<Token>::token_at(Index index) const {
  if (index < 0 || index >= size()) {
    throw IndexError(
        fmt::format("{}: expected an index from 0 to {}, got {}", settings_.name, size() - 1, index));
  }
  if (index < oov_start()) return *settings_.mask_token;
  if (index < token_start()) return settings_.oov_token;
  return tokens_[static_cast<std::size_t>(index - token_start())];
}

template <class Token>
Index IndexLookup<Token>::depth() const {
  if (settings_.pad_to_max_tokens) return *settings_.max_tokens;
  if (tokens_.empty()) {
    throw RuntimeError(settings_.name +
                       ": expected a vocabulary, got none: call adapt() or set_vocabulary() first");
  }
  return size();
}

template <class Token>
void IndexLookup<Token>::encode(std::span<const Token> sample, std::span<float> row) const {
  for (const Token& token : sample) {
    const Index index = index_of(token);
    if (index < 0) continue;
    float& element = row[static_cast<std::size_t>(index)];
    element = settings_.mode == LookupMode::multi_hot ? 1.0F : element + 1.0F;
  }
  if (settings_.mode != LookupMode::tf_idf) return;
  for (std::size_t i = 0; i < weights_.size(); ++i) row[i] *= weights_[i];
}

template class IndexLookup<std::string>;
template class IndexLookup<std::int64_t>;

}  // namespace unspool::internal
