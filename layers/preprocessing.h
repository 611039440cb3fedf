#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unspool/layers/layer_axes.h>
#include <unspool/layers/layer_maker.h>
#include <unspool/layers/numbers.h>

namespace unspool {

/// Arguments of Normalization, in the order of Keras.
struct NormalizationOptions {
  /// The axes whose indices have a mean and a variance each; None: one for all elements.
  LayerAxes axis = -1;
  ///@{
  /// Given together in place of adapt(): numbers, or tensors whose axes are the last ones of `axis`.
  Numbers mean = {};
  Numbers variance = {};
  ///@}
  /// Whether to compute x * sqrt(variance) + mean.
  Flag invert = false;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of Rescaling, in the order of Keras.
struct RescalingOptions {
  required<Numbers> scale;
  Numbers offset = 0.0;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of Discretization, in the order of Keras.
struct DiscretizationOptions {
  /// The limits between the ranges, ascending; otherwise call adapt().
  Numbers bin_boundaries = {};
  /// The number of ranges that adapt() makes.
  std::optional<Index> num_bins = std::nullopt;
  /// How far a limit that adapt() finds may be from the quantile, as a part of the data.
  double epsilon = 0.01;
  /// "int": the number of the range of each element, int32; else floats: "one_hot" of each element;
  /// "multi_hot" or "count" of the elements of the axis after that of the samples.
  std::string output_mode = "int";
  /// Only false: there are no sparse tensors.
  Flag sparse = false;
  DType dtype = float32;
  std::string name = {};

  static const Fields& fields();
};

namespace layers {

/// (x - mean) / sqrt(variance), with a mean and a variance of the data for each index of some axes. Data has
/// been seen by adapt(), or mean and variance are options. Not weights that training changes: "mean",
/// "variance" and "count" (unused, as in Keras). Masks are passed on.
///
///     Normalization normalize;
///     normalize->adapt(x);
///     Sequential model({normalize, Dense(1)});
class Normalization : public OptionsLayer<NormalizationOptions> {
 public:
  /// Throws ValueError for a mean without a variance, or one of another shape.
  explicit Normalization(NormalizationOptions options = {});

  /// Computes mean and variance of data, which has a batch axis, and forgets those of earlier calls. Throws
  /// ValueError if they are options, for no data, and for data of other sizes than before.
  void adapt(const Tensor& data);
  /// The mean and variance of all batches of a Dataset, or of the tensors of another range, which is read
  /// once. The batches of a Dataset have one input.
  template <class Batches>
  requires requires(const Batches& batches) { batches.begin(); }
  void adapt(const Batches& batches) {
    if constexpr (requires { batches.is_infinite(); }) check_end(batches.is_infinite());
    if constexpr (requires { batches.batched(); }) {
      if (!batches.batched().value_or(true)) return adapt(batches.batch(128));
    }
    Seen seen;
    for (const auto& batch : batches) {
      if constexpr (requires { batch.x; }) {
        add(seen, batch.x[0]);
      } else {
        add(seen, batch);
      }
    }
    take(seen);
  }

  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  bool supports_masking() const override { return true; }

 protected:
  void build(const Shape& input_shape) override;
  Tensor call(const Tensor& x, const CallArgs& args) override;

 private:
  /// The mean and variance of the data so far, in float64.
  struct Seen {
    double count = 0;
    Tensor mean;
    Tensor variance;
  };
  void check_end(bool is_infinite) const;
  void add(Seen& seen, const Tensor& batch);
  void take(const Seen& seen);
  std::vector<Index> kept_axes(const Shape& shape) const;
  /// Given numbers, of the layer's dtype, in a shape that broadcasts to inputs of this shape.
  Tensor spread(const Numbers& numbers, const Shape& input) const;

  Variable mean_;
  Variable variance_;
};

/// x * scale + offset.
class Rescaling : public OptionsLayer<RescalingOptions> {
 public:
  explicit Rescaling(RescalingOptions options);
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

/// Numbers to the number of the range that they are in: 0 below the first limit, 1 from it to below the
/// second. The limits are an option, or the quantiles of the data that adapt() has seen; they are part of the
/// config.
class Discretization : public OptionsLayer<DiscretizationOptions> {
 public:
  /// Throws ValueError unless there are either limits, ascending, or num_bins.
  explicit Discretization(DiscretizationOptions options);
  /// From a config that may have both num_bins and the limits that adapt() has found.
  static Ref<Discretization> from_config(const Config& config);
  Config get_config() const override;

  /// Makes limits so that ranges have about equally many elements of data. Throws ValueError if limits were
  /// given, and for no data.
  void adapt(const Tensor& data);
  /// The limits of all batches of a Dataset, or of the tensors of another range, which is read once.
  template <class Batches>
  requires requires(const Batches& batches) { batches.begin(); }
  void adapt(const Batches& batches) {
    if constexpr (requires { batches.is_infinite(); }) check_end(batches.is_infinite());
    if constexpr (requires { batches.batched(); }) {
      if (!batches.batched().value_or(true)) return adapt(batches.batch(128));
    }
    Summary summary;
    for (const auto& batch : batches) {
      if constexpr (requires { batch.x; }) {
        add(summary, batch.x[0]);
      } else {
        add(summary, batch);
      }
    }
    take(summary);
  }
  /// The limits: those given, or those of adapt().
  const std::vector<double>& bin_boundaries() const { return boundaries_; }

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;

 private:
  /// Values of the data, ascending, and how many elements each stands for.
  struct Summary {
    std::vector<double> values;
    std::vector<double> counts;
  };
  void check_end(bool is_infinite) const;
  void add(Summary& summary, const Tensor& batch) const;
  void take(const Summary& summary);

  std::vector<double> boundaries_;
};

}  // namespace layers

///@{
/// Makes the layer: Normalization({.axis = 1}), Rescaling(1.0 / 255).
using Normalization = LayerRef<layers::Normalization>;
using Rescaling = LayerRef<layers::Rescaling>;
using Discretization = LayerRef<layers::Discretization>;
///@}

}  // namespace unspool
