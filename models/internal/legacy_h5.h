#pragma once

#include <string>

#include <unspool/models/model.h>

namespace unspool::internal {

/// Whether the name of a file is that of Keras' older format, "model.h5", of models and of weights.
bool is_legacy_h5(const std::string& path);
/// The model in a file of Keras' older format.
Model load_legacy_model(const std::string& path);
/// Loads the weights in such a file, which may hold a whole model, into a model of the same layers.
void load_legacy_weights(const std::string& path, const Model& model);

}  // namespace unspool::internal
