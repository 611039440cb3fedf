#include <cmath>

#include <unspool/autograd/comparison.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/layers/internal/fields_of_layer.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/masking.h>

namespace unspool {

const Fields& MaskingOptions::fields() {
  using O = MaskingOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("mask_value", &O::mask_value, "what a step is made of that does not count"));
  return all;
}

template Ref<layers::Masking> detail::make_from_options<layers::Masking>(const layers::Masking::Options&);

}  // namespace unspool

namespace unspool::layers {

Masking::Masking(MaskingOptions options) : OptionsLayer(std::move(options)) {
  if (std::isnan(options_.mask_value)) {
    throw ValueError("Masking: mask_value: expected a number that a step can be equal to, got nan");
  }
  set_input_spec({{.min_ndim = 1}});
}

Tensor Masking::kept(const Tensor& x) const { return any(not_equal(x, options_.mask_value), {-1}, true); }

Tensor Masking::compute_mask(const std::vector<Tensor>& inputs, const Tensor&) {
  return squeeze(kept(first_of(inputs)), {-1});
}

Tensor Masking::call(const Tensor& x, const CallArgs&) {
  const Tensor keep = kept(x);
  return with_mask(where(keep, x, Tensor::scalar(0, x.dtype())), squeeze(keep, {-1}));
}

}  // namespace unspool::layers
