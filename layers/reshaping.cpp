#include <algorithm>
#include <numeric>

#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/data_format.h>
#include <unspool/layers/internal/fields_of_layer.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/reshaping.h>

namespace unspool {

const Fields& FlattenOptions::fields() {
  using O = FlattenOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("data_format", &O::data_format, "\"channels_last\" or \"channels_first\""));
  return all;
}

const Fields& ReshapeOptions::fields() {
  using O = ReshapeOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("target_shape", &O::target_shape, "the new sizes without the batch; one may be -1"));
  return all;
}

const Fields& PermuteOptions::fields() {
  using O = PermuteOptions;
  static const Fields all =
      internal::fields_of_layer<O>(field("dims", &O::dims, "which axis comes where, counted from 1"));
  return all;
}

const Fields& RepeatVectorOptions::fields() {
  using O = RepeatVectorOptions;
  static const Fields all = internal::fields_of_layer<O>(field("n", &O::n, "how often"));
  return all;
}

template Ref<layers::Flatten> detail::make_from_options<layers::Flatten>(const layers::Flatten::Options&);
template Ref<layers::Reshape> detail::make_from_options<layers::Reshape>(const layers::Reshape::Options&);
template Ref<layers::Permute> detail::make_from_options<layers::Permute>(const layers::Permute::Options&);
template Ref<layers::RepeatVector> detail::make_from_options<layers::RepeatVector>(
    const layers::RepeatVector::Options&);

}  // namespace unspool

namespace unspool::layers {

Flatten::Flatten(FlattenOptions options) : OptionsLayer(std::move(options)) {
  internal::channels_first("Flatten", options_.data_format);
  set_input_spec({{.min_ndim = 1}});
}

Tensor Flatten::call(const Tensor& x, const CallArgs&) {
  Tensor last = x;
  if (internal::channels_first("Flatten", options_.data_format) && x.rank() > 2) {
    std::vector<Index> axes(static_cast<std::size_t>(x.rank()));
    std::iota(axes.begin(), axes.end(), Index{0});
    std::rotate(axes.begin() + 1, axes.begin() + 2, axes.end());
    last = transpose(x, axes);
  }
  const Shape rest = x.shape().sub(1, x.rank());
  return reshape(last, {rest.known() ? rest.elements() : unknown}, 1);
}

Reshape::Reshape(ReshapeOptions options) : OptionsLayer(std::move(options)) {
  const std::vector<Index>& target = options_.target_shape;
  const bool negative = std::any_of(target.begin(), target.end(), [](Index size) { return size < -1; });
  if (negative || std::count(target.begin(), target.end(), -1) > 1) {
    throw ValueError("Reshape: target_shape: expected sizes >= 0 and at most one -1, got " +
                     to_json(to_config(target)));
  }
  set_input_spec({{.min_ndim = 1}});
}

Tensor Reshape::call(const Tensor& x, const CallArgs&) {
  const std::vector<Index>& target = options_.target_shape;
  const Shape rest = x.shape().sub(1, x.rank());
  if (rest.known()) {
    Shape sizes;
    for (const Index size : target) sizes.push_back(size == -1 ? 1 : size);
    const Index fixed = sizes.elements();
    const bool open = std::find(target.begin(), target.end(), -1) != target.end();
    if (open ? fixed == 0 || rest.elements() % fixed != 0 : rest.elements() != fixed) {
      throw ValueError(
          fmt::format("the layer {} expected a target_shape of the {} elements of each sample of {}, got {}",
                      name(), rest.elements(), to_string(x.shape()), to_json(to_config(target))));
    }
  }
  return reshape(x, Shape(std::span<const Index>(target)), 1);
}

Permute::Permute(PermuteOptions options) : OptionsLayer(std::move(options)) {
  std::vector<Index> sorted = options_.dims;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] == static_cast<Index>(i) + 1) continue;
    throw ValueError("Permute: dims: expected 1, 2, ... in some order (0, the batch, stays), got " +
                     to_json(to_config(options_.dims)));
  }
  set_input_spec({{.ndim = static_cast<int>(sorted.size()) + 1}});
}

Tensor Permute::call(const Tensor& x, const CallArgs&) {
  std::vector<Index> axes = {0};
  axes.insert(axes.end(), options_.dims.value().begin(), options_.dims.value().end());
  return transpose(x, axes);
}

RepeatVector::RepeatVector(RepeatVectorOptions options) : OptionsLayer(std::move(options)) {
  if (options_.n <= 0) {
    throw ValueError(fmt::format("RepeatVector: n: expected a positive number, got {}", options_.n.value()));
  }
  set_input_spec({{.ndim = 2}});
}

Tensor RepeatVector::call(const Tensor& x, const CallArgs&) {
  return broadcast_to(expand_dims(x, 1), {unknown, options_.n, unknown});
}

}  // namespace unspool::layers
