#pragma once

#include <memory>
#include <utility>

#include <unspool/optim/optimizer.h>

namespace unspool {

// Not beside the declaration, so that programs do not compile it for each class of the library.

template <class T>
OptimizerRef<T>::OptimizerRef(const O& options)
    : SealedOptimizer(Key()), Optimizer(std::make_shared<T>(options)) {}
template <class T>
OptimizerRef<T>::OptimizerRef(const volatile OptimizerRef& other)
    : SealedOptimizer(Key()), Optimizer(const_cast<const OptimizerRef&>(other)) {}
template <class T>
OptimizerRef<T>::~OptimizerRef() = default;

}  // namespace unspool
