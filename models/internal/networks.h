#pragma once

namespace unspool::internal {

/// Makes the networks of this folder known to the registry of layers, which lies below it.
void register_networks();

}  // namespace unspool::internal
