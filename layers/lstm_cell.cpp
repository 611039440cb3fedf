#include <tuple>
#include <typeinfo>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/labeled.h>
#include <unspool/autograd/product.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/internal/recurrent_options.h>
#include <unspool/layers/lstm_cell.h>

namespace unspool {

const Fields& LSTMCellOptions::fields() {
  using O = LSTMCellOptions;
  static const Fields all =
      internal::joined_fields<O>(internal::cell_fields<O>(), internal::seed_field<O>(),
                                 internal::implementation_field<O>(), internal::layer_fields<O>());
  return all;
}

template Ref<layers::LSTMCell> detail::make_from_options<layers::LSTMCell>(const layers::LSTMCell::Options&);

}  // namespace unspool

namespace unspool::layers {
namespace {

/// Ones for the forget gate, so that states are kept at first (Jozefowicz et al. 2015).
Initializer forget_ones(const Initializer& others, Index units) {
  return Initializer([others, units](const Shape&, DType dtype) {
    return concat({others({units}, dtype), Tensor::ones({units}, dtype), others({2 * units}, dtype)});
  });
}

}  // namespace

LSTMCell::LSTMCell(const LSTMCellOptions& options)
    : OptionsLayer(options, internal::cell_options(options, "LSTMCell", {"h", "c"}),
                   internal::dropout_options(options, "LSTMCell", 4)) {
  set_input_spec({{.ndim = 2}});
}

bool LSTMCell::is_pure() const {
  return typeid(*this) == typeid(LSTMCell) && options_.activation.is_built_in() &&
         options_.recurrent_activation.is_built_in();
}

void LSTMCell::build(const Shape& input_shape) {
  kernel_ = add_weight(internal::kernel_options(options_, input_shape, 4));
  recurrent_kernel_ = add_weight(internal::recurrent_kernel_options(options_, 4));
  if (options_.use_bias) {
    WeightOptions bias = internal::bias_options(options_, {4 * options_.units});
    if (options_.unit_forget_bias) bias.initializer = forget_ones(bias.initializer, options_.units);
    bias_ = add_weight(bias);
  }
  set_input_spec({{.ndim = 2, .axes = {{-1, input_shape.back()}}}});
}

CellOutput LSTMCell::call(const Tensor& x, const States& states, const CallArgs& args) {
  const auto& [activation, gate] = std::tie(options_.activation, options_.recurrent_activation);
  const Tensor& h = states[0];
  const Tensor& c = states[1];
  Tensor input = input_product(x, kernel_, args, 4);
  if (options_.use_bias) input = input + bias_;
  const auto [a_i, a_f, a_g, a_o] =
      split<4>(labeled(input + state_product(h, recurrent_kernel_, args, 4), "a"));
  // In the order in which the fewest values are needed at a time.
  const Tensor g = labeled(activation(labeled(a_g, "a_g")), "g");
  const Tensor i = labeled(gate(labeled(a_i, "a_i")), "i");
  const Tensor fresh = i * g;
  const Tensor f = labeled(gate(labeled(a_f, "a_f")), "f");
  const Tensor next_c = labeled(f * c + fresh, "c_t");
  const Tensor shown = activation(next_c);
  const Tensor o = labeled(gate(labeled(a_o, "a_o")), "o");
  const Tensor next_h = labeled(o * shown, "h_t");
  return {next_h, {next_h, next_c}};
}

}  // namespace unspool::layers
