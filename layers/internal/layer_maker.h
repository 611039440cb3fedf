#pragma once

#include <utility>

#include <unspool/layers/layer_maker.h>

namespace unspool {

// Not beside the declarations, so that programs do not compile it for each class of the library.

template <class L, class O>
Ref<L> detail::make_from_options(const O& options) {
  return make_layer<L>(options);
}

template <class L, class Inner, class O>
Ref<L> WrapperMaker<L, Inner, O>::operator()(const Inner& inner, O options) const {
  return make<L>(inner, std::move(options));
}

}  // namespace unspool
