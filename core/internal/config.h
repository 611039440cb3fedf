#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <unspool/core/config.h>

namespace unspool::internal {

/// Whether a key needs no quotes in a path.
inline bool is_plain_key(std::string_view key) {
  return !key.empty() && key.size() <= 64 && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// The first repeated key; null if all keys differ.
inline const std::string* repeated_key(const std::vector<Config::Entry>& entries) {
  std::unordered_set<std::string_view> seen;
  for (const auto& [key, value] : entries) {
    if (!seen.insert(key).second) return &key;
  }
  return nullptr;
}

}  // namespace unspool::internal
