#pragma once

#include <string>

#include <unspool/core/config.h>
#include <unspool/core/error.h>

namespace unspool::internal {

/// A config as messages show it: JSON, or what kind of value it is where JSON has no way to write it (NaN).
inline std::string text_of(const Config& config) {
  try {
    return to_json(config);
  } catch (const ValueError&) {
    return config.describe();
  }
}

}  // namespace unspool::internal
