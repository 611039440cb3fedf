#pragma once

#include <string>
#include <vector>

#include <unspool/layers/layer_axes.h>
#include <unspool/layers/options_layer.h>

namespace unspool {

/// Arguments of Concatenate, in the order of Keras.
struct ConcatenateOptions {
  Index axis = -1;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of Dot, in the order of Keras.
struct DotOptions {
  /// One axis for both inputs, or one for each: 1, {2, 1}. Not the batch.
  required<LayerAxes> axes;
  /// Each input is divided by its norm along its axis first, so that the result is a cosine.
  bool normalize = false;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

namespace layers {

/// A layer that makes one tensor of several with broadcasting: Add, Subtract, Multiply, Average, Maximum,
/// Minimum. Batches are of one size; an input of fewer axes gets axes of size 1 behind the batch. If all
/// inputs have masks the output has theirs, joined by "or"; if one has none, nor has the output.
///
/// Throws ValueError for fewer than two inputs, and for shapes that do not broadcast.
class Merge : public Layer {
 public:
  bool supports_masking() const override { return true; }
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;

 protected:
  explicit Merge(LayerOptions options);
  /// Of inputs of one rank, and their masks: empty where there is none.
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

/// The first input less the second. Throws ValueError for another number of them.
class Subtract : public Merge {
 public:
  explicit Subtract(LayerOptions options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) override;
};

/// A factor that its mask leaves out counts as 1; where all are left out the product is 0.
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

/// Of the elements that masks do not leave out.
class Maximum : public Merge {
 public:
  explicit Maximum(LayerOptions options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) override;
};

/// Of the elements that masks do not leave out.
class Minimum : public Merge {
 public:
  explicit Minimum(LayerOptions options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) override;
};

/// Joins along an axis; the other sizes must be equal. The masks are joined, too, along time or, for another
/// axis, by "or"; an input without one counts whole.
class Concatenate : public OptionsLayer<ConcatenateOptions> {
 public:
  explicit Concatenate(ConcatenateOptions options = {});
  bool supports_masking() const override { return true; }
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;

 protected:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
};

/// Sums of products along an axis of each of two inputs: shapes (batch, a..., b...) without these axes, and
/// (batch, 1) where nothing else is left. No mask.
class Dot : public OptionsLayer<DotOptions> {
 public:
  /// Throws ValueError unless there are one or two axes.
  explicit Dot(DotOptions options);

 protected:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
};

}  // namespace layers

///@{
/// A layer that merges its inputs, as the class of its name: Add()({a, b, c}).
Ref<layers::Add> Add(LayerOptions options = {});
Ref<layers::Subtract> Subtract(LayerOptions options = {});
Ref<layers::Multiply> Multiply(LayerOptions options = {});
Ref<layers::Average> Average(LayerOptions options = {});
Ref<layers::Maximum> Maximum(LayerOptions options = {});
Ref<layers::Minimum> Minimum(LayerOptions options = {});
///@}
/// Concatenate({.axis = 1})({a, b}).
Ref<layers::Concatenate> Concatenate(ConcatenateOptions options = {});
/// Dot({.axes = {2, 1}})({a, b}).
Ref<layers::Dot> Dot(DotOptions options);

}  // namespace unspool
