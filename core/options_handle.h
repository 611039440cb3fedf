#pragma once

#include <concepts>
#include <cstddef>
#include <utility>

#include <unspool/core/fields.h>
#include <unspool/core/mistake.h>
#include <unspool/core/positional.h>

namespace unspool {

namespace internal {
/// The options of a class without arguments.
struct NoOptions {
  static const Fields& fields() {
    static const Fields none = fields_of<NoOptions>();
    return none;
  }
};
}  // namespace internal

/// A handle that is used as its class in Keras: made with Huber({.delta = 2}) or Huber(2), and declared with
/// `Huber loss(2);`. `make` makes the object, as a handle, from an options struct.
///   using Huber = OptionsHandle<make_huber>;  // Loss make_huber(const HuberOptions&)
template <auto& make>
class OptionsHandle;

/// For a function that makes a Handle from the options O.
template <class Handle, class O, Handle (&make)(const O&)>
class OptionsHandle<make> final : public Handle {
 public:
  /// The arguments.
  using Options = O;

  /// With these arguments.
  explicit OptionsHandle(const O& options)
      : Handle::Sealed(typename Handle::Sealed::Key()), Handle(make(options)) {}
  /// With the default ones.
  OptionsHandle() requires std::default_initializable<O> : OptionsHandle(O{}) {}
  /// With values for the first arguments.
  template <class... Values>
  requires PositionalFor<O, Values...>
  explicit OptionsHandle(Values&&... values)
      : OptionsHandle(from_positional<O>(std::forward<Values>(values)...)) {}
  ///@{
  /// Shares the object. No constructor takes a `const OptionsHandle&`, to which a list of arguments would
  /// convert.
  OptionsHandle(const volatile OptionsHandle& other)
      : Handle::Sealed(typename Handle::Sealed::Key()), Handle(const_cast<const OptionsHandle&>(other)) {}
  template <std::same_as<OptionsHandle> Same>
  OptionsHandle(Same&& other) noexcept : OptionsHandle(const_cast<const volatile OptionsHandle&>(other)) {}
  OptionsHandle& operator=(const OptionsHandle&) = default;
  OptionsHandle& operator=(OptionsHandle&&) = default;
  ///@}
  /// A mistake, with what to write in the first line of the error.
  UNSPOOL_MISTAKEN(
      "an option is misspelt, or its value is of a wrong type: write the options as a variable, as in "
      "AdamOptions options{...}; and the compiler names it",
      std::size_t n = 0, explicit OptionsHandle(UNSPOOL_MISFIT_LIST(O)));
};

}  // namespace unspool
