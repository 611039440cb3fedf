#pragma once

#include <string_view>

#include <unspool/models/compile_options.h>

namespace unspool::internal {

/// What Keras writes for no value: null, or no entry.
Config entry_or_null(const Config& config, std::string_view key);

/// The arguments of compile() as Keras' "compile_config": {"optimizer", "loss", "loss_weights", "metrics",
/// "weighted_metrics"}, each one value, a list or, by name, a map. Steps of one's own are functions, which a
/// config does not hold.
Config compile_config(const CompileOptions& options);

/// The inverse, also for configs that Keras wrote.
CompileOptions compile_options(const Config& config);

/// A compile_config() for a file of Keras: each object with the module that Keras finds its class in, and
/// without arguments that have no value.
Config keras_compile_config(const CompileOptions& options);

}  // namespace unspool::internal
