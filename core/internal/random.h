#pragma once

#include <unspool/core/random.h>

namespace unspool::internal {

/// While it lives, next_random_key() of this thread takes its keys from `generator`, not from the
/// process-wide generator. What runs inside draws the same numbers on every thread and at any time.
class RandomScope {
 public:
  explicit RandomScope(SeedGenerator& generator);
  ~RandomScope();
  RandomScope(const RandomScope&) = delete;
  RandomScope& operator=(const RandomScope&) = delete;

 private:
  SeedGenerator* outer_;
};

/// The key that next_random_key() returns next, outside of a RandomScope. For training that goes on in
/// another process.
RandomKey process_random_state();
/// Continues the sequence of keys from this one.
void set_process_random_state(RandomKey next);

}  // namespace unspool::internal
