#pragma once

#include <string>
#include <vector>

#include <unspool/layers/layer_axes.h>
#include <unspool/layers/layer_maker.h>

namespace unspool {

/// Arguments of Concatenate, in the order of Keras.
struct ConcatenateOptions {
  Index axis = -1;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of Dot, in the order of Keras.
struct DotOptions {
  /// One axis for both inputs, or one for each: 1, {2, 1}. Not that of the batch.
  required<LayerAxes> axes;
  /// Whether to divide each input by its norm along its axis, which gives a cosine.
  Flag normalize = false;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

namespace layers {

/// The base class of layers that merge several tensors with broadcasting: Add, Subtract, Multiply, Average,
/// Maximum, Minimum. Batch sizes must be equal; an input with fewer axes gets axes of size 1 after the batch.
/// If all inputs have masks, the output has their logical or; otherwise it has no mask.
///
/// Throws ValueError for fewer than two inputs, and for shapes that do not broadcast.
class Merge : public Layer {
 public:
  bool supports_masking() const override { return true; }
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;

 protected:
  explicit Merge(LayerOptions options);
  /// Merges inputs of equal rank, with their masks, which may be empty.
  virtual Tensor merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) = 0;

 private:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) final;
};

/// The sum of the inputs.
class Add : public Merge {
 public:
  explicit Add(LayerOptions options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) override;
};

/// The first input minus the second. Throws ValueError for another number of inputs.
class Subtract : public Merge {
 public:
  explicit Subtract(LayerOptions options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) override;
};

/// The product of the inputs. A masked element counts as 1; if all are masked the product is 0.
class Multiply : public Merge {
 public:
  explicit Multiply(LayerOptions options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) override;
};

/// The mean of the inputs.
class Average : public Merge {
 public:
  explicit Average(LayerOptions options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) override;
};

/// The largest of the elements that are not masked.
class Maximum : public Merge {
 public:
  explicit Maximum(LayerOptions options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) override;
};

/// The smallest of the elements that are not masked.
class Minimum : public Merge {
 public:
  explicit Minimum(LayerOptions options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) override;
};

/// Concatenates along an axis; the other sizes must be equal. Masks are concatenated along the time axis, or
/// combined by logical or for another axis; an input without a mask counts as unmasked.
class Concatenate : public OptionsLayer<ConcatenateOptions> {
 public:
  explicit Concatenate(ConcatenateOptions options = {});
  bool supports_masking() const override { return true; }
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;

 protected:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
};

/// The dot product of two inputs along one axis of each. The shape is (batch, a..., b...) without these axes,
/// or (batch, 1) if no others remain. The output has no mask.
class Dot : public OptionsLayer<DotOptions> {
 public:
  /// Throws ValueError unless there are one or two axes.
  explicit Dot(DotOptions options);

 protected:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
};

}  // namespace layers

///@{
/// Makes the layer of this name: Add()({a, b, c}).
using Add = LayerRef<layers::Add, LayerOptions>;
using Subtract = LayerRef<layers::Subtract, LayerOptions>;
using Multiply = LayerRef<layers::Multiply, LayerOptions>;
using Average = LayerRef<layers::Average, LayerOptions>;
using Maximum = LayerRef<layers::Maximum, LayerOptions>;
using Minimum = LayerRef<layers::Minimum, LayerOptions>;
///@}
/// Makes the layer: Concatenate({.axis = 1})({a, b}).
using Concatenate = LayerRef<layers::Concatenate>;
/// Makes the layer: Dot({.axes = {2, 1}})({a, b}).
using Dot = LayerRef<layers::Dot>;

}  // namespace unspool
