#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <type_traits>
#include <utility>

#include <unspool/core/mistake.h>
#include <unspool/core/positional.h>
#include <unspool/layers/options_layer.h>

namespace unspool {

namespace detail {

/// Makes a layer of the library, whose source instantiates this function.
template <class L, class O>
Ref<L> make_from_options(const O& options);

/// clang converts arguments before it says that a constructor must not be called, and then names the class.
#ifdef __clang__
template <class O>
struct ExpectedAllOptionsByNameInOneListOf {
  ExpectedAllOptionsByNameInOneListOf(...) = delete;
  ExpectedAllOptionsByNameInOneListOf(const ExpectedAllOptionsByNameInOneListOf&) = delete;
};
#else
template <class O>
using ExpectedAllOptionsByNameInOneListOf = O;
#endif

template <class L, class B>
std::is_base_of<B, L> may_refer_to(const Ref<B>& layer);
template <class L, class V>
concept MayReferTo = requires(const V& value) {
  requires decltype(detail::may_refer_to<L>(value))::value;
};
template <class L, class... Values>
concept NoneRefersTo = !(MayReferTo<L, std::remove_cvref_t<Values>> || ...);

}  // namespace detail

/// A Ref that makes its layer or cell, of the class L, from options: Dense({.units = 10}), or from values for
/// the first options in the order of Keras, Dense(10, "relu"). Each class of the library has one, of the name
/// in Keras, which declares layers: `LSTM lstm({.units = 64});`. To derive a class, take layers::Dense, or
/// Layer; make<MyLayer>() makes it.
template <class L, class O = typename L::Options>
class LayerRef final : public Ref<L> {
 public:
  ///@{
  /// The layer with these options, or with the default options if there are such.
  explicit LayerRef(const O& options) : Ref<L>(detail::make_from_options<L, O>(options)) {}
  template <std::same_as<O> Given = O>
  requires std::default_initializable<Given> LayerRef() : LayerRef(Given{}) {}
  ///@}
  /// The layer with values for its first options.
  template <class... Values>
  requires(PositionalFor<O, Values...>&& detail::NoneRefersTo<L, Values...>) explicit LayerRef(
      Values&&... values)
      : LayerRef(from_positional<O>(std::forward<Values>(values)...)) {}
  /// The layer with a list as its first option: Reshape({3, 4}).
  template <class I = Index>
  requires(!std::default_initializable<O> &&
           requires(std::initializer_list<I> list) {
             O{list};
           }) explicit LayerRef(std::initializer_list<std::type_identity_t<I>> list)
      : LayerRef(O{list}) {}

  ///@{
  /// Shares the layer. Throws TypeError for one of another class: `LSTM lstm(model.get_layer("lstm"));`. No
  /// constructor takes a `const LayerRef&`, to which a list of options would convert.
  LayerRef(const volatile LayerRef& other) : Ref<L>(const_cast<const LayerRef&>(other)) {}
  template <std::same_as<LayerRef> Same>
  LayerRef(Same&& other) noexcept : Ref<L>(std::move(other)) {}
  template <std::same_as<L> Same>
  LayerRef(const Ref<Same>& layer) : Ref<L>(layer) {}
  template <class B>
  requires(std::is_base_of_v<B, L> && !std::is_same_v<L, B>) explicit LayerRef(const Ref<B>& layer)
      : Ref<L>(layer) {}
  LayerRef& operator=(const LayerRef&) = default;
  LayerRef& operator=(LayerRef&&) = default;
  ///@}

  ///@{
  /// Mistakes, with what to write in the first line of the error.
  UNSPOOL_MISTAKEN(
      "expected values for the first options in their order, Dense(10, \"relu\"), or options by "
      "name, Dense({.units = 10})",
      class... Values,
      explicit LayerRef(Values&&...) requires(MisfitFor<O, Values...>&& detail::NoneRefersTo<L, Values...>));
  UNSPOOL_MISTAKEN("expected all options by name, LSTM({.units = 64, .return_sequences = true})", class Value,
                   LayerRef(Value&&, const detail::ExpectedAllOptionsByNameInOneListOf<O>&));
  UNSPOOL_MISTAKEN(
      "an option is misspelt, or its value is of a wrong type: write LSTMOptions options{...}; and the "
      "compiler names it",
      std::size_t n = 0, explicit LayerRef(UNSPOOL_MISFIT_LIST(O)));
  ///@}
};

/// A function that makes a layer around another layer or cells: TimeDistributed(Dense(10)). It is not a type,
/// of which TimeDistributed(TimeDistributed(Dense(10))) would be a copy.
template <class L, class Inner, class O = typename L::Options>
class WrapperMaker {
 public:
  /// The layer around `inner`.
  Ref<L> operator()(const Inner& inner, O options = {}) const;
  /// A mistake, with what to write in the first line of the error.
  template <std::size_t n = 0>
  UNSPOOL_MISTAKE(
      "an option is misspelt, or its value is of a wrong type: write LSTMOptions options{...}; and the "
      "compiler names it",
      operator()(const Inner& inner, UNSPOOL_MISFIT_LIST(O)) const);
};

}  // namespace unspool
