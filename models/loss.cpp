#include <limits>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/softmax.h>
#include <unspool/core/class_name.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/named_function.h>
#include <unspool/layers/layer.h>
#include <unspool/models/loss.h>

namespace unspool {

const Fields& LossOptions::fields() {
  using O = LossOptions;
  static const Fields all =
      fields_of<O>(field("reduction", &O::reduction, "how the losses become one number"),
                   field("name", &O::name, "the loss's name"));
  return all;
}

const Fields& CrossentropyOptions::fields() {
  using O = CrossentropyOptions;
  static const Fields all =
      fields_of<O>(field("from_logits", &O::from_logits, "y_pred are not probabilities but their logits"),
                   field("label_smoothing", &O::label_smoothing, "how much of each label is spread over all"),
                   field("axis", &O::axis, "the axis of the classes"),
                   field("reduction", &O::reduction, "how the losses become one number"),
                   field("name", &O::name, "the loss's name"));
  return all;
}

const Fields& SparseCrossentropyOptions::fields() {
  using O = SparseCrossentropyOptions;
  static const Fields all = fields_of<O>(
      field("from_logits", &O::from_logits, "y_pred are not probabilities but their logits"),
      field("ignore_class", &O::ignore_class, "a class whose samples count for nothing"),
      field("reduction", &O::reduction, "how the losses become one number"),
      field("axis", &O::axis, "the axis of the classes"), field("name", &O::name, "the loss's name"));
  return all;
}

namespace {

// Keras' epsilon, and in float32 the number nearest to 1 - epsilon.
constexpr double epsilon = 1e-7;

Tensor probabilities(const Tensor& p) {
  if (p.dtype() == float64) return clip(p, epsilon, 1 - epsilon);
  return clip(p, static_cast<float>(epsilon), 1.0F - static_cast<float>(epsilon));
}

/// The axis of the classes at the end, where the operations of softmax want it.
Tensor classes_last(const Tensor& x, int axis) {
  const int from = x.shape().normalize(axis);
  if (from == x.rank() - 1) return x;
  std::vector<Index> axes;
  for (int i = 0; i < x.rank(); ++i) {
    if (i != from) axes.push_back(i);
  }
  axes.push_back(from);
  return transpose(x, axes);
}

struct MeanSquaredErrorKind {
  using Options = LossOptions;
  static constexpr auto name = "MeanSquaredError";
  static constexpr std::string_view aliases[] = {"mse", "MSE"};
  static Tensor call(const Options&, const Tensor& y, const Tensor& p) {
    const auto [labels, predicted] = internal::aligned(y, p);
    return mean(square(predicted - labels), {-1});
  }
};

struct MeanAbsoluteErrorKind {
  using Options = LossOptions;
  static constexpr auto name = "MeanAbsoluteError";
  static constexpr std::string_view aliases[] = {"mae", "MAE"};
  static Tensor call(const Options&, const Tensor& y, const Tensor& p) {
    const auto [labels, predicted] = internal::aligned(y, p);
    return mean(abs(predicted - labels), {-1});
  }
};

struct BinaryCrossentropyKind {
  using Options = CrossentropyOptions;
  static constexpr auto name = "BinaryCrossentropy";
  static constexpr std::string_view aliases[] = {"bce", "BCE"};
  static Tensor call(const Options& options, const Tensor& y, const Tensor& p) {
    auto [labels, predicted] = internal::aligned(y, p);
    if (options.label_smoothing != 0) {
      labels = labels * (1 - options.label_smoothing) + 0.5 * options.label_smoothing;
    }
    if (options.from_logits) return mean(sigmoid_cross_entropy(labels, predicted), {options.axis});
    const Tensor q = probabilities(predicted);
    return mean(-(labels * log(q) + (1 - labels) * log(1 - q)), {options.axis});
  }
};

struct CategoricalCrossentropyKind {
  using Options = CrossentropyOptions;
  static constexpr auto name = "CategoricalCrossentropy";
  static constexpr std::string_view aliases[] = {"cce", "CCE"};
  static Tensor call(const Options& options, const Tensor& y, const Tensor& p) {
    if (!compatible(y.shape(), p.shape())) {
      throw ValueError("categorical_crossentropy: expected labels of the shape of the predictions " +
                       describe(p) + ", got " + describe(y) +
                       "; for integer labels take sparse_categorical_crossentropy");
    }
    auto [labels, predicted] = internal::aligned(y, p);
    if (options.label_smoothing != 0) {
      const double classes = static_cast<double>(p.shape()[options.axis]);
      labels = labels * (1 - options.label_smoothing) + options.label_smoothing / classes;
    }
    if (options.from_logits) return softmax_cross_entropy(labels, predicted, options.axis);
    const Tensor q = probabilities(predicted / sum(predicted, {options.axis}, true));
    return -sum(labels * log(q), {options.axis});
  }
};

struct SparseCategoricalCrossentropyKind {
  using Options = SparseCrossentropyOptions;
  static constexpr auto name = "SparseCategoricalCrossentropy";
  static constexpr std::string_view aliases[] = {"scce"};
  static Tensor call(const Options& options, const Tensor& y, const Tensor& p) {
    const Tensor logits = classes_last(options.from_logits ? p : log(probabilities(p)), options.axis);
    Tensor labels = is_integer(y.dtype()) ? y : cast(y, int32);
    if (labels.rank() == logits.rank() && labels.shape().back() == 1) labels = squeeze(labels, {-1});
    const Shape wanted = logits.shape().sub(0, logits.rank() - 1);
    if (!compatible(labels.shape(), wanted)) {
      throw ValueError("sparse_categorical_crossentropy: expected labels of shape " + to_string(wanted) +
                       " for predictions " + describe(p) + ", got " + describe(y) +
                       "; for one-hot labels take categorical_crossentropy");
    }
    if (options.ignore_class) labels = where(equal(labels, *options.ignore_class), labels * 0, labels);
    check(labels, logits.shape().back());
    return sparse_softmax_cross_entropy(labels, logits);
  }
  static Tensor kept(const Options& options, const Tensor& y, const Tensor& losses) {
    if (!options.ignore_class) return {};
    const Tensor labels = y.rank() > losses.rank() ? squeeze(y, {-1}) : y;
    return not_equal(is_integer(labels.dtype()) ? labels : cast(labels, int32), *options.ignore_class);
  }

 private:
  static void check(const Tensor& labels, Index classes) {
    if (labels.is_abstract()) return;
    visit_dtype(labels.dtype(), [&]<class T>(T) {
      for (const T label : labels.data<T>()) {
        if constexpr (std::is_integral_v<T>) {
          if (label < T{0} || static_cast<std::int64_t>(label) >= classes) {
            throw ValueError(
                "sparse_categorical_crossentropy: expected labels in [0, " + std::to_string(classes) +
                "), the number of classes that the model predicts, got " + std::to_string(label));
          }
        }
      }
    });
  }
};

/// The built-in class that a struct Kind declares.
template <class Kind>
class KindLoss final : public LossBase {
 public:
  using Options = typename Kind::Options;
  explicit KindLoss(Options options)
      : LossBase(options.name.empty() ? to_snake_case(Kind::name) : options.name, options.reduction),
        options_(std::move(options)) {
    options_.name = name();
  }
  Tensor call(const Tensor& y_true, const Tensor& y_pred) const override {
    return Kind::call(options_, y_true, y_pred);
  }
  Tensor kept(const Tensor& y_true, const Tensor& losses) const override {
    if constexpr (requires { Kind::kept(options_, y_true, losses); })
      return Kind::kept(options_, y_true, losses);
    return {};
  }
  Config get_config() const override { return to_config(options_); }

 private:
  Options options_;
};

template <class Kind>
Loss made_loss(typename Kind::Options options) {
  return Loss(std::make_shared<const KindLoss<Kind>>(std::move(options)));
}

std::vector<Registry<LossBase>::Entry> built_in_losses() {
  return internal::entries_of<LossBase, KindLoss, MeanSquaredErrorKind, MeanAbsoluteErrorKind,
                              BinaryCrossentropyKind, CategoricalCrossentropyKind,
                              SparseCategoricalCrossentropyKind>();
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
  Tensor call(const Tensor& y_true, const Tensor& y_pred) const override { return function_(y_true, y_pred); }
  std::string class_name() const override { return class_name_; }

 private:
  std::string class_name_;
  Function function_;
};

}  // namespace

template class NamedHandle<Loss, const LossBase, loss_registry>;

Loss::Loss() : SealedLoss(Key()) {}
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

Loss MeanSquaredError(LossOptions options) { return made_loss<MeanSquaredErrorKind>(std::move(options)); }
Loss MeanAbsoluteError(LossOptions options) { return made_loss<MeanAbsoluteErrorKind>(std::move(options)); }
Loss BinaryCrossentropy(CrossentropyOptions options) {
  return made_loss<BinaryCrossentropyKind>(std::move(options));
}
Loss CategoricalCrossentropy(CrossentropyOptions options) {
  return made_loss<CategoricalCrossentropyKind>(std::move(options));
}
Loss SparseCategoricalCrossentropy(SparseCrossentropyOptions options) {
  return made_loss<SparseCategoricalCrossentropyKind>(std::move(options));
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
Tensor LossBase::kept(const Tensor&, const Tensor&) const { return {}; }

std::shared_ptr<const LossBase> Loss::of_function(LossBase::Function function) {
  return std::make_shared<const FunctionLoss>("", std::move(function));
}

namespace {

/// `x` with `other` in place of what is masked. A mask of another shape than the leading axes of `x` masks
/// nothing.
Tensor where_kept(Tensor mask, const Tensor& x, double other) {
  if (mask.rank() > x.rank() || !compatible(mask.shape(), x.shape().sub(0, mask.rank()))) return x;
  while (mask.rank() < x.rank()) mask = expand_dims(mask, -1);
  return where(mask, x, Tensor::scalar(Scalar(other), x.dtype()));
}

}  // namespace

Tensor Loss::operator()(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) const {
  const LossBase& loss = object();
  const Tensor mask = mask_of(y_pred);
  if (!mask) {
    const Tensor losses = loss.call(y_true, y_pred);
    return internal::reduced(losses, sample_weight, loss.kept(y_true, losses), loss.reduction());
  }
  // What is masked may be anything, a label of -1 or NaN: neither the loss nor its gradient may see it.
  const Tensor labels = where_kept(mask, y_true, 0);
  const Tensor losses = loss.call(labels, where_kept(mask, y_pred, 1));
  Tensor kept = loss.kept(labels, losses);
  if (mask.rank() <= losses.rank()) kept = kept ? logical_and(kept, mask) : mask;
  return internal::reduced(losses, sample_weight, kept, loss.reduction());
}

}  // namespace unspool
