#pragma once

#include <memory>
#include <utility>

#include <unspool/optim/optimizer.h>

namespace unspool {

// Not beside the declaration, so that programs do not compile it for each class of the library.

template <class T>
std::shared_ptr<OptimizerBase> detail::make_optimizer(const typename T::Options& options) {
  return std::make_shared<T>(options);
}

}  // namespace unspool
