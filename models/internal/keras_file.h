#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <unspool/models/internal/keras_weights.h>
#include <unspool/models/model.h>
#include <unspool/serialization/internal/file_bytes.h>

namespace unspool::internal {

///@{
/// A whole model to and from a .keras file: docs/design/keras_files.md.
void save_keras_model(const std::string& path, const Model& model);
Model load_keras_model(const std::string& path, const LoadModelOptions& options);
///@}
///@{
/// The weights of a model to and from a .weights.h5 file. The state of the optimizer is read if the model is
/// compiled with an optimizer of that kind; otherwise a warning is printed. Returns the paths of the weights
/// that keep their values.
void save_keras_weights(const std::string& path, const Model& model, OptimizerState state);
std::vector<std::string> load_keras_weights(const std::string& path, const Model& model,
                                            const LoadWeightsOptions& options);
///@}

/// The model in the bytes of a .keras file. `file` is its name in errors.
Model keras_model_from_bytes(const FileBytes& bytes, const std::string& file,
                             const LoadModelOptions& options = {});

}  // namespace unspool::internal
