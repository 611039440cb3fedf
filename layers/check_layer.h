#pragma once

#include <vector>

#include <unspool/autograd/check_report.h>
#include <unspool/autograd/gradcheck.h>
#include <unspool/layers/layer.h>

namespace unspool {

/// What check_layer() calls a layer with, and what it leaves out.
struct CheckLayerOptions {
  /// The shapes of the inputs, with one batch size of at least 2 in front.
  std::vector<Shape> input_shapes = {};
  /// Above 0: the inputs are not numbers but ids, int32 from 0 up to but without this.
  Index ids = 0;
  /// Whether the axis behind the batch may have any size, as the time of a sequence has; where it is the last
  /// one, of features, it stays.
  bool any_length = true;
  /// Whether sequences, (batch, time, features) or ids (batch, time), are tried with
  /// masks, too.
  bool masks = true;
  /// Whether a sample comes out of a batch as it does alone.
  bool rows_alone = true;
  /// Whether gradients are those of the numbers in training, too: not so where a stop_gradient() is meant.
  bool gradients_in_training = true;
  /// How gradients are compared with differences.
  GradcheckOptions gradcheck = {};
};

/// Checks what every layer must hold, on layers made of the config of `layer`, which is itself called once:
/// its class is to be registered (register_layer). At float32 and float64: that it is built by its first
/// call, and once; that shapes, dtypes and masks are those that compute_output_shapes() and symbolic calls
/// say, with unknown batch and length, too; that a call outside of training repeats, bit for bit, and changes
/// nothing; that masks attached and masks as an argument do the same; that config, weights and clone go
/// round; that samples do not depend on each other; that gradients by inputs and weights are those of the
/// numbers. For layers of one's own, too:
///
///     CHECK(check_layer(make<MyLayer>(MyOptions{.units = 3}), {.input_shapes = {{2, 5, 4}}}));
CheckReport check_layer(const Ref<Layer>& layer, const CheckLayerOptions& options);

}  // namespace unspool
