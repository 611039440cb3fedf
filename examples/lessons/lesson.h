#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include <unspool/unspool.h>

/// What the lessons share: a lesson checks what it says, and its exit status is 0 if all of it holds.
namespace lesson {

/// Prints claims, and remembers whether all of them hold.
class Claims {
 public:
  void check(bool holds, const std::string& claim) {
    std::printf("%s: %s\n", holds ? "checked" : "DOES NOT HOLD", claim.c_str());
    all_hold_ = all_hold_ && holds;
  }
  bool all_hold() const { return all_hold_; }

 private:
  bool all_hold_ = true;
};

/// The largest absolute difference of two lists of numbers; infinite if their sizes differ or a number is
/// not finite.
inline double difference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0 : HUGE_VAL;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double here = std::fabs(a[i] - b[i]);
    worst = std::isfinite(here) ? std::max(worst, here) : HUGE_VAL;
  }
  return worst;
}

/// The largest absolute difference of two tensors of equal shape.
inline double difference(const unspool::Tensor& a, const unspool::Tensor& b) {
  if (a.shape() != b.shape()) return HUGE_VAL;
  return difference(a.to_vector<double>(), b.to_vector<double>());
}

/// The main() of a lesson: calls `body(claims, folder)`, where the folder for pictures and files is the first
/// argument of the program, or build/NAME. Returns 1 if a claim does not hold, 2 after an error.
template <class F>
int run(const std::string& name, int argc, char** argv, F&& body) {
  try {
    const std::filesystem::path folder = argc > 1 ? argv[1] : "build/" + name;
    std::filesystem::create_directories(folder);
    Claims claims;
    body(claims, folder);
    return claims.all_hold() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return 2;
  }
}

}  // namespace lesson
