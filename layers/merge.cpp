#include <algorithm>
#include <numeric>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/check_mask.h>
#include <unspool/layers/internal/fields_of_layer.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/internal/normalize.h>
#include <unspool/layers/merge.h>

namespace unspool {

const Fields& ConcatenateOptions::fields() {
  using O = ConcatenateOptions;
  static const Fields all =
      internal::fields_of_layer<O>(field("axis", &O::axis, "along which inputs are joined"));
  return all;
}

const Fields& DotOptions::fields() {
  using O = DotOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("axes", &O::axes, "the axis of each input that is summed over"),
      field("normalize", &O::normalize, "whether inputs are divided by their norms"));
  return all;
}

template Ref<layers::Add> detail::make_from_options<layers::Add>(const LayerOptions&);
template Ref<layers::Subtract> detail::make_from_options<layers::Subtract>(const LayerOptions&);
template Ref<layers::Multiply> detail::make_from_options<layers::Multiply>(const LayerOptions&);
template Ref<layers::Average> detail::make_from_options<layers::Average>(const LayerOptions&);
template Ref<layers::Maximum> detail::make_from_options<layers::Maximum>(const LayerOptions&);
template Ref<layers::Minimum> detail::make_from_options<layers::Minimum>(const LayerOptions&);
template Ref<layers::Concatenate> detail::make_from_options<layers::Concatenate>(
    const layers::Concatenate::Options&);
template Ref<layers::Dot> detail::make_from_options<layers::Dot>(const layers::Dot::Options&);

}  // namespace unspool

namespace unspool::layers {
namespace {

std::string shapes_of(const std::vector<Tensor>& inputs) {
  std::string text;
  for (const Tensor& input : inputs) text += (text.empty() ? "" : ", ") + to_string(input.shape());
  return text;
}

/// The masks of the inputs of a call, of the first axes of each: that of the first may have been an argument.
std::vector<Tensor> masks_of(const std::vector<Tensor>& inputs, const Tensor& first,
                             const std::string& layer) {
  std::vector<Tensor> masks;
  for (const Tensor& input : inputs) {
    const Tensor mask = masks.empty() && first ? first : mask_of(input);
    if (mask) internal::check_mask(mask, input.shape().sub(0, std::min(mask.rank(), input.rank())), layer);
    masks.push_back(mask && mask.dtype() != boolean ? cast(mask, boolean) : mask);
  }
  return masks;
}

bool is_there(const Tensor& tensor) { return static_cast<bool>(tensor); }

/// With axes of size 1 at the end.
Tensor to_rank(Tensor mask, int rank) {
  while (mask.rank() < rank) mask = expand_dims(mask, -1);
  return mask;
}

void check_batches(const std::vector<Tensor>& inputs, const std::string& layer) {
  Index batch = unknown;
  for (const Tensor& input : inputs) {
    const Index own = input.rank() == 0 ? unknown : input.shape().front();
    if (own == unknown) continue;
    if (batch != unknown && own != batch) {
      throw ValueError(
          fmt::format("the layer {} expected inputs of one batch size, got {}", layer, shapes_of(inputs)));
    }
    batch = own;
  }
}

/// An input that its mask leaves out takes the value of the others.
Tensor merge_kept(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks,
                  Tensor (*operation)(const Tensor&, const Tensor&)) {
  Tensor output = inputs.front();
  Tensor kept = masks.front() ? to_rank(masks.front(), output.rank()) : Tensor();
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    Tensor x = inputs[i];
    const Tensor mask = masks[i] ? to_rank(masks[i], x.rank()) : Tensor();
    if (mask) x = where(mask, x, output);
    if (kept) output = where(kept, output, x);
    kept = bool(kept) && bool(mask) ? logical_or(kept, mask) : Tensor();
    output = operation(output, x);
  }
  return output;
}

}  // namespace

Merge::Merge(LayerOptions options) : Layer(std::move(options)) {}

std::vector<Tensor> Merge::call_all(const std::vector<Tensor>& inputs, const CallArgs& args) {
  if (inputs.size() < 2) {
    throw ValueError(fmt::format("the layer {} expected several inputs, got {}: call it on a list, {{a, b}}",
                                 name(), shapes_of(inputs)));
  }
  check_batches(inputs, name());
  int rank = 0;
  for (const Tensor& input : inputs) rank = std::max(rank, input.rank());
  std::vector<Tensor> alike;
  std::vector<Tensor> masks = masks_of(inputs, args.mask, name());
  Shape together;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Tensor x = inputs[i];
    if (x.rank() < rank) masks[i] = {};  // It has no steps to leave out.
    while (x.rank() < rank) x = expand_dims(x, x.rank() == 0 ? 0 : 1);
    if (!broadcast(together, x.shape(), together)) {
      throw ValueError(fmt::format("the layer {} expected inputs whose sizes are equal or 1, got {}", name(),
                                   shapes_of(inputs)));
    }
    alike.push_back(std::move(x));
  }
  return {merge(alike, masks)};
}

Tensor Merge::compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) {
  const std::vector<Tensor> masks = masks_of(inputs, mask, name());
  if (!std::all_of(masks.begin(), masks.end(), is_there)) return {};
  return std::accumulate(masks.begin() + 1, masks.end(), masks.front(), logical_or);
}

Tensor Add::merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>&) {
  return std::accumulate(inputs.begin() + 1, inputs.end(), inputs.front(), add);
}

Tensor Subtract::merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>&) {
  if (inputs.size() != 2) {
    throw ValueError(fmt::format("the layer {} expected exactly 2 inputs, got {}", name(), inputs.size()));
  }
  return inputs[0] - inputs[1];
}

Tensor Multiply::merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) {
  Tensor output;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& x = inputs[i];
    const Tensor factor = masks[i] ? where(to_rank(masks[i], x.rank()), x, Tensor::scalar(1, x.dtype())) : x;
    output = output ? output * factor : factor;
  }
  if (!std::all_of(masks.begin(), masks.end(), is_there)) return output;
  Tensor kept = to_rank(masks.front(), output.rank());
  for (std::size_t i = 1; i < masks.size(); ++i) kept = logical_or(kept, to_rank(masks[i], output.rank()));
  return where(kept, output, Tensor::scalar(0, output.dtype()));
}

Tensor Average::merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>&) {
  return std::accumulate(inputs.begin() + 1, inputs.end(), inputs.front(), add) /
         static_cast<Index>(inputs.size());
}

Tensor Maximum::merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) {
  return merge_kept(inputs, masks, maximum);
}

Tensor Minimum::merge(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) {
  return merge_kept(inputs, masks, minimum);
}

Concatenate::Concatenate(ConcatenateOptions options) : OptionsLayer(std::move(options)) {}

std::vector<Tensor> Concatenate::call_all(const std::vector<Tensor>& inputs, const CallArgs&) {
  if (inputs.size() < 2) {
    throw ValueError(fmt::format("the layer {} expected several inputs, got {}: call it on a list, {{a, b}}",
                                 name(), shapes_of(inputs)));
  }
  const Shape& first = inputs.front().shape();
  const Index axis = LayerAxes(options_.axis).of(first).front();
  for (const Tensor& input : inputs) {
    Shape rest = input.shape();
    if (rest.rank() == first.rank()) rest.set(static_cast<int>(axis), first[static_cast<int>(axis)]);
    if (compatible(rest, first)) continue;
    throw ValueError(fmt::format("the layer {} expected inputs of one shape but for axis {}, got {}", name(),
                                 options_.axis, shapes_of(inputs)));
  }
  return {concat(inputs, static_cast<int>(axis))};
}

Tensor Concatenate::compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) {
  const std::vector<Tensor> masks = masks_of(inputs, mask, name());
  if (std::none_of(masks.begin(), masks.end(), is_there)) return {};
  std::vector<Tensor> whole;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    // Made from the input, since its sizes may be unknown.
    const Tensor some = cast(inputs[i], boolean);
    const Tensor none = logical_xor(some, some);
    whole.push_back(masks[i] ? logical_or(to_rank(masks[i], inputs[i].rank()), none) : logical_not(none));
  }
  const Tensor joined = concat(whole, static_cast<int>(options_.axis));
  std::vector<Index> features = {-1};
  for (int axis = 2; axis < joined.rank() - 1; ++axis) features.push_back(axis);
  return any(joined, features);
}

Dot::Dot(DotOptions options) : OptionsLayer(std::move(options)) {
  const LayerAxes& axes = options_.axes;
  const std::size_t count = axes.list().size();
  if (axes.single() ? count != 1 : count != 2) {
    throw ValueError("Dot: axes: expected one number or two, got " + to_json(to_config(axes)));
  }
}

std::vector<Tensor> Dot::call_all(const std::vector<Tensor>& inputs, const CallArgs&) {
  if (inputs.size() != 2) {
    throw ValueError(
        fmt::format("the layer {} expected exactly 2 inputs, got {}: call it on a list, {{a, b}}", name(),
                    shapes_of(inputs)));
  }
  check_batches(inputs, name());
  // The summed axis comes last in the first, and right behind the batch in the second.
  std::vector<Tensor> sides;
  std::vector<Shape> others;
  Index summed = unknown;
  for (std::size_t i = 0; i < 2; ++i) {
    Tensor x = inputs[i];
    const std::vector<Index>& given = options_.axes.value().list();
    const Index axis = LayerAxes(given[given.size() == 1 ? 0 : i]).of(x.shape()).front();
    if (axis == 0) {
      throw ValueError(
          fmt::format("the layer {} expected axes without the batch to sum over, got axis 0 of {}", name(),
                      shapes_of(inputs)));
    }
    const Index size = x.shape()[static_cast<int>(axis)];
    if (summed != unknown && size != unknown && size != summed) {
      throw ValueError(fmt::format(
          "the layer {} expected axes of one size to sum over, got {} and {} with axes {}", name(),
          to_string(inputs[0].shape()), to_string(inputs[1].shape()), to_json(to_config(options_.axes))));
    }
    summed = size;
    if (options_.normalize) x = internal::normalize(x, {axis}, 1e-7);
    std::vector<Index> order = {0};
    if (i == 1) order.push_back(axis);
    Shape other;
    for (Index k = 1; k < x.rank(); ++k) {
      if (k == axis) continue;
      order.push_back(k);
      other.push_back(x.shape()[static_cast<int>(k)]);
    }
    if (i == 0) order.push_back(axis);
    x = transpose(x, order);
    if (other.rank() != 1) {
      const Index rest = other.known() ? other.elements() : unknown;
      const Index size_now = x.shape()[i == 0 ? -1 : 1];
      x = reshape(x, i == 0 ? Shape{rest, size_now} : Shape{size_now, rest}, 1);
    }
    sides.push_back(std::move(x));
    others.push_back(other);
  }
  const Tensor product = matmul(sides[0], sides[1]);
  Shape shape = others[0] + others[1];
  if (shape.empty()) shape.push_back(1);
  if (others[0].rank() == 1 && others[1].rank() == 1) return {product};
  return {reshape(product, shape, 1)};
}

}  // namespace unspool::layers
