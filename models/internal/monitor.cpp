#include <cmath>
#include <iostream>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/monitor.h>
#include <unspool/models/model.h>

namespace unspool::internal {

Monitor::Monitor(std::string callback, std::string name, const std::string& mode, double min_delta)
    : callback_(std::move(callback)), name_(std::move(name)), min_delta_(std::abs(min_delta)) {
  if (mode != "auto" && mode != "min" && mode != "max") {
    throw ValueError(fmt::format("{}: expected the mode \"auto\", \"min\" or \"max\", got {}", callback_,
                                 in_quotes(mode)));
  }
  if (mode != "auto") given_direction_ = mode == "max";
}

void Monitor::begin(const Model& model) {
  more_is_better_ = given_direction_;
  seen_ = missed_ = false;
  if (ModelAccess::state(model).objective().output_count() > 0) find_direction(model);
}

void Monitor::find_direction(const Model& model) {
  if (more_is_better_.has_value()) return;
  more_is_better_ = model.more_is_better(name_.starts_with("val_") ? name_.substr(4) : name_);
  if (more_is_better_.has_value()) return;
  throw ValueError(
      fmt::format("{}: expected the mode \"max\" or \"min\" for {}, got \"auto\": the metric does not tell "
                  "which is better",
                  callback_, in_quotes(name_)));
}

std::optional<double> Monitor::value(const Logs& logs, const Model& model) {
  if (!logs.contains(name_)) {
    missed_ = true;
    if (name_.starts_with("val_") && logs.contains(name_.substr(4))) return {};
    throw ValueError(fmt::format("{}: expected a name in the logs ({}), got {}{}", callback_,
                                 internal::joined(logs.names(), ", "), in_quotes(name_),
                                 did_you_mean(name_, logs.names())));
  }
  seen_ = true;
  find_direction(model);
  return logs[name_];
}

bool Monitor::improves(double now, std::optional<double> best) const {
  if (!best) return true;
  return more_is_better_ ? now - min_delta_ > *best : now + min_delta_ < *best;
}

void Monitor::warn_if_never_seen(std::string_view consequence) const {
  if (seen_ || !missed_) return;
  std::cerr << fmt::format(
      "{}: {} was never in the logs, so {}; give fit() validation_data or a validation_split\n", callback_,
      in_quotes(name_), consequence);
}

Snapshot state_with_best(Config config, std::optional<double> best) {
  Snapshot state{std::move(config), {}};
  // Not in the config, whose text has finite numbers only.
  if (best) state.tensors.push_back({"best", Tensor::scalar(*best)});
  return state;
}

std::optional<double> best_of(const Snapshot& state) {
  for (const NamedTensor& tensor : state.tensors) {
    if (tensor.name == "best") return tensor.tensor.item<double>();
  }
  return {};
}

}  // namespace unspool::internal
