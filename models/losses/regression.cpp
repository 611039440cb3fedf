#include <cmath>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/elementary.h>
#include <unspool/models/internal/loss_kind.h>
#include <unspool/models/losses/regression.h>

namespace unspool {

const Fields& HuberOptions::fields() {
  using O = HuberOptions;
  static const Fields all =
      fields_of<O>(field("delta", &O::delta, "the error from which on the loss is linear"),
                   field("reduction", &O::reduction, "how the losses become one number"),
                   field("name", &O::name, "the loss's name"));
  return all;
}

namespace {

// Keras' epsilon.
constexpr double smallest_number = 1e-7;

constexpr internal::LossKind<LossOptions> mean_squared_error{
    .name = "MeanSquaredError",
    .aliases = "mse MSE",
    .call = [](const LossOptions&, const Tensor& y, const Tensor& p) { return square(p - y); },
    .elementwise = true};

constexpr internal::LossKind<LossOptions> mean_absolute_error{
    .name = "MeanAbsoluteError",
    .aliases = "mae MAE",
    .call = [](const LossOptions&, const Tensor& y, const Tensor& p) { return abs(p - y); },
    .elementwise = true};

constexpr internal::LossKind<LossOptions> mean_absolute_percentage_error{
    .name = "MeanAbsolutePercentageError",
    .aliases = "mape MAPE",
    .call = [](const LossOptions&, const Tensor& y,
               const Tensor& p) { return 100 * abs((y - p) / maximum(abs(y), smallest_number)); },
    .elementwise = true};

constexpr internal::LossKind<LossOptions> mean_squared_logarithmic_error{
    .name = "MeanSquaredLogarithmicError",
    .aliases = "msle MSLE",
    .call =
        [](const LossOptions&, const Tensor& y, const Tensor& p) {
          return square(log(maximum(p, smallest_number) + 1) - log(maximum(y, smallest_number) + 1));
        },
    .elementwise = true};

constexpr internal::LossKind<LossOptions> log_cosh{
    .name = "LogCosh",
    .aliases = "logcosh",
    .call =
        [](const LossOptions&, const Tensor& y, const Tensor& p) {
          const Tensor error = p - y;
          return error + softplus(-2 * error) - std::log(2.0);
        },
    .elementwise = true};

constexpr internal::LossKind<LossOptions> poisson{
    .name = "Poisson",
    .aliases = "",
    .call = [](const LossOptions&, const Tensor& y,
               const Tensor& p) { return p - y * log(p + smallest_number); },
    .elementwise = true};

constexpr internal::LossKind<HuberOptions> huber{
    .name = "Huber",
    .aliases = "huber_loss",
    .call =
        [](const HuberOptions& options, const Tensor& y, const Tensor& p) {
          const Tensor error = p - y;
          const Tensor size = abs(error);
          const double delta = options.delta;
          return where(size <= delta, 0.5 * square(error), delta * size - 0.5 * delta * delta);
        },
    .elementwise = true,
    .log_name = "huber_loss"};

}  // namespace

Loss internal::make_mean_squared_error(const LossOptions& options) {
  return made_loss(mean_squared_error, options);
}
Loss internal::make_mean_absolute_error(const LossOptions& options) {
  return made_loss(mean_absolute_error, options);
}
Loss internal::make_mean_absolute_percentage_error(const LossOptions& options) {
  return made_loss(mean_absolute_percentage_error, options);
}
Loss internal::make_mean_squared_logarithmic_error(const LossOptions& options) {
  return made_loss(mean_squared_logarithmic_error, options);
}
Loss internal::make_log_cosh(const LossOptions& options) { return made_loss(log_cosh, options); }
Loss internal::make_poisson(const LossOptions& options) { return made_loss(poisson, options); }
Loss internal::make_huber(const HuberOptions& options) { return made_loss(huber, options); }

void internal::add_regression_losses(LossEntries& entries) {
  for (const auto* kind : {&mean_squared_error, &mean_absolute_error, &mean_absolute_percentage_error,
                           &mean_squared_logarithmic_error, &log_cosh, &poisson}) {
    add_loss_kind(entries, *kind);
  }
  add_loss_kind(entries, huber);
}

}  // namespace unspool
