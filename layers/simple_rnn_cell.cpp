#include <typeinfo>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/labeled.h>
#include <unspool/autograd/product.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/internal/recurrent_options.h>
#include <unspool/layers/simple_rnn_cell.h>

namespace unspool {

const Fields& SimpleRNNCellOptions::fields() {
  using O = SimpleRNNCellOptions;
  static const Fields all = internal::joined_fields<O>(internal::cell_fields<O>(), internal::seed_field<O>(),
                                                       internal::layer_fields<O>());
  return all;
}

template Ref<layers::SimpleRNNCell> detail::make_from_options<layers::SimpleRNNCell>(
    const layers::SimpleRNNCell::Options&);

}  // namespace unspool

namespace unspool::layers {

SimpleRNNCell::SimpleRNNCell(const SimpleRNNCellOptions& options)
    : OptionsLayer(options, internal::cell_options(options, "SimpleRNNCell", {"h"}),
                   internal::dropout_options(options, "SimpleRNNCell", 1)) {
  set_input_spec({{.ndim = 2}});
}

bool SimpleRNNCell::is_pure() const {
  return typeid(*this) == typeid(SimpleRNNCell) && options_.activation.is_built_in();
}

void SimpleRNNCell::build(const Shape& input_shape) {
  kernel_ = add_weight(internal::kernel_options(options_, input_shape, 1));
  recurrent_kernel_ = add_weight(internal::recurrent_kernel_options(options_, 1));
  if (options_.use_bias) bias_ = add_weight(internal::bias_options(options_, {options_.units}));
  set_input_spec({{.ndim = 2, .axes = {{-1, input_shape.back()}}}});
}

CellOutput SimpleRNNCell::call(const Tensor& x, const States& states, const CallArgs& args) {
  Tensor input = matmul(dropped_input(x, args), kernel_);
  if (options_.use_bias) input = input + bias_;
  const Tensor sum = input + matmul(dropped_state(states[0], args), recurrent_kernel_);
  const Tensor next = labeled(options_.activation(labeled(sum, "a")), "h_t");
  return {next, {next}};
}

}  // namespace unspool::layers
