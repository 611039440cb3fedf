#include <algorithm>
#include <cmath>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/indexing.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/softmax.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/loss_kind.h>
#include <unspool/models/losses/crossentropy.h>

namespace unspool {

namespace {

constexpr std::string_view about_logits = "y_pred are not probabilities but their logits";
constexpr std::string_view about_smoothing = "how much of each label is spread over all";
constexpr std::string_view about_classes = "the axis of the classes";
constexpr std::string_view about_reduction = "how the losses become one number";
constexpr std::string_view about_name = "the loss's name";
constexpr std::string_view about_gamma = "how much less certain predictions count";

}  // namespace

const Fields& CrossentropyOptions::fields() {
  using O = CrossentropyOptions;
  static const Fields all = fields_of<O>(
      field("from_logits", &O::from_logits, about_logits),
      field("label_smoothing", &O::label_smoothing, about_smoothing), field("axis", &O::axis, about_classes),
      field("reduction", &O::reduction, about_reduction), field("name", &O::name, about_name));
  return all;
}

const Fields& SparseCrossentropyOptions::fields() {
  using O = SparseCrossentropyOptions;
  static const Fields all =
      fields_of<O>(field("from_logits", &O::from_logits, about_logits),
                   field("ignore_class", &O::ignore_class, "a class whose samples count for nothing"),
                   field("reduction", &O::reduction, about_reduction), field("axis", &O::axis, about_classes),
                   field("name", &O::name, about_name));
  return all;
}

const Fields& BinaryFocalOptions::fields() {
  using O = BinaryFocalOptions;
  static const Fields all = fields_of<O>(
      field("apply_class_balancing", &O::apply_class_balancing,
            "losses are multiplied by alpha or 1 - alpha"),
      field("alpha", &O::alpha, "the weight of label 1"), field("gamma", &O::gamma, about_gamma),
      field("from_logits", &O::from_logits, about_logits),
      field("label_smoothing", &O::label_smoothing, about_smoothing), field("axis", &O::axis, about_classes),
      field("reduction", &O::reduction, about_reduction), field("name", &O::name, about_name));
  return all;
}

const Fields& CategoricalFocalOptions::fields() {
  using O = CategoricalFocalOptions;
  static const Fields all = fields_of<O>(
      field("alpha", &O::alpha, "the weight of all classes"), field("gamma", &O::gamma, about_gamma),
      field("from_logits", &O::from_logits, about_logits),
      field("label_smoothing", &O::label_smoothing, about_smoothing), field("axis", &O::axis, about_classes),
      field("reduction", &O::reduction, about_reduction), field("name", &O::name, about_name));
  return all;
}

const Fields& GeneralizedCrossEntropyOptions::fields() {
  using O = GeneralizedCrossEntropyOptions;
  static const Fields all =
      fields_of<O>(field("q", &O::q, "near 0 a cross-entropy, near 1 an absolute error"),
                   field("reduction", &O::reduction, about_reduction), field("name", &O::name, about_name));
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
  return x.shape().normalize(axis) == x.rank() - 1 ? x : moveaxis(x, axis, -1);
}

/// Labels of 0 and 1, part of which is spread over both.
Tensor smooth_binary(const Tensor& y, double smoothing) {
  return smoothing == 0 ? y : y * (1 - smoothing) + 0.5 * smoothing;
}

/// One-hot labels, part of which is spread over all classes.
Tensor smooth_categorical(const Tensor& y, double smoothing, int axis) {
  return smoothing == 0 ? y : y * (1 - smoothing) + smoothing / static_cast<double>(y.shape()[axis]);
}

Tensor binary_crossentropies(const Tensor& y, const Tensor& p) {
  const Tensor q = probabilities(p);
  return -(y * log(q) + (1 - y) * log(1 - q));
}

constexpr internal::LossKind<CrossentropyOptions> binary_crossentropy{
    .name = "BinaryCrossentropy",
    .aliases = "bce BCE",
    .call =
        [](const CrossentropyOptions& options, const Tensor& y, const Tensor& p) {
          const Tensor labels = smooth_binary(y, options.label_smoothing);
          return options.from_logits ? sigmoid_cross_entropy(labels, p) : binary_crossentropies(labels, p);
        },
    .elementwise = true};

constexpr internal::LossKind<BinaryFocalOptions> binary_focal{
    .name = "BinaryFocalCrossentropy",
    .aliases = "",
    .call =
        [](const BinaryFocalOptions& options, const Tensor& y, const Tensor& given) {
          const Tensor labels = smooth_binary(y, options.label_smoothing);
          const Tensor p = options.from_logits ? sigmoid(given) : given;
          const Tensor right = labels * p + (1 - labels) * (1 - p);
          const Tensor losses = pow(1 - right, options.gamma) * binary_crossentropies(labels, p);
          if (!options.apply_class_balancing) return losses;
          return (labels * options.alpha + (1 - labels) * (1 - options.alpha)) * losses;
        },
    .elementwise = true};

/// Whether the labels of each sample are known to add up to 1.
bool is_distribution(const Tensor& y, int axis) {
  if (y.is_abstract()) return false;
  const std::vector<double> totals = sum(y, {axis}).to_vector<double>();
  return std::all_of(totals.begin(), totals.end(), [](double total) { return std::abs(total - 1) < 1e-5; });
}

/// The softmax cross-entropy with TensorFlow's gradient, softmax(z) - y, also where y does not add up to 1.
Tensor crossentropy_of_logits(const Tensor& y, const Tensor& z, int axis) {
  const Tensor losses = softmax_cross_entropy(y, z, axis);
  if (is_distribution(y, axis)) return losses;
  // Its value is 0, and its gradient what is missing of softmax(z).
  const Tensor total = logsumexp(z, {axis});
  return losses + (1 - sum(y, {axis})) * (total - stop_gradient(total));
}

constexpr internal::LossKind<CrossentropyOptions> categorical_crossentropy{
    .name = "CategoricalCrossentropy",
    .aliases = "cce CCE",
    .call =
        [](const CrossentropyOptions& options, const Tensor& y, const Tensor& p) {
          const Tensor labels = smooth_categorical(y, options.label_smoothing, options.axis);
          if (options.from_logits) return crossentropy_of_logits(labels, p, options.axis);
          const Tensor q = probabilities(p / sum(p, {options.axis}, true));
          return -sum(labels * log(q), {options.axis});
        },
    .takes_distributions = true};

constexpr internal::LossKind<CategoricalFocalOptions> categorical_focal{
    .name = "CategoricalFocalCrossentropy",
    .aliases = "",
    .call =
        [](const CategoricalFocalOptions& options, const Tensor& y, const Tensor& given) {
          const Tensor labels = smooth_categorical(y, options.label_smoothing, options.axis);
          const Tensor p = options.from_logits ? softmax(given, options.axis) : given;
          const Tensor q = probabilities(p / sum(p, {options.axis}, true));
          return -sum(options.alpha * pow(1 - q, options.gamma) * labels * log(q), {options.axis});
        },
    .takes_distributions = true};

constexpr internal::LossKind<LossOptions> kl_divergence{
    .name = "KLDivergence",
    .aliases = "kld KLD kullback_leibler_divergence",
    .call = [](const LossOptions&, const Tensor& y, const Tensor& p) {
      const Tensor labels = clip(y, epsilon, 1);
      return sum(labels * log(labels / clip(p, epsilon, 1)), {-1});
    }};

/// Labels as integers. Throws ValueError for numbers that are not whole.
Tensor whole_labels(const std::string& loss, const Tensor& y) {
  if (is_integer(y.dtype())) return y;
  if (is_floating(y.dtype()) && !y.is_abstract()) {
    for (const double label : y.to_vector<double>()) {
      if (label == std::floor(label) && std::isfinite(label)) continue;
      throw ValueError(fmt::format("{}: expected whole numbers as labels, got {}", loss, label));
    }
  }
  return cast(y, int32);
}

/// Integer labels of the shape of the predictions without their last axis. Labels that are not `kept` (empty:
/// all are) become 0. Throws ValueError for other shapes, and for labels out of range.
Tensor class_labels(const std::string& loss, const Tensor& y, const Tensor& predicted,
                    const Tensor& kept = {}) {
  Tensor labels = whole_labels(loss, y);
  if (labels.rank() == predicted.rank() && labels.shape().back() == 1) labels = squeeze(labels, {-1});
  const Shape wanted = predicted.shape().sub(0, predicted.rank() - 1);
  if (!compatible(labels.shape(), wanted)) {
    throw ValueError(loss + ": expected labels of shape " + to_string(wanted) + " for predictions " +
                     describe(predicted) + ", got " + describe(y) +
                     "; for one-hot labels take categorical_crossentropy");
  }
  if (kept) labels = where(kept, labels, labels * 0);
  if (labels.is_abstract()) return labels;
  const Index classes = predicted.shape().back();
  for (const Index label : labels.to_vector<Index>()) {
    if (label >= 0 && label < classes) continue;
    throw ValueError(loss + ": expected labels in [0, " + std::to_string(classes) +
                     "), the number of classes that the model predicts, got " + std::to_string(label));
  }
  return labels;
}

SampleLosses sparse_samples(const SparseCrossentropyOptions& options, const Tensor& y_true,
                            const Tensor& y_pred, const Tensor& mask) {
  Tensor y = y_true;
  Tensor p = is_floating(y_pred.dtype()) ? y_pred : cast(y_pred, float32);
  if (mask) {
    internal::check_axis_beside_mask("sparse_categorical_crossentropy", options.axis, p, mask);
    y = internal::replace_masked(mask, y, 0);
    p = internal::replace_masked(mask, p, 1);
  }
  if (y.rank() == p.rank() && y.shape()[options.axis] == 1) y = squeeze(y, {options.axis});
  y = whole_labels("sparse_categorical_crossentropy", y);
  p = classes_last(p, options.axis);
  Tensor kept = mask;
  Tensor used;
  if (options.ignore_class) {
    used = not_equal(y, *options.ignore_class);
    // What the model predicts there may be NaN.
    p = where(expand_dims(used, -1), p, 1.0);
    kept = mask ? logical_and(mask, used) : used;
  }
  const Tensor labels = class_labels("sparse_categorical_crossentropy", y, p, used);
  return {sparse_softmax_cross_entropy(labels, options.from_logits ? p : log(probabilities(p))), kept};
}

constexpr internal::LossKind<SparseCrossentropyOptions> sparse_categorical_crossentropy{
    .name = "SparseCategoricalCrossentropy",
    .aliases = "scce",
    .call = [](const SparseCrossentropyOptions& options, const Tensor& y,
               const Tensor& p) { return sparse_samples(options, y, p, {}).losses; },
    .takes_classes = true,
    .samples = sparse_samples};

constexpr internal::LossKind<GeneralizedCrossEntropyOptions> generalized_crossentropy{
    .name = "CategoricalGeneralizedCrossEntropy",
    .aliases = "",
    .call =
        [](const GeneralizedCrossEntropyOptions& options, const Tensor& y, const Tensor& p) {
          const Tensor labels = class_labels("categorical_generalized_cross_entropy", y, p);
          const Tensor right = sum(p * one_hot(labels, p.shape().back(), p.dtype()), {-1});
          return (1 - pow(right, options.q)) / options.q;
        },
    .takes_classes = true,
    .check =
        [](const GeneralizedCrossEntropyOptions& options) {
          if (options.q > 0 && options.q < 1) return;
          throw ValueError("CategoricalGeneralizedCrossEntropy: expected q in (0, 1), got " +
                           to_config(options.q).describe());
        }};

}  // namespace

Loss internal::make_binary_crossentropy(const CrossentropyOptions& options) {
  return made_loss(binary_crossentropy, options);
}
Loss internal::make_categorical_crossentropy(const CrossentropyOptions& options) {
  return made_loss(categorical_crossentropy, options);
}
Loss internal::make_sparse_categorical_crossentropy(const SparseCrossentropyOptions& options) {
  return made_loss(sparse_categorical_crossentropy, options);
}
Loss internal::make_binary_focal_crossentropy(const BinaryFocalOptions& options) {
  return made_loss(binary_focal, options);
}
Loss internal::make_categorical_focal_crossentropy(const CategoricalFocalOptions& options) {
  return made_loss(categorical_focal, options);
}
Loss internal::make_categorical_generalized_cross_entropy(const GeneralizedCrossEntropyOptions& options) {
  return made_loss(generalized_crossentropy, options);
}
Loss internal::make_kl_divergence(const LossOptions& options) { return made_loss(kl_divergence, options); }

void internal::add_crossentropies(LossEntries& entries) {
  add_loss_kind(entries, binary_crossentropy);
  add_loss_kind(entries, categorical_crossentropy);
  add_loss_kind(entries, sparse_categorical_crossentropy);
  add_loss_kind(entries, binary_focal);
  add_loss_kind(entries, categorical_focal);
  add_loss_kind(entries, generalized_crossentropy);
  add_loss_kind(entries, kl_divergence);
}

}  // namespace unspool
