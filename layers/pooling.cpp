#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/layers/internal/check_mask.h>
#include <unspool/layers/internal/data_format.h>
#include <unspool/layers/internal/fields_of_layer.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/pooling.h>

namespace unspool {

const Fields& GlobalPooling1DOptions::fields() {
  using O = GlobalPooling1DOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("data_format", &O::data_format, "\"channels_last\" or \"channels_first\""),
      field("keepdims", &O::keepdims, "whether the axis of time stays, with size 1"));
  return all;
}

template Ref<layers::GlobalAveragePooling1D> detail::make_from_options<layers::GlobalAveragePooling1D>(
    const layers::GlobalAveragePooling1D::Options&);
template Ref<layers::GlobalMaxPooling1D> detail::make_from_options<layers::GlobalMaxPooling1D>(
    const layers::GlobalMaxPooling1D::Options&);

}  // namespace unspool

namespace unspool::layers {

GlobalAveragePooling1D::GlobalAveragePooling1D(GlobalPooling1DOptions options)
    : OptionsLayer(std::move(options)) {
  internal::channels_first("GlobalAveragePooling1D", options_.data_format);
  set_input_spec({{.ndim = 3}});
}

Tensor GlobalAveragePooling1D::call(const Tensor& x, const CallArgs& args) {
  const bool first = internal::channels_first("GlobalAveragePooling1D", options_.data_format);
  const Index time = first ? 2 : 1;
  if (!args.mask) return mean(x, {time}, options_.keepdims);
  const Shape steps = {x.shape()[0], x.shape()[static_cast<int>(time)]};
  internal::check_mask(args.mask, steps, name());
  const Tensor keep = expand_dims(args.mask, first ? 1 : 2);
  const Tensor total = sum(where(keep, x, Tensor::scalar(0, x.dtype())), {time}, options_.keepdims);
  return total / maximum(sum(cast(keep, x.dtype()), {time}, options_.keepdims), 1);
}

GlobalMaxPooling1D::GlobalMaxPooling1D(GlobalPooling1DOptions options) : OptionsLayer(std::move(options)) {
  internal::channels_first("GlobalMaxPooling1D", options_.data_format);
  set_input_spec({{.ndim = 3}});
}

Tensor GlobalMaxPooling1D::call(const Tensor& x, const CallArgs&) {
  const bool first = internal::channels_first("GlobalMaxPooling1D", options_.data_format);
  return max(x, {first ? 2 : 1}, options_.keepdims);
}

}  // namespace unspool::layers
