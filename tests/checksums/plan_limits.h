#pragma once

#include <optional>

#include <unspool/autograd/internal/scan_plan.h>

#include "../support/setting.h"

namespace checksums {

/// While it lives, scans cut time into chunks of at most so many steps, and rows into groups where the
/// weights have at least so many elements. The only place here that names what the library keeps to itself.
class PlanLimits {
 public:
  PlanLimits(std::optional<unspool::Index> longest_chunk, std::optional<unspool::Index> grouped_weights) {
    using unspool::internal::ScanPlan;
    if (longest_chunk) longest_chunk_.emplace(ScanPlan::longest_chunk, *longest_chunk);
    if (grouped_weights) grouped_weights_.emplace(ScanPlan::grouped_weights, *grouped_weights);
  }

 private:
  using Setting = unspool::testing::With<unspool::Index>;
  std::optional<Setting> longest_chunk_;
  std::optional<Setting> grouped_weights_;
};

}  // namespace checksums
