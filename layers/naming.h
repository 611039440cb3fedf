#pragma once

#include <string>

namespace unspool {

/// A unique name for a layer without one: `base` at first, then base_1, base_2, ... Safe on any thread.
std::string unique_name(const std::string& base);

/// Restarts the counters of unique_name().
void clear_session();

}  // namespace unspool
