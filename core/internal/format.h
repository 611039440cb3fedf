#pragma once

#include <string>
#include <string_view>
#include <type_traits>

// fmt for the library's own sources. Its definitions are compiled once, in format.cpp, in a namespace of our
// own, so that they do not collide with those of a program that uses fmt itself. That holds for
// fmt::format(); fmt::format_to(), fmt::formatted_size() and fmt::join() compile much of formatting again, up
// to 60 KB, in each source.
#undef FMT_HEADER_ONLY
#define FMT_BEGIN_NAMESPACE \
  namespace fmt {           \
  inline namespace unspool_v9 {
#define FMT_END_NAMESPACE \
  }                       \
  }

#include <fmt/format.h>

namespace unspool::internal {

/// The texts of values, with `separator` between them.
template <class Range>
std::string joined(const Range& values, std::string_view separator) {
  std::string text;
  std::string_view before;
  for (const auto& value : values) {
    text += before;
    if constexpr (std::is_convertible_v<decltype(value), std::string_view>) {
      text += value;
    } else {
      text += fmt::format("{}", value);
    }
    before = separator;
  }
  return text;
}

}  // namespace unspool::internal
