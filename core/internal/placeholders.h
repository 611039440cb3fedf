#pragma once

namespace unspool::internal {

/// While it lives, the weights of layers and the state of optimizers that this thread makes get no initial
/// values and take no memory: a reader of files replaces them all.
class Placeholders {
 public:
  Placeholders();
  ~Placeholders();
  Placeholders(const Placeholders&) = delete;
  Placeholders& operator=(const Placeholders&) = delete;

  /// Whether this thread has one. TensorAccess::placeholder() makes the values.
  static bool active();

 private:
  bool around_;
};

}  // namespace unspool::internal
