#pragma once

#include <memory>

#include <unspool/core/make_shared_as.h>
#include <unspool/optim/optimizer.h>

namespace unspool::internal {

// Not beside the declaration, so that programs do not compile it for each class of the library.
template <class T>
Optimizer make_optimizer(const typename T::Options& options) {
  return Optimizer(make_shared_as<OptimizerBase, T>(options));
}

}  // namespace unspool::internal
