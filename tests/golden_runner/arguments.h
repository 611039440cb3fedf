#pragma once

#include <string>

#include <unspool/core/config.h>

namespace golden {

using namespace unspool;

/// The arguments in the sentence of a case: {"delta": 0.4} in "Huber({'delta': 0.4}), with sample_weight".
Config arguments_in(const std::string& what);
/// The serialized loss or metric with the arguments that Keras leaves out of configs, from the sentence.
Config serialized_with_arguments(const Config& object, const std::string& what);

}  // namespace golden
