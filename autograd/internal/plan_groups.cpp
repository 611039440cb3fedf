#include <algorithm>

#include <unspool/autograd/internal/scan_plan.h>
#include <unspool/core/threads.h>

namespace unspool::internal {
namespace {

/// Rows of a group for which it is worth its while.
constexpr Index fewest_group_rows = 8;
constexpr Index most_groups = 2;
/// Of two groups at a time sums take twice the room; one after the other, they read the weights twice. So one
/// thread takes one after the other where weights stay in the second cache and sums do not.
constexpr std::size_t weights_at_hand = std::size_t{2} << 20U;
constexpr std::size_t sums_at_hand = std::size_t{1} << 20U;

}  // namespace

std::atomic<Index> ScanPlan::grouped_weights = 1 << 15;

void ScanPlan::find_groups() {
  const auto phase = [&](Phase which) -> const std::vector<Segment>& {
    return segments_[static_cast<std::size_t>(which)];
  };
  const auto have_rows = [&](const std::vector<Turned>& list) {
    return std::ranges::all_of(list, [&](const Turned& turned) { return slot(turned.value).rows; });
  };
  const std::vector<Segment>& after = phase(Phase::after);
  const auto rest = std::ranges::find_if_not(after, &Segment::by_rows);
  begins_by_rows_ =
      std::ranges::all_of(phase(Phase::before), &Segment::by_rows) && have_rows(turned_sequences_);
  ends_by_rows_ = std::all_of(rest, after.end(), [](const Segment& segment) { return segment.sums(); }) &&
                  have_rows(turned_each_);

  Index weights = 0;
  for (const Matrix& matrix : matrices_) weights += matrix.columns * matrix.depth;
  if (!dealt_ || weights < grouped_weights) return;
  groups_ = std::clamp<Index>(rows_ / fewest_group_rows, 1, most_groups);
  groups_apart_ =
      groups_ > 1 && begins_by_rows_ && ends_by_rows_ &&
      std::ranges::all_of(phase(Phase::last), &Segment::by_rows) &&
      std::all_of(rest, after.end(), [](const Segment& segment) { return segment.sums_by_rows(); });
  std::size_t sums = 0;
  for (Value value : program_->sums) sums += value_bytes_[at(value)];
  one_by_one_ = packed_bytes_ <= weights_at_hand && sums > sums_at_hand;
}

bool ScanPlan::runs_groups_apart() const {
  const Index threads = num_threads();
  return groups_apart_ && threads <= groups_ && (threads > 1 || one_by_one_);
}

}  // namespace unspool::internal
