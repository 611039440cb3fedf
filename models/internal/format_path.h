#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/models/history.h>

namespace unspool::internal {

/// A path with values in place of their names: "w_{epoch:02d}-{val_loss:.2f}" with an epoch of 3 and a
/// val_loss of 0.2 gives "w_03-0.20". Formats are those of Python, "{{" stands for a brace. `numbers` are
/// whole. Throws ValueError, which begins with `callback`, for an unknown name or format.
std::string format_path(std::string_view callback, std::string_view pattern,
                        const std::vector<std::pair<std::string, Index>>& numbers, const Logs& logs);

}  // namespace unspool::internal
