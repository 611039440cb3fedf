#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <type_traits>

#include <unspool/core/mistake.h>
#include <unspool/core/shape.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// An optional shape. `{}` is no shape, Shape() that of a scalar.
class GivenShape : public std::optional<Shape> {
 public:
  constexpr GivenShape() = default;
  /// No shape.
  GivenShape(std::nullopt_t) {}
  /// These sizes.
  GivenShape(std::initializer_list<detail::Dimension> sizes);
  /// This shape.
  GivenShape(const Shape& shape) : std::optional<Shape>(shape) {}
};

/// Arguments of Input, in the order of Keras.
struct InputOptions {
  /// The shape without the batch; -1 for unknown sizes.
  GivenShape shape = std::nullopt;
  /// The batch size; empty: unknown.
  std::optional<Index> batch_size = std::nullopt;
  NamedDType dtype = float32;
  /// The shape with the batch, in place of shape and batch_size.
  GivenShape batch_shape = std::nullopt;
  /// The name. Default: "input_layer", "input_layer_1", ...
  std::string name = {};
};

/// Makes a symbolic tensor, the start of a graph of layers: Input({.shape = {8, 8}}) is a float32 tensor of
/// shape {-1, 8, 8}. Throws ValueError unless exactly one of shape and batch_shape is given.
Tensor Input(InputOptions options);
/// With this shape: Input({8, 8}), Input({None, 16}).
template <class Size = detail::Dimension>
Tensor Input(std::initializer_list<std::type_identity_t<Size>> shape) {
  // Without sizes: no shape, as of Input({}) without this function.
  return Input(shape.size() == 0 ? InputOptions{} : InputOptions{.shape = shape});
}
/// A mistake, with what to write in the first line of the error.
template <std::size_t n = 0>
UNSPOOL_MISTAKE(
    "an option is misspelt, or its value is of a wrong type: write InputOptions options{...}; and the "
    "compiler names it",
    Input(UNSPOOL_MISFIT_LIST(InputOptions)));

}  // namespace unspool
