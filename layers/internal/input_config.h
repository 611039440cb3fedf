#pragma once

#include <string>

#include <unspool/autograd/operation.h>
#include <unspool/core/config.h>
#include <unspool/layers/input.h>

namespace unspool::internal {

/// The serialized form of the input of a model, which is a layer in Keras: {"class_name": "InputLayer", ...}.
Config input_config(const Spec& spec, const std::string& name);
/// Whether a serialized layer is the input of a model.
bool is_input_config(const Config& serialized);
/// The input of a serialized form: its batch_shape, dtype and name. Throws ValueError for a name that is
/// empty.
InputOptions input_from_config(const Config& serialized);

}  // namespace unspool::internal
