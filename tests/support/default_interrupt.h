#pragma once

#include <csignal>

namespace unspool::testing {

/// SIGINT as a program has it that does not handle it. (The test framework does.)
class DefaultInterrupt {
 public:
  DefaultInterrupt() {
    struct sigaction by_default = {};
    by_default.sa_handler = SIG_DFL;
    sigaction(SIGINT, &by_default, &before_);
  }
  ~DefaultInterrupt() { sigaction(SIGINT, &before_, nullptr); }
  DefaultInterrupt(const DefaultInterrupt&) = delete;
  DefaultInterrupt& operator=(const DefaultInterrupt&) = delete;

 private:
  struct sigaction before_ = {};
};

}  // namespace unspool::testing
