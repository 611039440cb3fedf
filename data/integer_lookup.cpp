#include <utility>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/indexing.h>
#include <unspool/core/error.h>
#include <unspool/data/integer_lookup.h>
#include <unspool/data/internal/index_lookup.h>
#include <unspool/data/internal/lookup_config.h>

namespace unspool {

using internal::LookupMode;
using IntegerIndex = internal::IndexLookup<std::int64_t>;

namespace {

std::shared_ptr<IntegerIndex> lookup_of(const IntegerLookupOptions& options) {
  auto lookup = std::make_shared<IntegerIndex>(internal::LookupSettings<std::int64_t>{
      options.max_tokens, options.num_oov_indices, options.mask_token, options.oov_token,
      internal::lookup_mode(options.output_mode, "IntegerLookup"), options.pad_to_max_tokens,
      "IntegerLookup"});
  if (!options.vocabulary.empty()) lookup->set_vocabulary(options.vocabulary, options.idf_weights);
  return lookup;
}

Tensor whole_numbers(const Tensor& numbers, const char* what) {
  if (is_floating(numbers.dtype()))
    throw TypeError(std::string("IntegerLookup: ") + what + ": expected integers, got " + describe(numbers));
  return cast(numbers, int64);
}

}  // namespace

IntegerLookup::IntegerLookup(IntegerLookupOptions options)
    : options_(std::move(options)), lookup_(lookup_of(options_)) {
  options_.vocabulary.clear();
  options_.idf_weights.clear();
}

void IntegerLookup::adapt(const Tensor& numbers) {
  const Tensor tokens = whole_numbers(numbers, "adapt");
  const std::shared_ptr<IntegerIndex> lookup = lookup_of(options_);
  const std::span<const std::int64_t> all = tokens.data<std::int64_t>();
  const std::size_t width = tokens.rank() > 1 ? static_cast<std::size_t>(tokens.shape().back()) : all.size();
  for (std::size_t at = 0; width > 0 && at < all.size(); at += width) lookup->update(all.subspan(at, width));
  lookup->finalize();
  lookup_ = lookup;
}

void IntegerLookup::set_vocabulary(std::vector<std::int64_t> vocabulary,
                                   const std::vector<float>& idf_weights) {
  const std::shared_ptr<IntegerIndex> lookup = lookup_of(options_);
  lookup->set_vocabulary(std::move(vocabulary), idf_weights);
  lookup_ = lookup;
}

std::vector<std::int64_t> IntegerLookup::get_vocabulary(bool include_special_tokens) const {
  return lookup_->vocabulary(include_special_tokens);
}

Index IntegerLookup::vocabulary_size() const { return lookup_->size(); }

Tensor IntegerLookup::operator()(const Tensor& numbers) const {
  const Tensor tokens = whole_numbers(numbers, "call");
  const std::span<const std::int64_t> all = tokens.data<std::int64_t>();
  const LookupMode mode = lookup_->settings().mode;
  if (mode == LookupMode::index || mode == LookupMode::one_hot) {
    const Tensor indices = Tensor::generate<std::int64_t>(tokens.shape(), [&](std::span<std::int64_t> out) {
      for (std::size_t i = 0; i < all.size(); ++i) out[i] = lookup_->index_of(all[i]);
    });
    return mode == LookupMode::index ? indices : one_hot(indices, lookup_->depth());
  }
  if (tokens.rank() == 0)
    throw ValueError("IntegerLookup: expected samples along the last axis, got a scalar");
  const Index depth = lookup_->depth();
  const auto width = static_cast<std::size_t>(tokens.shape().back());
  const auto columns = static_cast<std::size_t>(depth);
  const Shape shape = tokens.shape().sub(0, tokens.rank() - 1) + Shape{depth};
  return Tensor::generate<float>(shape, [&](std::span<float> out) {
    for (std::size_t i = 0; i * columns < out.size(); ++i)
      lookup_->encode(all.subspan(i * width, width), out.subspan(i * columns, columns));
  });
}

Config IntegerLookup::get_config() const { return internal::config_of_lookup(options_, *lookup_, "int64"); }

IntegerLookup IntegerLookup::from_config(const Config& config) {
  return IntegerLookup(internal::lookup_options<IntegerLookupOptions>(config, "IntegerLookup"));
}

}  // namespace unspool
