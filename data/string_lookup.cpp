#include <string_view>
#include <utility>

#include <unspool/autograd/indexing.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/internal/index_lookup.h>
#include <unspool/data/internal/lookup_config.h>
#include <unspool/data/internal/vocabulary_file.h>
#include <unspool/data/string_lookup.h>

namespace unspool {

using internal::LookupMode;
using StringIndex = internal::IndexLookup<std::string>;

namespace {

std::shared_ptr<StringIndex> lookup_of(const StringLookupOptions& options) {
  auto lookup = std::make_shared<StringIndex>(internal::LookupSettings<std::string>{
      options.max_tokens, options.num_oov_indices, options.mask_token, options.oov_token,
      internal::lookup_mode(options.output_mode, "StringLookup"), options.pad_to_max_tokens, "StringLookup"});
  if (!options.vocabulary.empty()) lookup->set_vocabulary(options.vocabulary, options.idf_weights);
  return lookup;
}

using Samples = std::vector<std::vector<std::string>>;

bool is_sample_mode(LookupMode mode) { return mode != LookupMode::index && mode != LookupMode::one_hot; }

Tensor encoded(const StringIndex& lookup, const Samples& samples) {
  const Index depth = lookup.depth();
  return Tensor::generate<float>({static_cast<Index>(samples.size()), depth}, [&](std::span<float> out) {
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const auto columns = static_cast<std::size_t>(depth);
      lookup.encode(samples[i], out.subspan(i * columns, columns));
    }
  });
}

}  // namespace

StringLookup::StringLookup(StringLookupOptions options)
    : options_(std::move(options)), lookup_(lookup_of(options_)) {
  options_.vocabulary.clear();
  options_.idf_weights.clear();
}

void StringLookup::adapt(const std::vector<std::string>& document) { adapt(Samples{document}); }

void StringLookup::adapt(const Samples& documents) {
  const std::shared_ptr<StringIndex> lookup = lookup_of(options_);
  for (const std::vector<std::string>& document : documents) lookup->update(document);
  lookup->finalize();
  lookup_ = lookup;
}

void StringLookup::set_vocabulary(std::vector<std::string> vocabulary,
                                  const std::vector<float>& idf_weights) {
  const std::shared_ptr<StringIndex> lookup = lookup_of(options_);
  lookup->set_vocabulary(std::move(vocabulary), idf_weights);
  lookup_ = lookup;
}

std::vector<std::string> StringLookup::get_vocabulary(bool include_special_tokens) const {
  return lookup_->vocabulary(include_special_tokens);
}

Index StringLookup::vocabulary_size() const { return lookup_->size(); }

Index StringLookup::index(const std::string& token) const { return lookup_->index_of(token); }

Tensor StringLookup::operator()(const std::vector<std::string>& tokens) const {
  const LookupMode mode = lookup_->settings().mode;
  if (is_sample_mode(mode)) return encoded(*lookup_, {tokens})[0];
  const Tensor indices =
      Tensor::generate<std::int64_t>({static_cast<Index>(tokens.size())}, [&](std::span<std::int64_t> out) {
        for (std::size_t i = 0; i < tokens.size(); ++i) out[i] = lookup_->index_of(tokens[i]);
      });
  return mode == LookupMode::index ? indices : one_hot(indices, lookup_->depth());
}

Tensor StringLookup::operator()(const Samples& samples) const {
  const LookupMode mode = lookup_->settings().mode;
  if (is_sample_mode(mode)) return encoded(*lookup_, samples);
  const std::size_t length = samples.empty() ? 0 : samples.front().size();
  std::vector<std::string> all;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].size() != length) {
      throw ValueError(fmt::format(
          "StringLookup: expected samples of one length, got {} and, in sample {}, {}: look them up "
          "one by one and use pad_sequences(), or use TextVectorization",
          length, i, samples[i].size()));
    }
    all.insert(all.end(), samples[i].begin(), samples[i].end());
  }
  const Shape shape{static_cast<Index>(samples.size()), static_cast<Index>(length)};
  const Tensor indices = Tensor::generate<std::int64_t>(shape, [&](std::span<std::int64_t> out) {
    for (std::size_t i = 0; i < all.size(); ++i) out[i] = lookup_->index_of(all[i]);
  });
  return mode == LookupMode::index ? indices : one_hot(indices, lookup_->depth());
}

std::vector<std::string> StringLookup::tokens(const Tensor& indices) const {
  std::vector<std::string> all;
  for (const Index index : indices.to_vector<Index>()) all.push_back(lookup_->token_at(index));
  return all;
}

Config StringLookup::get_config() const { return internal::config_of_lookup(options_, *lookup_, "string"); }

StringLookup StringLookup::from_config(const Config& config) {
  return StringLookup(internal::lookup_options<StringLookupOptions>(config, "StringLookup"));
}

void StringLookup::save_vocabulary(const std::string& path) const {
  if (lookup_->settings().mode == LookupMode::tf_idf) {
    throw ValueError(
        "StringLookup: expected an output_mode without weights for a vocabulary in a file, got \"tf_idf\": "
        "write "
        "to_json(get_config())");
  }
  internal::write_vocabulary(path, get_vocabulary());
}

void StringLookup::load_vocabulary(const std::string& path) {
  set_vocabulary(internal::read_vocabulary(path));
}

}  // namespace unspool
