#pragma once

#include <string>
#include <vector>

#include <unspool/models/model.h>

namespace unspool::internal {

/// The model in a file of Keras' older format.
Model load_legacy_model(const std::string& path, const LoadModelOptions& options);
/// Loads the weights in such a file, which may hold a whole model, into a model of the same layers. Returns
/// the paths of the weights that keep their values.
std::vector<std::string> load_legacy_weights(const std::string& path, const Model& model,
                                             const LoadWeightsOptions& options);

}  // namespace unspool::internal
