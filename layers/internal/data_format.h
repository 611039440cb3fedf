#pragma once

#include <string>
#include <string_view>

#include <unspool/core/config.h>
#include <unspool/core/error.h>

namespace unspool::internal {

/// Whether the channels come first. Throws ValueError for another word than Keras' two.
inline bool channels_first(std::string_view layer, const std::string& data_format) {
  if (data_format == "channels_last") return false;
  if (data_format == "channels_first") return true;
  throw ValueError(std::string(layer) +
                   ": data_format: expected \"channels_last\" or \"channels_first\", got " +
                   in_quotes(data_format));
}

}  // namespace unspool::internal
