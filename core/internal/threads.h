#pragma once

namespace unspool::internal {

/// While it lives, parallel_for() of this thread runs all pieces itself, so that a thread in the background
/// does not take the workers from the one that trains.
class SerialScope {
 public:
  SerialScope();
  ~SerialScope();
  SerialScope(const SerialScope&) = delete;
  SerialScope& operator=(const SerialScope&) = delete;

 private:
  bool outer_;
};

}  // namespace unspool::internal
