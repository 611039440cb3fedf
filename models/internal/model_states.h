#pragma once

#include <vector>

#include <unspool/models/model.h>

namespace unspool::internal {

/// What the stateful layers of a model keep between calls, each layer once.
std::vector<Variable> states_of(const Model& model);

}  // namespace unspool::internal
