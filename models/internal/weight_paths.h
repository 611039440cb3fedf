#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <unspool/models/model.h>

namespace unspool::internal {

/// A path without the name of the model, if it begins with it.
std::string_view path_within(const Model& model, std::string_view path);

/// The paths of the weights of a model within it, in order. Repeated ones get a number.
std::vector<std::string> weight_paths(const Model& model);

/// The layer at a path within a model, or with the name of the model in front. Throws ValueError if there is
/// none, with the nearest path.
Ref<LayerBase> layer_at(const Model& model, std::string_view path);

}  // namespace unspool::internal
