#pragma once

#include <optional>
#include <string>

#include <unspool/core/optional_bool.h>
#include <unspool/models/callback.h>

namespace unspool::internal {

/// The value in the logs that a callback watches, and whether it gets better.
class Monitor {
 public:
  /// `callback` is the name for errors. Throws ValueError for an unknown mode.
  Monitor(std::string callback, std::string name, const std::string& mode, double min_delta = 0);

  /// For the start of training. Throws ValueError if the mode is "auto" and no metric tells the direction,
  /// unless the model has no metrics yet.
  void begin(const Model& model);
  /// The value, for the model that is trained; nothing in an epoch without validation. Throws ValueError if
  /// the logs have no such name, or if the mode is "auto" and no metric tells the direction.
  std::optional<double> value(const Logs& logs, const Model& model);
  /// Whether `now` is better than `best` by more than min_delta. Everything is better than nothing; nothing
  /// is better than NaN, as in Keras.
  bool improves(double now, std::optional<double> best) const;
  /// Prints a warning if epochs have passed, and none of them had a validation. `consequence` is "training
  /// was not stopped", for instance.
  void warn_if_never_seen(std::string_view consequence) const;
  const std::string& name() const { return name_; }

 private:
  void find_direction(const Model& model);

  std::string callback_;
  std::string name_;
  OptionalBool given_direction_;
  OptionalBool more_is_better_;
  double min_delta_;
  bool seen_ = false;
  bool missed_ = false;
};

/// The state of a callback with a best value, which may be infinite or NaN.
Snapshot state_with_best(Config config, std::optional<double> best);
std::optional<double> best_of(const Snapshot& state);

}  // namespace unspool::internal
