#include <limits>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/models/internal/cosine.h>
#include <unspool/models/internal/loss_kind.h>
#include <unspool/models/losses/similarity.h>

namespace unspool {

const Fields& CosineSimilarityOptions::fields() {
  using O = CosineSimilarityOptions;
  static const Fields all =
      fields_of<O>(field("axis", &O::axis, "the axis of a vector's elements"),
                   field("reduction", &O::reduction, "how the losses become one number"),
                   field("name", &O::name, "the loss's name"));
  return all;
}

const Fields& CircleOptions::fields() {
  using O = CircleOptions;
  static const Fields all =
      fields_of<O>(field("gamma", &O::gamma, "the scale of similarities"),
                   field("margin", &O::margin, "how far apart equal and different pairs shall be"),
                   field("remove_diagonal", &O::remove_diagonal, "a sample is not paired with itself"),
                   field("reduction", &O::reduction, "how the losses become one number"),
                   field("name", &O::name, "the loss's name"));
  return all;
}

Tensor internal::cosine(const Tensor& y_true, const Tensor& y_pred, int axis) {
  // A length below Keras' epsilon counts as that; a maximum of squares has a gradient at 0.
  const auto direction = [&](const Tensor& x) {
    return x * rsqrt(maximum(sum(square(x), {axis}, true), 1e-14));
  };
  return sum(direction(y_true) * direction(y_pred), {axis});
}

namespace {

constexpr internal::LossKind<CosineSimilarityOptions> cosine_similarity{
    .name = "CosineSimilarity",
    .aliases = "",
    .call = [](const CosineSimilarityOptions& options, const Tensor& y,
               const Tensor& p) { return -internal::cosine(y, p, options.axis); },
    .samples =
        [](const CosineSimilarityOptions& options, const Tensor& y, const Tensor& p, const Tensor& mask) {
          return internal::losses_of_sums({options.axis}, y, p, mask,
                                          [&](const Tensor& labels, const Tensor& q) {
                                            return -internal::cosine(labels, q, options.axis);
                                          });
        }};

SampleLosses circle_samples(const CircleOptions& options, const Tensor& y, const Tensor& p,
                            const Tensor& mask) {
  if (mask) {
    throw ValueError(
        "circle: expected predictions without a mask, since each is compared with all others, got " +
        describe(p) + " with a mask " + describe(mask) + ": remove it with with_mask(y_pred, {})");
  }
  if (p.rank() != 2) throw ValueError("circle: expected predictions (batch, features), got " + describe(p));
  const Tensor labels = reshape(cast(y, int32), {-1, 1});
  const Tensor distance = maximum(1 - matmul(p, transpose(p)), 0);
  const Tensor same = equal(labels, transpose(labels));
  Tensor positive = same;
  if (options.remove_diagonal) {
    const Tensor index = cumsum(labels * 0 + 1, 0);
    positive = logical_and(same, not_equal(index, transpose(index)));
  }
  const Tensor negative = logical_not(same);
  const double margin = options.margin;
  const Tensor near = -options.gamma * (margin + distance) * (margin - distance);
  const Tensor far = options.gamma * maximum(1 + margin - distance, 0) * (1 - margin - distance);
  const Tensor paired = logical_and(any(positive, {1}), any(negative, {1}));
  // A row without pairs gets a number that is not used, so that its gradient is not NaN.
  const auto over = [&](const Tensor& chosen, const Tensor& x) {
    const Tensor used = logical_or(chosen, logical_not(expand_dims(paired, 1)));
    return logsumexp(where(used, x, -std::numeric_limits<float>::infinity()), {1});
  };
  const Tensor losses = where(paired, softplus(over(positive, near) + over(negative, far)), 0.0);
  return {losses, losses > 0};
}

constexpr internal::LossKind<CircleOptions> circle{
    .name = "Circle",
    .aliases = "",
    .call = [](const CircleOptions& options, const Tensor& y,
               const Tensor& p) { return circle_samples(options, y, p, {}).losses; },
    .takes_classes = true,
    .samples = circle_samples};

}  // namespace

Loss internal::make_cosine_similarity(const CosineSimilarityOptions& options) {
  return made_loss(cosine_similarity, options);
}
Loss internal::make_circle(const CircleOptions& options) { return made_loss(circle, options); }

void internal::add_similarity_losses(LossEntries& entries) {
  add_loss_kind(entries, cosine_similarity);
  add_loss_kind(entries, circle);
}

}  // namespace unspool
