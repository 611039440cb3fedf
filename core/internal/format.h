#pragma once

// fmt for the library's own sources. Its definitions are compiled once, in format.cpp, in a namespace of our
// own, so that they do not collide with those of a program that uses fmt itself. That holds for
// fmt::format(); fmt::format_to() and fmt::formatted_size() compile all of formatting again, 60 KB, in each
// source.
#undef FMT_HEADER_ONLY
#define FMT_BEGIN_NAMESPACE \
  namespace fmt {           \
  inline namespace unspool_v9 {
#define FMT_END_NAMESPACE \
  }                       \
  }

#include <fmt/format.h>
