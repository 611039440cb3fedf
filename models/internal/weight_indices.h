#pragma once

#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/config.h>

namespace unspool::internal {

/// The places of some variables, each of which is one of these weights, as a list for a file. Throws
/// ValueError for another one.
Config weight_indices(const std::vector<Variable>& variables, const std::vector<Variable>& weights);
/// The weights at these places. Throws an Error with the path in the file for one that is out of range, or
/// listed twice.
std::vector<Variable> weights_at(const Config& indices, const std::vector<Variable>& weights);

}  // namespace unspool::internal
