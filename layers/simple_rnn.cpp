#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/call_caches.h>
#include <unspool/layers/internal/call_context.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/internal/recurrent_options.h>
#include <unspool/layers/simple_rnn.h>

namespace unspool {

const Fields& SimpleRNNOptions::fields() {
  using O = SimpleRNNOptions;
  static const Fields all = internal::joined_fields<O>(
      internal::cell_fields<O>(), internal::loop_fields<O>(), internal::seed_field<O>(),
      internal::sequence_fields<O>(), internal::layer_fields<O>());
  return all;
}

template Ref<layers::SimpleRNN> detail::make_from_options<layers::SimpleRNN>(
    const layers::SimpleRNN::Options&);

}  // namespace unspool

namespace unspool::layers {

SimpleRNN::SimpleRNN(const SimpleRNNOptions& options) : RecurrentLayer(options, "simple_rnn_cell") {}

Tensor SimpleRNN::preprocess_input(const Tensor& inputs, OptionalBool) const { return inputs; }

std::vector<Tensor> SimpleRNN::get_constants(const Tensor& inputs, OptionalBool training) {
  check_input_shapes({inputs.shape()});
  const Shape& shape = inputs.shape();
  const SimpleRNNOptions now = options();
  const Index batch = shape[now.time_major ? 1 : 0];
  // Of these the cell asks for shape and dtype.
  const Tensor step = internal::TensorAccess::abstract({batch, shape[2]}, dtype());
  const Tensor state = internal::TensorAccess::abstract({batch, now.units}, dtype());
  SimpleRNNCell& own = own_cell();
  own.reset_call_cache();
  internal::CallCaches caches;
  const internal::CallScope sequence([&](internal::CallContext& context) { context.caches = &caches; });
  const bool trains = training;
  std::vector<Tensor> constants;
  for (const std::vector<Tensor>& masks : {own.get_dropout_mask_for_cell(step, trains),
                                           own.get_recurrent_dropout_mask_for_cell(state, trains)}) {
    constants.push_back(masks.empty() || !trains ? Tensor::scalar(1, dtype()) : masks.front());
  }
  return constants;
}

CellOutput SimpleRNN::step(const Tensor& inputs, const std::vector<Tensor>& states) {
  if (states.size() != 1 && states.size() != 3) {
    throw ValueError(fmt::format(
        "step: the layer {} expected {{state}} or {{state, input mask, state mask}}, got {} tensors", name(),
        states.size()));
  }
  // The masks as the cell finds them in a call: those that its rates ask for.
  CallCache masks;
  if (states.size() == 3) {
    if (own_cell().dropout() > 0) masks.tensors.push_back(states[1]);
    if (own_cell().recurrent_dropout() > 0) masks.tensors.push_back(states[2]);
  }
  internal::CallCaches caches;
  caches.give(own_cell(), std::move(masks));
  const internal::CallScope sequence([&](internal::CallContext& context) { context.caches = &caches; });
  return (*cell())(inputs, {states.front()});
}

}  // namespace unspool::layers
