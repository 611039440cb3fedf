#include <unspool/autograd/arithmetic.h>
#include <unspool/models/internal/loss_kind.h>
#include <unspool/models/losses/overlap.h>

namespace unspool {

Config ConfigValue<Axes>::to(const Axes& value) { return value.empty() ? Config() : to_config(value.list()); }

Axes ConfigValue<Axes>::from(const Config& config) {
  if (config.is_null()) return {};
  return config.is_list() ? Axes(from_config<std::vector<Index>>(config)) : Axes(config.as<Index>());
}

const Fields& DiceOptions::fields() {
  using O = DiceOptions;
  static const Fields all = fields_of<O>(
      field("reduction", &O::reduction, "how the losses become one number"),
      field("name", &O::name, "the loss's name"), field("axis", &O::axis, "the axes to sum over; null: all"));
  return all;
}

const Fields& TverskyOptions::fields() {
  using O = TverskyOptions;
  static const Fields all = fields_of<O>(
      field("alpha", &O::alpha, "the weight of sum(y (1 - p))"),
      field("beta", &O::beta, "the weight of sum(p (1 - y))"),
      field("reduction", &O::reduction, "how the losses become one number"),
      field("name", &O::name, "the loss's name"), field("axis", &O::axis, "the axes to sum over; null: all"));
  return all;
}

namespace {

// Keras' epsilon.
constexpr double smallest_area = 1e-7;

constexpr internal::LossKind<DiceOptions> dice{
    .name = "Dice",
    .aliases = "",
    .call =
        [](const DiceOptions& options, const Tensor& y, const Tensor& p) {
          const Axes& axes = options.axis;
          return 1 - 2 * sum(y * p, axes) / (sum(y, axes) + sum(p, axes) + smallest_area);
        },
    .samples =
        [](const DiceOptions& options, const Tensor& y, const Tensor& p, const Tensor& mask) {
          return internal::losses_of_sums(
              options.axis.list(), y, p, mask,
              [&](const Tensor& labels, const Tensor& q) { return dice.call(options, labels, q); });
        }};

constexpr internal::LossKind<TverskyOptions> tversky{
    .name = "Tversky",
    .aliases = "",
    .call =
        [](const TverskyOptions& options, const Tensor& y, const Tensor& p) {
          const Axes& axes = options.axis;
          const Tensor both = sum(y * p, axes);
          return 1 - both / (both + options.alpha * sum((1 - p) * y, axes) +
                             options.beta * sum(p * (1 - y), axes) + smallest_area);
        },
    .samples =
        [](const TverskyOptions& options, const Tensor& y, const Tensor& p, const Tensor& mask) {
          return internal::losses_of_sums(
              options.axis.list(), y, p, mask,
              [&](const Tensor& labels, const Tensor& q) { return tversky.call(options, labels, q); });
        }};

}  // namespace

Loss internal::make_dice(const DiceOptions& options) { return made_loss(dice, options); }
Loss internal::make_tversky(const TverskyOptions& options) { return made_loss(tversky, options); }

void internal::add_overlap_losses(LossEntries& entries) {
  add_loss_kind(entries, dice);
  add_loss_kind(entries, tversky);
}

}  // namespace unspool
