#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/layers/call.h>

namespace unspool {

class Cell;
class Config;
class Layer;

class LayerBase;

namespace detail {
[[noreturn]] void fail_empty_ref();
[[noreturn]] void fail_ref_class(const LayerBase& got, const std::type_info& wanted);
Outputs call_layer(LayerBase& layer, const Inputs& inputs, const CallArgs& args);
}  // namespace detail

namespace internal {

/// The part of Ref that does not depend on the class of the layer.
class RefBase {
 public:
  ///@{
  /// Empty; copies share the layer.
  RefBase();
  RefBase(const RefBase& other);
  RefBase(RefBase&& other) noexcept;
  RefBase& operator=(const RefBase& other);
  RefBase& operator=(RefBase&& other) noexcept;
  ~RefBase();
  ///@}

  /// Whether there is a layer.
  explicit operator bool() const { return layer_ != nullptr; }
  ///@{
  /// The members of the layer that every class has, by dot as by arrow; build() is build_once().
  std::string name() const;
  DType dtype() const;
  bool built() const;
  void build(const Shape& input_shape) const;
  void build(const std::vector<Shape>& input_shapes) const;
  std::vector<Variable> weights() const;
  std::vector<Variable> trainable_weights() const;
  std::vector<Variable> non_trainable_weights() const;
  std::vector<Variable> variables() const;
  std::vector<Variable> trainable_variables() const;
  std::vector<Variable> non_trainable_variables() const;
  std::vector<Tensor> get_weights() const;
  void set_weights(const std::vector<Tensor>& values) const;
  Index count_params() const;
  bool trainable() const;
  void set_trainable(bool trainable) const;
  std::vector<Tensor> losses() const;
  Outputs input() const;
  Outputs output() const;
  Shapes input_shape() const;
  Shapes output_shape() const;
  Config get_config() const;
  ///@}
  /// Whether both are the same object.
  friend bool operator==(const RefBase& a, const RefBase& b) { return a.layer_ == b.layer_; }

 protected:
  explicit RefBase(std::shared_ptr<LayerBase> layer);
  /// The layer; null if there is none.
  LayerBase* get() const { return layer_.get(); }
  /// The layer. Throws ValueError if there is none.
  LayerBase& required() const {
    if (layer_ == nullptr) detail::fail_empty_ref();
    return *layer_;
  }
  const std::shared_ptr<LayerBase>& shared() const { return layer_; }

 private:
  std::shared_ptr<LayerBase> layer_;
};

}  // namespace internal

/// A shared pointer to a layer or cell, which is called like a function: copies share the layer. Whatever
/// needs the layer of an empty Ref throws ValueError.
template <class L>
class Ref : public internal::RefBase {
 public:
  /// An empty Ref.
  Ref() = default;
  /// Shares the layer of a shared_ptr. Usually make() makes both.
  explicit Ref(std::shared_ptr<L> layer) : RefBase(std::move(layer)) {}
  /// Converts to a Ref of a base class.
  template <class D>
  requires(std::is_base_of_v<L, D> && !std::is_same_v<L, D>) Ref(const Ref<D>& other) : RefBase(other) {}
  /// Converts to a Ref of the class of the layer: `Ref<Layer> layer = model.get_layer("a");`. Empty if the
  /// other one is. Throws TypeError for a layer of another class.
  template <class B>
  requires(std::is_base_of_v<B, L> && !std::is_same_v<L, B>) explicit(!std::is_same_v<L, Layer>)
      Ref(const Ref<B>& other)
      : RefBase(other) {
    if (get() != nullptr && dynamic_cast<L*>(get()) == nullptr) detail::fail_ref_class(*get(), typeid(L));
  }

  /// Accesses members of the layer.
  L* operator->() const { return &**this; }
  /// The layer itself.
  L& operator*() const { return static_cast<L&>(required()); }
  ///@{
  /// The members of Layer, by dot as by arrow.
  auto compute_mask(const Inputs& inputs, const Tensor& mask = {}) const {
    return (**this).compute_mask(inputs.tensors(), mask);
  }
  auto compute_output_shape(const Shape& input) const { return (**this).compute_output_shape(input); }
  auto supports_masking() const { return (**this).supports_masking(); }
  ///@}
  ///@{
  /// The members of recurrent layers, as in RNN, and options(), by dot as by arrow.
  auto options() const { return (**this).options(); }
  auto cell() const { return (**this).cell(); }
  auto states() const { return (**this).states(); }
  void reset_states() const { (**this).reset_states(); }
  void reset_states(const std::vector<Tensor>& values) const { (**this).reset_states(values); }
  void reset_state() const { (**this).reset_states(); }
  auto get_initial_state(const auto& batch_size_or_sequence) const {
    return (**this).get_initial_state(batch_size_or_sequence);
  }
  auto plan() const { return (**this).plan(); }
  ///@}

  /// The shared_ptr that holds the layer.
  std::shared_ptr<L> pointer() const { return std::static_pointer_cast<L>(shared()); }

  /// Calls a layer; see Layer::operator(). The outputs of a class with a constant `outputs` are that many, so
  /// that they can be declared together: auto [y, h, c] = lstm(x).
  auto operator()(const Inputs& inputs,
                  const CallArgs& args = {}) const requires std::is_base_of_v<Layer, L> {
    if constexpr (requires { L::outputs; }) {
      return OutputList<L::outputs>((**this)(inputs, args));
    } else {
      return (**this)(inputs, args);
    }
  }
  /// Calls a layer of which only the base class is known. Throws TypeError for a cell.
  Outputs operator()(const Inputs& inputs,
                     const CallArgs& args = {}) const requires std::is_same_v<LayerBase, L> {
    return detail::call_layer(**this, inputs, args);
  }
  /// Runs one step of a cell; see Cell::operator().
  auto operator()(const Tensor& x, const std::vector<Tensor>& states,
                  const CallArgs& args = {}) const requires std::is_base_of_v<Cell, L> {
    return (**this)(x, states, args);
  }
};

namespace detail {

/// An argument of which a layer keeps a copy, since copies share nothing.
template <class A>
concept PlainArgument = std::is_arithmetic_v<A> || std::is_enum_v<A> || std::is_same_v<A, Shape> ||
    (std::is_convertible_v<A, std::string> && !std::is_null_pointer_v<A>);
/// The copy that is kept.
template <PlainArgument A>
using KeptArgument = std::conditional_t<std::is_convertible_v<A, std::string>, std::string, A>;

template <class L, class... Arguments>
[[gnu::always_inline]] inline Ref<L> make_layer(Arguments&&... arguments) {
  // A class with options is copied by its config.
  Callable<std::shared_ptr<LayerBase>()> make_again;
  if constexpr (!requires { typename L::Options; } && (PlainArgument<std::decay_t<Arguments>> && ...)) {
    if constexpr (std::is_constructible_v<L, const KeptArgument<std::decay_t<Arguments>>&...>) {
      make_again = [... kept =
                        KeptArgument<std::decay_t<Arguments>>(arguments)]() -> std::shared_ptr<LayerBase> {
        return make_layer<L>(kept...).pointer();
      };
    }
  }
  Ref<L> made(make_shared_as<LayerBase, L>(std::forward<Arguments>(arguments)...));
  made->make_again_ = std::move(make_again);
  if constexpr (std::is_base_of_v<Layer, L>) made->template note_shape_rule<L>();
  return made;
}

}  // namespace detail

/// Makes a layer or cell of any class: make<MinimalGatedCell>(128).
template <class L, class... Arguments>
requires std::is_base_of_v<LayerBase, L> Ref<L> make(Arguments&&... arguments) {
  static_assert(
      !std::is_abstract_v<L>,
      "make: the class lacks a call() with all parameters: CellOutput call(const Tensor& x, const States& "
      "states, const CallArgs& args) override");
  static_assert(
      std::is_abstract_v<L> || std::is_constructible_v<L, Arguments...>,
      "make<MyLayer>(arguments...): the class has no public constructor that takes these arguments");
  return detail::make_layer<L>(std::forward<Arguments>(arguments)...);
}
/// Makes a layer or cell of a class with options: make<MyLayer>({.units = 3}).
template <class L, class Unused = void>
requires std::is_base_of_v<LayerBase, L> Ref<L> make(typename L::Options&& options) {
  return detail::make_layer<L>(std::move(options));
}

}  // namespace unspool
