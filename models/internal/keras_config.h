#pragma once

#include <string>
#include <vector>

#include <unspool/models/model.h>

namespace unspool::internal {

/// Throws FileError for a config of Keras that names code to run.
void refuse_keras_code(const Config& config);

/// The inputs of a network that Keras wrote, with the root of its config.
std::vector<Spec> keras_inputs(const Layer& network, const Config& config);

/// The arguments of compile() from Keras' "compile_config".
CompileOptions keras_compile_options(const Config& config);

/// The config of a whole model for Keras: layers, inputs, and the arguments of compile(). Only keys that
/// Keras 3.6 knows.
Config keras_model_config(const Model& model);

}  // namespace unspool::internal
