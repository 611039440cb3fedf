#pragma once

#include <memory>
#include <optional>
#include <string>

#include <unspool/models/callback.h>

namespace unspool {

struct EarlyStoppingOptions {
  /// A name in the logs.
  std::string monitor = "val_loss";
  /// What a change must exceed to count as better.
  double min_delta = 0;
  /// How many epochs may pass without getting better.
  Index patience = 0;
  /// 1: says when it stops, and which weights it puts back.
  int verbose = 0;
  /// "min": less is better; "max": more is; "auto": as the model's metric of that name says.
  std::string mode = "auto";
  /// Getting better below this counts for nothing: patience runs on.
  std::optional<double> baseline = std::nullopt;
  /// Ends with the weights of the best epoch in place of the last one's.
  bool restore_best_weights = false;
  /// Epochs before this one are not looked at.
  Index start_from_epoch = 0;
};
/// Ends training once something in the logs no longer gets better. The first epoch that it looks at always
/// counts as better, so that training goes on for one more at least, even with a patience of 0.
///
/// ValueError for a mode that is none of these, and in fit if "auto" does not know what is better or nothing
/// in the logs is called so. Validation may take place in some epochs alone: the others count for nothing.
std::shared_ptr<Callback> EarlyStopping(EarlyStoppingOptions options = {});

}  // namespace unspool
