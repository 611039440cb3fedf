#pragma once

#include <string>
#include <string_view>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/fields.h>
#include <unspool/data/internal/index_lookup.h>

namespace unspool::internal {

/// Throws ValueError if a config asks for what this library has not: other values than these.
void check_absent(const Config& config, std::string_view where);

/// The arguments of Keras' lookups. `vocabulary_dtype` is that of tokens.
template <class Options, class Token>
Config config_of_lookup(const Options& options, const IndexLookup<Token>& lookup,
                        const char* vocabulary_dtype) {
  const std::vector<Token> vocabulary = lookup.vocabulary(false);
  const std::vector<float> weights = lookup.idf_weights();
  return Config::map({
      {"invert", false},
      {"max_tokens", to_config(options.max_tokens)},
      {"num_oov_indices", options.num_oov_indices},
      {"oov_token", options.oov_token},
      {"mask_token", to_config(options.mask_token)},
      {"output_mode", options.output_mode},
      {"pad_to_max_tokens", options.pad_to_max_tokens},
      {"vocabulary_dtype", vocabulary_dtype},
      {"vocabulary", vocabulary.empty() ? Config() : to_config(vocabulary)},
      {"idf_weights", weights.empty() ? Config() : to_config(weights)},
  });
}

/// The options in such a config.
template <class Options>
Options lookup_options(const Config& config, std::string_view where) {
  check_absent(config, where);
  const auto value = [&](const char* key, auto& option) {
    const std::optional<Config> found = config.find(key);
    if (found && !found->is_null()) option = found->as<std::remove_reference_t<decltype(option)>>();
  };
  Options options;
  value("max_tokens", options.max_tokens);
  value("num_oov_indices", options.num_oov_indices);
  value("mask_token", options.mask_token);
  value("oov_token", options.oov_token);
  value("vocabulary", options.vocabulary);
  value("idf_weights", options.idf_weights);
  value("output_mode", options.output_mode);
  value("pad_to_max_tokens", options.pad_to_max_tokens);
  return options;
}

}  // namespace unspool::internal
