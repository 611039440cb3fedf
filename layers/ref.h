#pragma once

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/layers/call.h>

namespace unspool {

class Cell;
class Layer;

namespace detail {
[[noreturn]] void fail_empty_ref();
}

/// A shared pointer to a layer or cell, which is called like a function: copies share the layer. Whatever
/// needs the layer of an empty Ref throws ValueError.
template <class L>
class Ref final {
 public:
  /// An empty Ref.
  Ref() = default;
  /// Shares the layer of a shared_ptr. Usually make() makes both.
  explicit Ref(std::shared_ptr<L> layer) : layer_(std::move(layer)) {}
  /// Converts to a Ref of a base class.
  template <class D>
  requires(std::is_base_of_v<L, D> && !std::is_same_v<L, D>) Ref(const Ref<D>& other)
      : layer_(other.pointer()) {}

  /// Whether there is a layer.
  explicit operator bool() const { return layer_ != nullptr; }
  /// Accesses members of the layer.
  L* operator->() const { return &**this; }
  /// The layer itself.
  L& operator*() const {
    if (layer_ == nullptr) detail::fail_empty_ref();
    return *layer_;
  }
  /// The shared_ptr that holds the layer.
  const std::shared_ptr<L>& pointer() const { return layer_; }
  /// Whether both are the same object.
  friend bool operator==(const Ref& a, const Ref& b) { return a.layer_ == b.layer_; }

  /// Calls a layer; see Layer::operator().
  Outputs operator()(const Inputs& inputs,
                     const CallArgs& args = {}) const requires std::is_base_of_v<Layer, L> {
    return (**this)(inputs, args);
  }
  /// Runs one step of a cell; see Cell::operator().
  auto operator()(const Tensor& x, const std::vector<Tensor>& states,
                  const CallArgs& args = {}) const requires std::is_base_of_v<Cell, L> {
    return (**this)(x, states, args);
  }

 private:
  std::shared_ptr<L> layer_;
};

/// Makes a layer or cell of any class: make<MinimalGatedCell>(128).
template <class L, class... Arguments>
Ref<L> make(Arguments&&... arguments) {
  Ref<L> made(std::make_shared<L>(std::forward<Arguments>(arguments)...));
  if constexpr (std::is_base_of_v<Layer, L>) made->template note_shape_rule<L>();
  return made;
}

}  // namespace unspool
