#include <algorithm>
#include <functional>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/class_name.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/named_function.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/layers/layer.h>
#include <unspool/models/internal/loss_kind.h>
#include <unspool/models/loss.h>

namespace unspool {

const Fields& LossOptions::fields() {
  using O = LossOptions;
  static const Fields all =
      fields_of<O>(field("reduction", &O::reduction, "how the losses become one number"),
                   field("name", &O::name, "the loss's name"));
  return all;
}

namespace {

std::vector<Registry<LossBase>::Entry> built_in_losses() {
  internal::LossEntries entries;
  internal::add_regression_losses(entries);
  internal::add_crossentropies(entries);
  internal::add_hinge_losses(entries);
  internal::add_overlap_losses(entries);
  internal::add_similarity_losses(entries);
  internal::add_ctc(entries);
  return entries;
}

/// A user's function; the class name is empty unless it is registered.
class FunctionLoss final : public LossBase {
 public:
  FunctionLoss(std::string class_name, Function function)
      : LossBase(class_name.empty() ? "loss" : class_name.substr(class_name.find('>') + 1), {}),
        class_name_(std::move(class_name)),
        function_(std::move(function)) {
    if (!function_) throw ValueError("expected a function for a loss, got an empty one");
  }
  Tensor call(const Tensor& y_true, const Tensor& y_pred) const override {
    const Tensor losses = function_(y_true, y_pred);
    if (losses) return losses;
    throw ValueError("the loss " + name() + ": expected a tensor from its function, got an empty one");
  }
  std::string class_name() const override { return class_name_; }

 private:
  std::string class_name_;
  Function function_;
};

}  // namespace

template class NamedHandle<Loss, const LossBase, loss_registry>;

Loss::Loss() : SealedLoss(Key()) {}
Loss::Loss(const Loss& other) = default;
Loss::Loss(Loss&& other) noexcept = default;
Loss& Loss::operator=(const Loss& other) = default;
Loss& Loss::operator=(Loss&& other) noexcept = default;
Loss::~Loss() = default;
Loss::Loss(const char* name) : SealedLoss(Key()), NamedHandle(name) {}
Loss::Loss(const std::string& name) : SealedLoss(Key()), NamedHandle(name) {}
Loss::Loss(std::shared_ptr<const LossBase> object) : SealedLoss(Key()), NamedHandle(std::move(object)) {}

Registry<LossBase>& loss_registry() {
  static Registry<LossBase> registry("loss", &built_in_losses, "register_loss");
  return registry;
}

void register_loss(const std::string& name, const LossBase::Function& function) {
  internal::add_function<FunctionLoss>(loss_registry(), name, function);
}

Reduction::Reduction(const std::string& name) : name_(name) {
  const std::vector<std::string> known{"sum_over_batch_size", "mean", "mean_with_sample_weight", "sum",
                                       "none"};
  for (const std::string& each : known) {
    if (each == name) return;
  }
  throw ValueError("expected the name of a reduction, got " + in_quotes(name) + did_you_mean(name, known));
}

std::pair<Tensor, Tensor> internal::aligned(const Tensor& y_true, const Tensor& y_pred) {
  Tensor y = y_true;
  Tensor p = is_floating(y_pred.dtype()) ? y_pred : cast(y_pred, float32);
  if (y.dtype() != p.dtype()) y = cast(y, p.dtype());
  // The one of lower rank gets an axis if it has only one, so that the last axis is never that of the
  // samples.
  const auto align = [](Tensor& longer, Tensor& shorter) {
    if (longer.rank() != shorter.rank() + 1 || longer.shape().back() != 1) return;
    if (shorter.rank() == 1) {
      shorter = expand_dims(shorter, -1);
    } else {
      longer = squeeze(longer, {-1});
    }
  };
  align(y, p);
  align(p, y);
  return {std::move(y), std::move(p)};
}

Tensor internal::reduced(const Tensor& losses, const Tensor& sample_weight, const Tensor& kept,
                         const Reduction& reduction) {
  const auto beside_losses = [&](Tensor x, const char* what) {
    if (x.rank() == losses.rank() + 1 && x.shape().back() == 1) x = squeeze(x, {-1});
    while (x.rank() < losses.rank()) x = expand_dims(x, -1);
    Shape both;
    if (!broadcast(x.shape(), losses.shape(), both) || !(both == losses.shape())) {
      throw ValueError(std::string("expected ") + what + " that fit losses of shape " +
                       to_string(losses.shape()) + ", got shape " + to_string(x.shape()));
    }
    return x;
  };
  Tensor weighted = losses;
  Tensor weights;
  Tensor mask;
  if (kept) {
    mask = beside_losses(kept, "the steps of a mask");
    weighted = where(mask, weighted, Tensor::scalar(0, losses.dtype()));
    weights = cast(mask, losses.dtype());
  }
  if (sample_weight) {
    Tensor given = beside_losses(sample_weight, "sample weights");
    if (given.dtype() != losses.dtype()) given = cast(given, losses.dtype());
    weighted = weighted * given;
    weights = weights ? weights * given : given;
  }
  const std::string& how = reduction.name();
  if (how == "none") return weighted;
  if (how == "sum") return sum(weighted);
  const bool by_weights = how == "mean_with_sample_weight" && weights;
  if (weighted.is_abstract()) {
    // In a step or a graph of layers the divisor is computed there, and the size of the batch may be unknown.
    const Tensor total = by_weights ? sum(weighted) : mean(weighted);
    if (!by_weights && !mask) return total;
    const Tensor divisor =
        by_weights ? sum(broadcast_to(weights, losses.shape())) : mean(cast(mask, losses.dtype()));
    const Tensor one = Tensor::scalar(1, losses.dtype());
    return where(divisor > 0, total / where(divisor > 0, divisor, one), total * 0);
  }
  double count = static_cast<double>(losses.size());
  if (by_weights) {
    count = sum(broadcast_to(weights, losses.shape())).item<double>();
  } else if (mask) {
    count *= sum(cast(mask, float64)).item<double>() / static_cast<double>(mask.size());
  }
  const Tensor total = sum(weighted);
  return count == 0 ? total * 0 : total / count;
}

std::string LossBase::class_name() const { return loss_registry().name_of(*this); }
Config LossBase::get_config() const {
  return Config::map({{"reduction", to_config(reduction_)}, {"name", name_}});
}

std::shared_ptr<const LossBase> Loss::of_function(LossBase::Function function) {
  return make_shared_as<LossBase, const FunctionLoss>("", std::move(function));
}

Tensor internal::replace_masked(const Tensor& mask, const Tensor& x, double value) {
  if (mask.rank() > x.rank() || !compatible(mask.shape(), x.shape().sub(0, mask.rank()))) return x;
  Tensor kept = mask;
  while (kept.rank() < x.rank()) kept = expand_dims(kept, -1);
  return where(kept, x, Tensor::scalar(Scalar(value), x.dtype()));
}

SampleLosses LossBase::samples(const Tensor& y_true, const Tensor& y_pred, const Tensor& mask) const {
  if (!mask) return {call(y_true, y_pred)};
  // What is masked may be anything, a label of -1 or NaN: neither the loss nor its gradient may see it. A
  // prediction of 1 gives finite logarithms.
  const Tensor losses = call(internal::replace_masked(mask, y_true, 0),
                             with_mask(internal::replace_masked(mask, y_pred, 1), mask));
  if (losses.rank() == 0) return {losses};
  const int rank = mask.rank() == losses.rank() + 1 && mask.shape().back() == 1 ? losses.rank() : mask.rank();
  if (rank > losses.rank() || !compatible(mask.shape().sub(0, rank), losses.shape().sub(0, rank))) {
    throw ValueError("the loss " + name_ + ": expected a mask of the leading axes of its losses " +
                     describe(losses) + ", got the mask " + describe(mask) + " of predictions " +
                     describe(y_pred) +
                     ": the axis that the loss reduces is the last one, or its argument axis");
  }
  return {losses, mask};
}

void internal::check_axis_beside_mask(const std::string& loss, int axis, const Tensor& y_pred,
                                      const Tensor& mask) {
  if (y_pred.shape().normalize(axis) >= mask.rank()) return;
  throw ValueError("the loss " + loss + ": expected a mask of axes before axis " + std::to_string(axis) +
                   " of the predictions " + describe(y_pred) + ", which the loss reduces, got the mask " +
                   describe(mask));
}

SampleLosses internal::losses_of_sums(const std::vector<Index>& axes, const Tensor& y_true,
                                      const Tensor& y_pred, const Tensor& mask,
                                      const Callable<Tensor(const Tensor&, const Tensor&)>& call) {
  const auto both = aligned(y_true, y_pred);
  const Tensor& labels = both.first;
  const Tensor& predicted = both.second;
  if (!mask) return {call(labels, predicted)};
  const Tensor losses = call(replace_masked(mask, labels, 0), replace_masked(mask, predicted, 0));
  std::vector<Index> reduced_axes;
  for (int i = 0; i < mask.rank(); ++i) {
    const bool is_reduced = axes.empty() || std::any_of(axes.begin(), axes.end(), [&](Index axis) {
                              return predicted.shape().normalize(static_cast<int>(axis)) == i;
                            });
    if (is_reduced) reduced_axes.push_back(i);
  }
  return {losses, reduced_axes.empty() ? mask : Tensor(any(mask, Axes(reduced_axes)))};
}

std::string internal::KindLoss::log_name(const std::string& given, std::string_view log_name,
                                         std::string_view class_name) {
  if (!given.empty()) return given;
  return log_name.empty() ? to_snake_case(class_name) : std::string(log_name);
}

std::pair<Tensor, Tensor> internal::KindLoss::fitting(const Tensor& y_true, const Tensor& y_pred) const {
  auto both = aligned(y_true, y_pred);
  // Broadcasting would compare each label with predictions for other samples.
  const Shape& labels = both.first.shape();
  const bool serves_all = labels.rank() == 0 && !takes_distributions_;
  if (!serves_all && !compatible(labels, both.second.shape())) {
    throw ValueError(
        name() + ": expected labels of the shape of the predictions, " + to_string(both.second.shape()) +
        ", got " + describe(y_true) +
        (takes_distributions_ ? "; for integer labels take sparse_categorical_crossentropy" : ""));
  }
  return both;
}

Tensor internal::KindLoss::call(const Tensor& y_true, const Tensor& y_pred) const {
  if (takes_classes_) return losses(y_true, y_pred);
  const auto [labels, predicted] = fitting(y_true, y_pred);
  const Tensor each = losses(labels, predicted);
  return elementwise_ ? mean(each, {axis()}) : each;
}

SampleLosses internal::KindLoss::samples(const Tensor& y_true, const Tensor& y_pred,
                                         const Tensor& mask) const {
  if (!mask) return {call(y_true, y_pred)};
  if (elementwise_) {
    const auto [labels, predicted] = fitting(y_true, y_pred);
    // A mask of each element: the mean is over those that count.
    if (mask.rank() == predicted.rank()) {
      return {losses(replace_masked(mask, labels, 0), replace_masked(mask, predicted, 1)), mask};
    }
  }
  check_axis_beside_mask(name(), axis(), y_pred, mask);
  return LossBase::samples(y_true, y_pred, mask);
}

void internal::add_names(std::vector<NameEntry>& entries, std::string_view class_name,
                         std::string_view aliases, const std::type_info& type,
                         const Callable<std::shared_ptr<void>(const Config&)>& make) {
  const auto add = [&](std::string name) {
    const bool is_taken = std::any_of(entries.begin(), entries.end(),
                                      [&](const NameEntry& entry) { return entry.name == name; });
    if (!is_taken) entries.push_back({std::move(name), type, make});
  };
  add(std::string(class_name));
  add(to_snake_case(class_name));
  while (!aliases.empty()) {
    const std::size_t end = std::min(aliases.find(' '), aliases.size());
    add(std::string(aliases.substr(0, end)));
    aliases.remove_prefix(std::min(end + 1, aliases.size()));
  }
}

Tensor LossBase::operator()(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) const {
  const auto [losses, kept] = samples(y_true, y_pred, mask_of(y_pred));
  return internal::reduced(losses, sample_weight, kept, reduction());
}

Tensor Loss::operator()(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) const {
  return object()(y_true, y_pred, sample_weight);
}

}  // namespace unspool
