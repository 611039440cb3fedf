#pragma once

namespace unspool::internal {

/// Ctrl-C (SIGINT) during training. While an object of this class exists, the first SIGINT sets a flag
/// instead of ending the program; a second one ends it. A program that handles or ignores SIGINT itself keeps
/// its own way.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
  /// Whether SIGINT arrived since the object was made.
  bool interrupted() const;

 private:
  unsigned seen_;
};

}  // namespace unspool::internal
