#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/autograd/reduction.h>
#include <unspool/core/class_name.h>
#include <unspool/models/loss_base.h>

namespace unspool::internal {

/// What a built-in loss is. Its options are of type O.
template <class O>
struct LossKind {
  /// The name of the class in configs. The name in snake case stands for it, too.
  std::string_view name;
  /// Further names, separated by spaces.
  std::string_view aliases;
  Tensor (*call)(const O&, const Tensor& y_true, const Tensor& y_pred);
  /// Whether call() returns a loss for each element, whose mean over an axis (options.axis, or the last one)
  /// is the loss of a sample.
  bool elementwise = false;
  /// Whether labels are integer classes, which are not brought to the rank and dtype of the predictions.
  bool takes_classes = false;
  /// The name in the logs; empty: the name in snake case.
  std::string_view log_name = {};
  /// See LossBase::samples; null for the default.
  SampleLosses (*samples)(const O&, const Tensor& y_true, const Tensor& y_pred, const Tensor& mask) = nullptr;
  /// Throws if some options are not allowed; null if all are.
  void (*check)(const O&) = nullptr;
};

/// Throws ValueError if an axis that a loss reduces is one that the mask lists.
void check_axis_beside_mask(const std::string& loss, int axis, const Tensor& y_pred, const Tensor& mask);
/// For losses that sum over axes (empty: all), to which an element adds nothing where labels and predictions
/// are 0: `call` of these, and which losses have any element that counts.
SampleLosses losses_of_sums(const std::vector<Index>& axes, const Tensor& y_true, const Tensor& y_pred,
                            const Tensor& mask,
                            const std::function<Tensor(const Tensor&, const Tensor&)>& call);
std::vector<std::string> names_of(std::string_view class_name, std::string_view aliases);

template <class O>
class BuiltInLoss final : public LossBase {
 public:
  using Options = O;
  BuiltInLoss(const LossKind<O>& kind, O options)
      : LossBase(!options.name.empty()
                     ? options.name
                     : (kind.log_name.empty() ? to_snake_case(kind.name) : std::string(kind.log_name)),
                 options.reduction),
        kind_(kind),
        options_(std::move(options)) {
    options_.name = name();
    if (kind.check != nullptr) kind.check(options_);
  }
  Tensor call(const Tensor& y_true, const Tensor& y_pred) const override {
    if (kind_.takes_classes) return kind_.call(options_, y_true, y_pred);
    const auto [labels, predicted] = aligned(y_true, y_pred);
    const Tensor losses = kind_.call(options_, labels, predicted);
    return kind_.elementwise ? mean(losses, {axis()}) : losses;
  }
  SampleLosses samples(const Tensor& y_true, const Tensor& y_pred, const Tensor& mask) const override {
    if (kind_.samples != nullptr) return kind_.samples(options_, y_true, y_pred, mask);
    if (!mask) return {call(y_true, y_pred)};
    if (kind_.elementwise) {
      const auto [labels, predicted] = aligned(y_true, y_pred);
      // A mask of each element: the mean is over those that count.
      if (mask.rank() == predicted.rank()) {
        return {kind_.call(options_, replace_masked(mask, labels, 0), replace_masked(mask, predicted, 1)),
                mask};
      }
    }
    check_axis_beside_mask(name(), axis(), y_pred, mask);
    return LossBase::samples(y_true, y_pred, mask);
  }
  std::string class_name() const override { return std::string(kind_.name); }
  Config get_config() const override { return to_config(options_); }

 private:
  int axis() const {
    if constexpr (requires(O options) { int{options.axis}; }) {
      return options_.axis;
    } else {
      return -1;
    }
  }

  const LossKind<O>& kind_;
  O options_;
};

template <class O>
Loss made_loss(const LossKind<O>& kind, O options) {
  return Loss(std::make_shared<const BuiltInLoss<O>>(kind, std::move(options)));
}

using LossEntries = std::vector<Registry<LossBase>::Entry>;

/// Adds the names of kinds, which must live as long as the program.
template <class O>
void add_loss_kind(LossEntries& entries, const LossKind<O>& kind) {
  for (std::string& name : names_of(kind.name, kind.aliases)) {
    entries.push_back(
        Registry<LossBase>::entry<BuiltInLoss<O>>(std::move(name), [&kind](const Config& config) {
          return std::make_shared<BuiltInLoss<O>>(kind, from_config<O>(config));
        }));
  }
}

///@{
/// The built-in losses of a header.
void add_regression_losses(LossEntries& entries);
void add_hinge_losses(LossEntries& entries);
void add_crossentropies(LossEntries& entries);
void add_overlap_losses(LossEntries& entries);
void add_similarity_losses(LossEntries& entries);
void add_ctc(LossEntries& entries);
///@}

}  // namespace unspool::internal
