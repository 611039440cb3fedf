#include <unspool/core/error.h>
#include <unspool/layers/ref.h>

namespace unspool {

void detail::fail_empty_ref() {
  throw ValueError(
      "expected a layer or cell, got an empty Ref: assign one to it first, such as dense = Dense({.units = "
      "3}) "
      "or own = make<MyLayer>()");
}

}  // namespace unspool
