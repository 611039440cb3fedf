#pragma once

#include <initializer_list>
#include <optional>
#include <string>

#include <unspool/core/shape.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// A shape that may be left out. Shape() is the shape of a scalar; `{}` is left out.
class GivenShape : public std::optional<Shape> {
 public:
  constexpr GivenShape() = default;
  /// Left out.
  GivenShape(std::nullopt_t) {}
  /// These sizes.
  GivenShape(std::initializer_list<Index> sizes) : std::optional<Shape>(Shape(sizes)) {}
  /// This shape.
  GivenShape(const Shape& shape) : std::optional<Shape>(shape) {}
};

/// Arguments of Input, in the order of Keras.
struct InputOptions {
  /// Without the batch; -1 where the size is not known.
  GivenShape shape = std::nullopt;
  /// Empty: not known.
  std::optional<Index> batch_size = std::nullopt;
  DType dtype = float32;
  /// With the batch; instead of shape and batch_size.
  GivenShape batch_shape = std::nullopt;
  /// Empty: "input_layer", "input_layer_1", ...
  std::string name = {};
};

/// A symbolic tensor, the start of a graph of layers: Input({.shape = {8, 8}}) is a float32 tensor of shape
/// {-1, 8, 8}. Throws ValueError if both shape and batch_shape are given, or neither.
Tensor Input(InputOptions options);

}  // namespace unspool
