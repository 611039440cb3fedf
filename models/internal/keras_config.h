#pragma once

#include <unspool/models/model.h>

namespace unspool::internal {

/// Throws FileError for a config of Keras that names code to run.
void refuse_keras_code(const Config& config);

/// The model of a config that Keras wrote, with new weights if it was built. Throws FileError for a config
/// that names code to run.
Model model_from_keras_config(const Config& config);
/// Throws FileError for such a model if it was not built.
void check_keras_inputs(const Model& model, const Config& config);

/// The config of a whole model for Keras: layers, inputs, and the arguments of compile(). Only keys that
/// Keras 3.6 knows.
Config keras_model_config(const Model& model);

}  // namespace unspool::internal
