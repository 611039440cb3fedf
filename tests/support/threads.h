#pragma once

#include <unspool/core/threads.h>

namespace unspool::testing {

/// Sets the number of threads while it lives.
struct Threads {
  int before = num_threads();
  explicit Threads(int n) { set_num_threads(n); }
  ~Threads() { set_num_threads(before); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
};

}  // namespace unspool::testing
