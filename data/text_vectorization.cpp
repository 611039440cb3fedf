#include <algorithm>
#include <utility>

#include <unspool/core/error.h>
#include <unspool/core/fields.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/internal/index_lookup.h>
#include <unspool/data/internal/lookup_config.h>
#include <unspool/data/internal/vocabulary_file.h>
#include <unspool/data/text_vectorization.h>

namespace unspool {

using internal::LookupMode;
using TokenIndex = internal::IndexLookup<std::string>;

namespace {

std::shared_ptr<TokenIndex> lookup_of(const TextVectorizationOptions& options) {
  auto lookup = std::make_shared<TokenIndex>(internal::LookupSettings<std::string>{
      options.max_tokens, 1, "", "[UNK]", internal::lookup_mode(options.output_mode, "TextVectorization"),
      options.pad_to_max_tokens, "TextVectorization"});
  if (!options.vocabulary.empty()) lookup->set_vocabulary(options.vocabulary, options.idf_weights);
  return lookup;
}

std::vector<std::string> runs(std::vector<std::string> tokens, const std::vector<Index>& lengths) {
  if (lengths.empty()) return tokens;
  std::vector<std::string> all;
  for (const Index length : lengths) {
    const auto count = static_cast<std::size_t>(length);
    for (std::size_t first = 0; first + count <= tokens.size(); ++first) {
      std::string run = tokens[first];
      for (std::size_t i = first + 1; i < first + count; ++i) run += ' ' + tokens[i];
      all.push_back(std::move(run));
    }
  }
  return all;
}

}  // namespace

TextVectorization::TextVectorization(TextVectorizationOptions options)
    : options_(std::move(options)), lookup_(lookup_of(options_)) {
  if (lookup_->settings().mode == LookupMode::one_hot) {
    throw ValueError(
        "TextVectorization: expected an output_mode among int, multi_hot, count and tf_idf, got \"one_hot\": "
        "take "
        "one_hot() of indices");
  }
  if (options_.output_sequence_length && options_.output_mode != "int") {
    throw ValueError(fmt::format(
        "TextVectorization: expected output_sequence_length for output_mode \"int\" only, got it for {}",
        in_quotes(options_.output_mode)));
  }
  if (options_.output_sequence_length && *options_.output_sequence_length < 1) {
    throw ValueError(fmt::format("TextVectorization: expected output_sequence_length >= 1, got {}",
                                 *options_.output_sequence_length));
  }
  options_.vocabulary.clear();
  options_.idf_weights.clear();
}

std::vector<std::string> TextVectorization::split(const std::string& text) const {
  return runs(options_.split(options_.standardize(text)), options_.ngrams.lengths());
}

void TextVectorization::adapt(const std::vector<std::string>& texts) {
  bool given = false;
  adapt([&]() -> std::optional<std::vector<std::string>> {
    if (std::exchange(given, true)) return {};
    return texts;
  });
}

void TextVectorization::adapt(const Callable<std::optional<std::vector<std::string>>()>& next) {
  const std::shared_ptr<TokenIndex> lookup = lookup_of(options_);
  while (const std::optional<std::vector<std::string>> texts = next()) {
    for (const std::string& text : *texts) lookup->update(split(text));
  }
  lookup->finalize();
  lookup_ = lookup;
}

void TextVectorization::set_vocabulary(std::vector<std::string> vocabulary,
                                       const std::vector<float>& idf_weights) {
  const std::shared_ptr<TokenIndex> lookup = lookup_of(options_);
  lookup->set_vocabulary(std::move(vocabulary), idf_weights);
  lookup_ = lookup;
}

std::vector<std::string> TextVectorization::get_vocabulary(bool include_special_tokens) const {
  return lookup_->vocabulary(include_special_tokens);
}

Index TextVectorization::vocabulary_size() const { return lookup_->size(); }

Tensor TextVectorization::operator()(const std::vector<std::string>& texts) const {
  if (lookup_->settings().mode != LookupMode::index) {
    const Index depth = lookup_->depth();
    const auto columns = static_cast<std::size_t>(depth);
    return Tensor::generate<float>({static_cast<Index>(texts.size()), depth}, [&](std::span<float> out) {
      for (std::size_t i = 0; i < texts.size(); ++i)
        lookup_->encode(split(texts[i]), out.subspan(i * columns, columns));
    });
  }
  std::vector<std::vector<std::int64_t>> rows;
  std::size_t longest = 0;
  for (const std::string& text : texts) {
    std::vector<std::int64_t>& row = rows.emplace_back();
    for (const std::string& token : split(text)) row.push_back(lookup_->index_of(token));
    longest = std::max(longest, row.size());
  }
  const Index length = options_.output_sequence_length.value_or(static_cast<Index>(longest));
  return Tensor::generate<std::int64_t>(
      {static_cast<Index>(texts.size()), length}, [&](std::span<std::int64_t> out) {
        auto to = out.begin();
        for (const std::vector<std::int64_t>& row : rows) {
          std::copy_n(row.begin(), std::min<Index>(static_cast<Index>(row.size()), length), to);
          to += length;
        }
      });
}

Tensor TextVectorization::operator()(const std::string& text) const {
  return (*this)(std::vector<std::string>{text})[0];
}

std::vector<std::string> TextVectorization::tokens(const Tensor& indices) const {
  std::vector<std::string> all;
  for (const Index index : indices.to_vector<Index>()) {
    if (index != 0 || lookup_->settings().mode != LookupMode::index) all.push_back(lookup_->token_at(index));
  }
  return all;
}

Config TextVectorization::get_config() const {
  const std::vector<std::string> vocabulary = lookup_->vocabulary(false);
  const std::vector<float> weights = lookup_->idf_weights();
  const std::vector<Index>& lengths = options_.ngrams.lengths();
  return Config::map({
      {"max_tokens", to_config(options_.max_tokens)},
      {"standardize", options_.standardize.config()},
      {"split", options_.split.config()},
      {"ngrams", lengths.empty() ? Config() : to_config(lengths)},
      {"output_mode", options_.output_mode},
      {"output_sequence_length", to_config(options_.output_sequence_length)},
      {"pad_to_max_tokens", options_.pad_to_max_tokens},
      {"vocabulary", vocabulary.empty() ? Config() : to_config(vocabulary)},
      {"idf_weights", weights.empty() ? Config() : to_config(weights)},
  });
}

TextVectorization TextVectorization::from_config(const Config& config) {
  constexpr const char* where = "TextVectorization";
  internal::check_absent(config, where);
  TextVectorizationOptions options;
  const auto value = [&](const char* key, auto& option) {
    const std::optional<Config> found = config.find(key);
    if (found && !found->is_null()) option = found->as<std::remove_reference_t<decltype(option)>>();
  };
  const auto step = [&](const char* key, auto& option) {
    using Step = std::remove_reference_t<decltype(option)>;
    const std::optional<Config> found = config.find(key);
    if (found) option = found->is_null() ? Step(None) : Step(found->as<std::string>());
  };
  value("max_tokens", options.max_tokens);
  step("standardize", options.standardize);
  step("split", options.split);
  if (const std::optional<Config> ngrams = config.find("ngrams"); ngrams && !ngrams->is_null())
    options.ngrams =
        ngrams->is_list() ? Ngrams(ngrams->as<std::vector<Index>>()) : Ngrams(ngrams->as<Index>());
  value("output_mode", options.output_mode);
  value("output_sequence_length", options.output_sequence_length);
  value("pad_to_max_tokens", options.pad_to_max_tokens);
  value("vocabulary", options.vocabulary);
  value("idf_weights", options.idf_weights);
  return TextVectorization(std::move(options));
}

void TextVectorization::save_vocabulary(const std::string& path) const {
  if (lookup_->settings().mode == LookupMode::tf_idf) {
    throw ValueError(
        "TextVectorization: expected an output_mode without weights for a vocabulary in a file, got "
        "\"tf_idf\": "
        "write to_json(get_config())");
  }
  internal::write_vocabulary(path, get_vocabulary());
}

void TextVectorization::load_vocabulary(const std::string& path) {
  set_vocabulary(internal::read_vocabulary(path));
}

}  // namespace unspool
