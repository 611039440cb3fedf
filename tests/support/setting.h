#pragma once

#include <atomic>

namespace unspool::testing {

/// Gives a setting a value while it lives.
template <class T>
class With {
 public:
  With(std::atomic<T>& setting, T value) : setting_(setting), outer_(setting.exchange(value)) {}
  ~With() { setting_ = outer_; }
  With(const With&) = delete;
  With& operator=(const With&) = delete;

 private:
  std::atomic<T>& setting_;
  T outer_;
};

}  // namespace unspool::testing
