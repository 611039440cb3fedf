#include <unspool/layers/registry.h>
#include <unspool/models/internal/networks.h>
#include <unspool/models/sequential.h>

namespace unspool::internal {

void register_networks() {
  static const bool done = [] {
    register_layer<layers::Sequential>("Sequential");
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace unspool::internal
