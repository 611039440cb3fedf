#pragma once

#include <string>

#include <unspool/models/model.h>

namespace unspool::internal {

/// Whether the name of a file is that of a whole model of Keras, "model.keras".
bool is_keras_model(const std::string& path);
/// Whether the name of a file is that of weights of Keras, "model.weights.h5".
bool is_keras_weights(const std::string& path);

///@{
/// A whole model to and from a .keras file: docs/design/keras_files.md.
void save_keras_model(const std::string& path, const Model& model);
Model load_keras_model(const std::string& path);
///@}
///@{
/// The weights of a model to and from a .weights.h5 file. The state of the optimizer is written if there is
/// one, and read if the model has an optimizer of that kind.
void save_keras_weights(const std::string& path, const Model& model);
void load_keras_weights(const std::string& path, const Model& model);
///@}

/// The model in the bytes of a .keras file. `file` is its name in errors.
Model keras_model_from_bytes(std::string_view bytes, const std::string& file);

}  // namespace unspool::internal
