#pragma once

#include <concepts>
#include <initializer_list>
#include <type_traits>
#include <utility>

#include <unspool/core/mistake.h>
#include <unspool/core/positional.h>
#include <unspool/layers/options_layer.h>

namespace unspool {

/// A function that makes a layer or cell of the class L from its options: Dense({.units = 10}), or
/// Dense(10, "relu") with values for the first options in the order of Keras. Each class of the library has
/// one, of the name in Keras. To derive a class, take layers::Dense, or Layer; make<MyLayer>() makes it.
template <class L, class O = typename L::Options>
class LayerMaker {
 public:
  ///@{
  /// The layer with these options, or with the default options if there are such.
  Ref<L> operator()(O options) const;
  template <std::same_as<O> Given = O>
  requires std::default_initializable<Given> Ref<L>
  operator()() const { return (*this)(Given{}); }
  ///@}
  /// The layer with values for its first options.
  template <class... Values>
  requires PositionalFor<O, Values...> Ref<L>
  operator()(Values&&... values) const {
    return (*this)(from_positional<O>(std::forward<Values>(values)...));
  }
  /// The layer with a list as its first option: Reshape({3, 4}).
  template <class I = Index>
  requires(!std::default_initializable<O> && requires(std::initializer_list<I> list) { O{list}; }) Ref<L>
  operator()(std::initializer_list<std::type_identity_t<I>> list) const { return (*this)(O{list}); }

  ///@{
  /// Mistakes, with what to write in the first line of the error.
  template <class... Values>
  requires(MisfitFor<O, Values...>) UNSPOOL_MISTAKE(
      "expected values for the first options in their order, Dense(10, \"relu\"), or options by "
      "name, Dense({.units = 10})",
      operator()(Values&&... values) const);
  template <class Value>
  UNSPOOL_MISTAKE("expected all options by name, LSTM({.units = 64, .return_sequences = true})",
                  operator()(Value&& value, const O& options) const);
  ///@}
};

/// A function that makes a layer around another layer or cells: TimeDistributed(Dense(10)).
template <class L, class Inner, class O = typename L::Options>
class WrapperMaker {
 public:
  /// The layer around `inner`.
  Ref<L> operator()(const Inner& inner, O options = {}) const;
};

}  // namespace unspool
