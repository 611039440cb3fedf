#pragma once

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include <unspool/unspool.h>

/// What the guides need to check themselves: a guide that is wrong ends with an error, and its test fails.
namespace guide {

/// Ends the program, and names the line, unless `holds`.
inline void check(bool holds, int line = __builtin_LINE()) {
  if (holds) return;
  std::cerr << "line " << line << ": the check fails\n";
  std::exit(1);
}

/// The folder for the files of a guide: its first argument, or build/guides.
inline std::string folder(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "build/guides";
  std::filesystem::create_directories(path);
  return path;
}

/// Whether two numbers differ by at most `tolerance`.
inline bool near(double a, double b, double tolerance = 1e-5) { return std::abs(a - b) <= tolerance; }

/// Whether two tensors have equal shapes, and elements that differ by at most `tolerance`.
inline bool near(const unspool::Tensor& a, const unspool::Tensor& b, double tolerance = 1e-5) {
  using namespace unspool;
  return a.shape() == b.shape() &&
         near(max(abs(cast(a, float64) - cast(b, float64))).item<double>(), 0, tolerance);
}

/// Whether two tensors have equal shapes and elements.
inline bool same(const unspool::Tensor& a, const unspool::Tensor& b) { return near(a, b, 0); }

/// Ends the program unless `function` throws an Error.
template <class Error, class F>
void check_throws(F&& function, int line = __builtin_LINE()) {
  try {
    function();
  } catch (const Error&) {
    return;
  }
  check(false, line);
}

}  // namespace guide
