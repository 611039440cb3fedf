#pragma once

#include <string>

namespace unspool {

/// A name for a layer that was given none, counted in this process: `base` at its first use, then base_1,
/// base_2, ... Safe on any thread.
std::string unique_name(const std::string& base);

/// Starts counting the names of unique_name() from 0 again.
void clear_session();

}  // namespace unspool
