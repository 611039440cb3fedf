#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <vector>

#include <unspool/autograd/reduction.h>
#include <unspool/core/callable.h>
#include <unspool/core/class_name.h>
#include <unspool/core/make_shared_as.h>
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
  /// Whether labels have a number for each class, so that no single number serves all predictions.
  bool takes_distributions = false;
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
                            const Tensor& mask, const Callable<Tensor(const Tensor&, const Tensor&)>& call);

/// The part of BuiltInLoss that does not depend on the options.
class KindLoss : public LossBase {
 public:
  Tensor call(const Tensor& y_true, const Tensor& y_pred) const override;
  SampleLosses samples(const Tensor& y_true, const Tensor& y_pred, const Tensor& mask) const override;
  std::string class_name() const override { return std::string(class_name_); }

 protected:
  template <class O>
  KindLoss(const LossKind<O>& kind, const O& options)
      : LossBase(log_name(options.name, kind.log_name, kind.name), options.reduction),
        class_name_(kind.name),
        elementwise_(kind.elementwise),
        takes_classes_(kind.takes_classes),
        takes_distributions_(kind.takes_distributions) {}

 private:
  /// aligned(). Throws ValueError for labels of another shape than the predictions; a single number serves
  /// all, except where labels are distributions.
  std::pair<Tensor, Tensor> fitting(const Tensor& y_true, const Tensor& y_pred) const;
  static std::string log_name(const std::string& given, std::string_view log_name,
                              std::string_view class_name);
  /// LossKind::call.
  virtual Tensor losses(const Tensor& y_true, const Tensor& y_pred) const = 0;
  /// The axis that the loss reduces.
  virtual int axis() const = 0;

  std::string_view class_name_;
  bool elementwise_;
  bool takes_classes_;
  bool takes_distributions_;
};

template <class O>
class BuiltInLoss final : public KindLoss {
 public:
  using Options = O;
  BuiltInLoss(const LossKind<O>& kind, O options)
      : KindLoss(kind, options), kind_(kind), options_(std::move(options)) {
    options_.name = name();
    if (kind.check != nullptr) kind.check(options_);
  }
  SampleLosses samples(const Tensor& y_true, const Tensor& y_pred, const Tensor& mask) const override {
    return kind_.samples != nullptr ? kind_.samples(options_, y_true, y_pred, mask)
                                    : KindLoss::samples(y_true, y_pred, mask);
  }
  Config get_config() const override { return to_config(options_); }

 private:
  Tensor losses(const Tensor& y_true, const Tensor& y_pred) const override {
    return kind_.call(options_, y_true, y_pred);
  }
  int axis() const override {
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
  return Loss(make_shared_as<LossBase, BuiltInLoss<O>>(kind, std::move(options)));
}

using LossEntries = std::vector<Registry<LossBase>::Entry>;

/// Adds a row for each name of a class: `class_name`, that name in snake case, and `aliases`, separated by
/// spaces; not for names that have a row. What `make` returns points to the base class.
void add_names(std::vector<NameEntry>& entries, std::string_view class_name, std::string_view aliases,
               const std::type_info& type, const Callable<std::shared_ptr<void>(const Config&)>& make);

/// Adds the names of a kind, which must live as long as the program.
template <class O>
void add_loss_kind(LossEntries& entries, const LossKind<O>& kind) {
  add_names(entries, kind.name, kind.aliases, typeid(BuiltInLoss<O>),
            [&kind](const Config& config) -> std::shared_ptr<LossBase> {
              return make_shared_as<LossBase, BuiltInLoss<O>>(kind, from_config<O>(config));
            });
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
