#pragma once

#include <memory>

#include <unspool/optim/optimizer.h>

namespace unspool::internal {

// Not beside the declaration, so that programs do not compile it for each class of the library.
template <class T>
Optimizer make_optimizer(const typename T::Options& options) {
  return Optimizer(std::make_shared<T>(options));
}

}  // namespace unspool::internal
