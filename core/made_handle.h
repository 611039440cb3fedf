#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace unspool {

/// What make<T>() returns for a class T of your own: a handle, such as a Metric, whose `->` and `*` reach all
/// members of T. It converts to the handle, which shares the object.
template <class Handle, class T>
class MadeHandle final : public Handle {
  static_assert(
      !std::is_abstract_v<T>,
      "make: the class is abstract: override what its base class declares with = 0, such as call()");

 public:
  /// Shares an object.
  explicit MadeHandle(std::shared_ptr<T> object)
      : Handle::Sealed(typename Handle::Sealed::Key()), Handle(object), object_(std::move(object)) {}

  ///@{
  /// The object; never null.
  T* operator->() const { return object_.get(); }
  T& operator*() const { return *object_; }
  ///@}

 private:
  std::shared_ptr<T> object_;
};

}  // namespace unspool
