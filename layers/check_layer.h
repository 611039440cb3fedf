#pragma once

#include <vector>

#include <unspool/autograd/check_report.h>
#include <unspool/autograd/gradcheck.h>
#include <unspool/layers/layer.h>

namespace unspool {

/// The arguments of check_layer(): the inputs, and which checks to skip.
struct CheckLayerOptions {
  /// The shapes of the inputs. The first axis is the batch, of equal size for all and at least 2.
  std::vector<Shape> input_shapes = {};
  /// Above 0: the inputs are ids, int32 from 0 up to, not including, this number.
  Index ids = 0;
  /// Whether the second axis may have any size, like the time of a sequence. If it is the last axis, that of
  /// features, it is not changed.
  bool any_length = true;
  /// Whether to check masks of sequences, (batch, time, features), or of ids, (batch, time).
  bool masks = true;
  /// Whether the result for a sample is independent of the other samples of the batch.
  bool rows_alone = true;
  /// Whether there are gradients. Not for a layer of whole numbers.
  bool gradients = true;
  /// Whether gradients in training agree with differences. Not true for a layer that uses stop_gradient().
  bool gradients_in_training = true;
  /// How gradients are compared with differences.
  GradcheckOptions gradcheck = {};
};

/// Checks properties that every layer must have, on layers made from the config of `layer`, whose class must
/// be registered (register_layer); `layer` itself is called once. In float32 and float64: the first call, and
/// only it, builds the layer; shapes, dtypes and masks agree with compute_output_shapes() and symbolic calls,
/// for unknown batch and time as well; calls outside of training are bit-identical and change nothing; an
/// attached mask and a mask argument have the same effect; config, weights and clones survive a round trip;
/// samples are independent of each other; gradients with respect to inputs and weights agree with central
/// differences. It works for layers of your own as well:
///
///     CHECK(check_layer(make<MyLayer>(MyOptions{.units = 3}), {.input_shapes = {{2, 5, 4}}}));
CheckReport check_layer(const Ref<Layer>& layer, const CheckLayerOptions& options);

}  // namespace unspool
