#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/labeled.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/views.h>
#include <unspool/layers/gru_cell.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/internal/recurrent_options.h>

namespace unspool {

const Fields& GRUCellOptions::fields() {
  using O = GRUCellOptions;
  static const Fields all = internal::joined_fields<O>(
      internal::cell_fields<O>(), internal::reset_after_field<O>(), internal::seed_field<O>(),
      internal::implementation_field<O>(), internal::layer_fields<O>());
  return all;
}

template Ref<layers::GRUCell> detail::make_from_options<layers::GRUCell>(const layers::GRUCell::Options&);

}  // namespace unspool

namespace unspool::layers {

GRUCell::GRUCell(const GRUCellOptions& options)
    : OptionsLayer(options, internal::cell_options(options, "GRUCell", {"h"}),
                   internal::dropout_options(options, "GRUCell", 3)) {
  set_input_spec({{.ndim = 2}});
}

void GRUCell::build(const Shape& input_shape) {
  kernel_ = add_weight(internal::kernel_options(options_, input_shape, 3));
  recurrent_kernel_ = add_weight(internal::recurrent_kernel_options(options_, 3));
  if (options_.use_bias) {
    const Index size = 3 * options_.units;
    bias_ = add_weight(internal::bias_options(options_, options_.reset_after ? Shape{2, size} : Shape{size}));
  }
  set_input_spec({{.ndim = 2, .axes = {{-1, input_shape.back()}}}});
}

CellOutput GRUCell::call(const Tensor& x, const States& states, const CallArgs& args) {
  const auto& activation = options_.activation;
  const auto& gate = options_.recurrent_activation;
  const Tensor& h = states[0];
  Tensor input = input_product(x, kernel_, args, 3);
  if (options_.use_bias) input = input + (options_.reset_after ? slice(bias_, 0, 0, 1) : bias_.value());
  const auto [xz, xr, xc] = split<3>(input);
  Tensor z, candidate;
  if (options_.reset_after) {
    Tensor state = state_product(h, recurrent_kernel_, args, 3);
    if (options_.use_bias) state = state + slice(bias_, 0, 1, 2);
    const auto [hz, hr, hc] = split<3>(state);
    z = gate(labeled(xz + hz, "a_z"));
    const Tensor r = labeled(gate(labeled(xr + hr, "a_r")), "r");
    candidate = activation(labeled(xc + r * hc, "a_c"));
  } else {
    const std::vector<Tensor> kernels = split(recurrent_kernel_, {2 * options_.units, options_.units});
    const auto [hz, hr] = split<2>(state_product(h, kernels[0], args, 2));
    z = gate(labeled(xz + hz, "a_z"));
    const Tensor r = labeled(gate(labeled(xr + hr, "a_r")), "r");
    candidate = activation(labeled(xc + matmul(r * dropped_state(h, args, 2), kernels[1]), "a_c"));
  }
  z = labeled(z, "z");
  candidate = labeled(candidate, "c");
  const Tensor next = labeled(z * h + (1 - z) * candidate, "h_t");
  return {next, {next}};
}

}  // namespace unspool::layers
