#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/creation.h>
#include <unspool/autograd/operation.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/core/threads.h>
#include <unspool/layers/call.h>
#include <unspool/models/ctc.h>
#include <unspool/models/internal/label_sequences.h>
#include <unspool/models/internal/loss_kind.h>

namespace unspool {

const Fields& CTCOptions::fields() {
  using O = CTCOptions;
  static const Fields all =
      fields_of<O>(field("reduction", &O::reduction, "how the losses become one number"),
                   field("name", &O::name, "the loss's name"),
                   field("blank", &O::blank, "the class of the blank; -1 is the last one").unless_default(),
                   field("zero_infinity", &O::zero_infinity, "impossible labels give 0 instead of infinity")
                       .unless_default());
  return all;
}

namespace {

constexpr double never = -std::numeric_limits<double>::infinity();

/// exp(x) for x <= 0, or 0 where that is lost beside 1.
double small_exp(double x) { return x < -40 ? 0 : std::exp(x); }

/// log(exp(a) + exp(b)).
double log_add(double a, double b) {
  if (a < b) std::swap(a, b);
  return a == never ? never : a + std::log1p(small_exp(b - a));
}

/// log(exp(a) + exp(b) + exp(c)).
double log_add(double a, double b, double c) {
  if (a < b) std::swap(a, b);
  if (a < c) std::swap(a, c);
  return a == never ? never : a + std::log1p(small_exp(b - a) + small_exp(c - a));
}

/// The sums over alignments of one sample. State 2 i + 1 is label i, state 2 i the blank before it; the last
/// one is the blank at the end.
template <class T>
class Alignments {
 public:
  /// `labels` ends at the first negative one. Steps that are not in `kept` are passed over.
  Alignments(std::span<const std::int32_t> labels, const T* logits, std::span<const bool> kept, Index classes,
             Index blank)
      : classes_(classes) {
    classes_of_states_.push_back(blank);
    for (const std::int32_t label : labels) {
      if (label < 0) break;
      classes_of_states_.push_back(label);
      classes_of_states_.push_back(blank);
    }
    for (std::size_t t = 0; t < kept.size(); ++t) {
      if (!kept[t]) continue;
      steps_.push_back(static_cast<Index>(t));
      const T* z = logits + static_cast<Index>(t) * classes;
      const double most = static_cast<double>(*std::max_element(z, z + classes));
      double total = 0;
      for (Index k = 0; k < classes; ++k) total += std::exp(static_cast<double>(z[k]) - most);
      log_totals_.push_back(most + std::log(total));
    }
    logits_ = logits;
  }

  /// -log of the probability of the labels; infinity if they have no alignment.
  double loss() {
    const std::size_t states = classes_of_states_.size();
    if (steps_.empty()) return states == 1 ? 0 : -never;
    forward_.assign(steps_.size() * states, never);
    forward_[0] = log_probability(0, 0);
    if (states > 1) forward_[1] = log_probability(0, 1);
    for (std::size_t i = 1; i < steps_.size(); ++i) {
      const double* before = forward_.data() + (i - 1) * states;
      double* here = forward_.data() + i * states;
      for (std::size_t s = first_state(i); s < end_state(i); ++s) {
        double sum = before[s];
        if (s > 1 && may_skip(s)) {
          sum = log_add(sum, before[s - 1], before[s - 2]);
        } else if (s > 0) {
          sum = log_add(sum, before[s - 1]);
        }
        here[s] = sum + log_probability(i, s);
      }
    }
    const double* last = forward_.data() + (steps_.size() - 1) * states;
    return -(states == 1 ? last[0] : log_add(last[states - 1], last[states - 2]));
  }

  /// Adds `factor` times the gradient of loss(), which was `loss`, to that of the logits.
  void add_gradient(double loss, double factor, T* gradient) const {
    if (steps_.empty() || std::isinf(loss)) return;
    const std::size_t states = classes_of_states_.size();
    // The alignments from each state on, without this step's probability.
    std::vector<double> after(states, never);
    std::vector<double> next(states);
    std::vector<double> of_class(static_cast<std::size_t>(classes_));
    after[states - 1] = 0;
    if (states > 1) after[states - 2] = 0;
    for (std::size_t i = steps_.size(); i-- > 0;) {
      std::fill(of_class.begin(), of_class.end(), 0.0);
      const double* before = forward_.data() + i * states;
      for (std::size_t s = first_state(i); s < end_state(i); ++s) {
        of_class[static_cast<std::size_t>(classes_of_states_[s])] += small_exp(before[s] + after[s] + loss);
      }
      const T* z = logits_ + steps_[i] * classes_;
      T* dz = gradient + steps_[i] * classes_;
      for (Index k = 0; k < classes_; ++k) {
        const double probability = std::exp(static_cast<double>(z[k]) - log_totals_[i]);
        dz[k] = static_cast<T>(factor * (probability - of_class[static_cast<std::size_t>(k)]));
      }
      if (i == 0) break;
      for (std::size_t s = first_state(i); s < end_state(i); ++s) after[s] += log_probability(i, s);
      std::fill(next.begin(), next.end(), never);
      for (std::size_t s = first_state(i - 1); s < end_state(i - 1); ++s) {
        double sum = after[s];
        if (s + 2 < states && may_skip(s + 2)) {
          sum = log_add(sum, after[s + 1], after[s + 2]);
        } else if (s + 1 < states) {
          sum = log_add(sum, after[s + 1]);
        }
        next[s] = sum;
      }
      after.swap(next);
    }
  }

 private:
  double log_probability(std::size_t step, std::size_t state) const {
    const double z = static_cast<double>(logits_[steps_[step] * classes_ + classes_of_states_[state]]);
    return z - log_totals_[step];
  }
  /// Whether an alignment may come to this state from two before: from another label, without a blank
  /// between.
  bool may_skip(std::size_t state) const {
    return state % 2 == 1 && classes_of_states_[state] != classes_of_states_[state - 2];
  }
  /// The first state from which the end can be reached in the steps that are left.
  std::size_t first_state(std::size_t step) const {
    const std::size_t reach = 2 * (steps_.size() - step);
    return classes_of_states_.size() > reach ? classes_of_states_.size() - reach : 0;
  }

  /// The end of the states that can be reached from the start until this step.
  std::size_t end_state(std::size_t step) const { return std::min(classes_of_states_.size(), 2 * step + 2); }

  Index classes_;
  const T* logits_ = nullptr;
  std::vector<Index> classes_of_states_;
  std::vector<Index> steps_;
  std::vector<double> log_totals_;
  std::vector<double> forward_;
};

/// Calls function(type, sample, its alignments) for each sample.
template <class F>
void each_sample(const KernelCall& call, const F& function) {
  const Array& labels = call.inputs[0];
  const Array& logits = call.inputs[1];
  const Shape& shape = *logits.shape;
  const auto label_count = static_cast<std::size_t>((*labels.shape)[1]);
  const auto steps = static_cast<std::size_t>(shape[1]);
  const Index blank = call.attributes.integer("blank");
  visit_dtype(logits.dtype, [&]<class T>(T) {
    if constexpr (std::is_floating_point_v<T>) {
      parallel_for(shape[0], 1, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
          const auto sample = static_cast<std::size_t>(i);
          Alignments<T> alignments({labels.as<const std::int32_t>() + sample * label_count, label_count},
                                   logits.as<const T>() + i * shape[1] * shape[2],
                                   {call.inputs[2].as<const bool>() + sample * steps, steps}, shape[2],
                                   blank);
          function(T{}, i, alignments);
        }
      });
    }
  });
}

double finite_or_zero(double loss, const Attributes& attributes) {
  return std::isinf(loss) && attributes.flag("zero_infinity") ? 0 : loss;
}

void run_ctc_loss(const KernelCall& call) {
  each_sample(call, [&]<class T>(T, Index i, Alignments<T>& alignments) {
    call.outputs[0].as<T>()[i] = static_cast<T>(finite_or_zero(alignments.loss(), call.attributes));
  });
}

void run_ctc_gradient(const KernelCall& call) {
  const Index each = (*call.inputs[1].shape)[1] * (*call.inputs[1].shape)[2];
  each_sample(call, [&]<class T>(T, Index i, Alignments<T>& alignments) {
    T* gradient = call.outputs[0].as<T>() + i * each;
    std::fill(gradient, gradient + each, T{0});
    const double loss = alignments.loss();
    alignments.add_gradient(loss, static_cast<double>(call.inputs[3].as<const T>()[i]), gradient);
  });
}

void check_ctc(const Call& call) {
  if (call.rank(0) != 2 || call.rank(1) != 3 || call.rank(2) != 2) {
    call.fail("expected labels (batch, labels), logits (batch, time, classes) and kept steps (batch, time)");
  }
  if (call.dtype(0) != int32 || call.dtype(2) != boolean)
    call.fail_type("expected int32 labels and bool steps");
  if (!is_floating(call.dtype(1))) call.fail_type("expected float32 or float64: cast(x, float32) first");
  if (!compatible(call.shape(1).sub(0, 2), call.shape(2)) ||
      !compatible(call.shape(0).sub(0, 1), call.shape(1).sub(0, 1))) {
    call.fail("expected labels, logits and steps of one batch, and a step for each logit");
  }
}

void rows_of_samples(const Call&, std::span<Rows> operands) {
  for (Rows& operand : operands) operand = Rows::same;
}

std::vector<Operand> ctc_operands() {
  return {{{2, 2}, {1, 4}, int32}, {{2, 5, 4}}, {{2, 5}, {1, 2}, boolean}};
}

Attributes ctc_attributes() { return {{"blank", Index{0}}, {"zero_infinity", false}}; }

std::vector<Example> ctc_examples() { return {{ctc_operands(), ctc_attributes()}}; }

std::vector<Example> ctc_gradient_examples() {
  std::vector<Operand> operands = ctc_operands();
  operands.push_back({{2}});
  return {{operands, ctc_attributes()}};
}

Tensor ctc_gradient(const Tensor& labels, const Tensor& logits, const Tensor& kept, const Tensor& factors,
                    const Attributes& attributes);

constexpr Operation ctc_records[] = {
    {.name = "ctc_loss",
     .summary = "-log of the probability of labels, summed over all alignments with the steps of logits",
     .shape =
         [](const Call& call) {
           check_ctc(call);
           return Specs{{call.shape(1).sub(0, 1), call.dtype(1)}};
         },
     .kernel = {run_ctc_loss},
     .gradient =
         [](Backward& b) {
           if (b.needs(1)) b.dx(1) = ctc_gradient(b.x(0), b.x(1), b.x(2), b.dy(), b.attributes());
         },
     .keep = keep::all_inputs,
     .rows = rows_of_samples,
     .examples = ctc_examples},
    {.name = "ctc_gradient",
     .summary = "the gradient of ctc_loss with respect to the logits, each sample's times its factor",
     .shape =
         [](const Call& call) {
           check_ctc(call);
           return Specs{{call.shape(1), call.dtype(1)}};
         },
     .kernel = {run_ctc_gradient},
     .gradient = [](Backward& b) { b.call().fail("the CTC loss has no second derivative"); },
     .rows = rows_of_samples,
     .examples = ctc_gradient_examples},
};
constexpr OperationTable ctc_table(ctc_records);

Tensor ctc_gradient(const Tensor& labels, const Tensor& logits, const Tensor& kept, const Tensor& factors,
                    const Attributes& attributes) {
  const Tensor operands[] = {labels, logits, kept, factors};
  return apply(ctc_table["ctc_gradient"], operands, attributes);
}

/// Labels as int32, with those that are no labels of a sample, the blank among them, moved to the end as -1.
/// Throws ValueError for a label that is no class.
Tensor packed_labels(const Tensor& labels, const Tensor& lengths, Index blank, Index classes) {
  if (labels.rank() != 2)
    throw ValueError("ctc_loss: expected labels (batch, labels), got " + describe(labels));
  const Index batch = labels.shape()[0];
  const Index width = labels.shape()[1];
  std::vector<std::vector<Index>> sequences;
  if (lengths) {
    const std::vector<Index> given = labels.to_vector<Index>();
    const std::vector<Index> counts = lengths.to_vector<Index>();
    if (lengths.rank() != 1 || lengths.size() != batch) {
      throw ValueError("ctc_loss: expected label_lengths of shape " + to_string(Shape{batch}) + ", got " +
                       describe(lengths));
    }
    for (Index i = 0; i < batch; ++i) {
      const Index count = counts[static_cast<std::size_t>(i)];
      if (count < 0 || count > width) {
        throw ValueError("ctc_loss: expected label_lengths in [0, " + std::to_string(width) + "], got " +
                         std::to_string(count));
      }
      const auto first = given.begin() + i * width;
      sequences.emplace_back(first, first + count);
    }
  } else {
    sequences = internal::label_sequences("ctc_loss", labels, blank);
  }
  std::vector<std::int32_t> packed(static_cast<std::size_t>(batch * width), -1);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    for (std::size_t k = 0; k < sequences[i].size(); ++k) {
      const Index label = sequences[i][k];
      if (label < 0 || label >= classes || label == blank) {
        throw ValueError("ctc_loss: expected labels in [0, " + std::to_string(classes) +
                         ") other than the blank " + std::to_string(blank) + ", got " +
                         std::to_string(label));
      }
      packed[i * static_cast<std::size_t>(width) + k] = static_cast<std::int32_t>(label);
    }
  }
  return Tensor::from(packed, {batch, width});
}

Tensor losses_of_alignments(const Tensor& labels, const Tensor& given, const CTCLossOptions& options,
                            const Tensor& mask) {
  const Tensor logits = is_floating(given.dtype()) ? given : cast(given, float32);
  const Tensor kept = internal::steps_that_count("ctc_loss", logits, options.logit_lengths, mask);
  const Index classes = logits.shape()[2];
  const Index blank = internal::class_of_blank("ctc_loss", options.blank, classes);
  if (labels.is_abstract()) {
    throw ValueError("ctc_loss: expected labels with values, got the symbolic " + describe(labels) +
                     ": give the loss to compile(), or call it in a training step");
  }
  return apply(ctc_table["ctc_loss"], packed_labels(labels, options.label_lengths, blank, classes), logits,
               kept, {{"blank", blank}, {"zero_infinity", options.zero_infinity}});
}

constexpr internal::LossKind<CTCOptions> ctc{
    .name = "CTC",
    .aliases = "",
    .call =
        [](const CTCOptions& options, const Tensor& y, const Tensor& p) {
          return ctc_loss(y, p, {.blank = options.blank, .zero_infinity = options.zero_infinity});
        },
    .takes_classes = true,
    .samples =
        [](const CTCOptions& options, const Tensor& y, const Tensor& p, const Tensor& mask) {
          const CTCLossOptions of_loss{.blank = options.blank, .zero_infinity = options.zero_infinity};
          const Tensor losses = losses_of_alignments(y, p, of_loss, mask);
          return SampleLosses{losses, mask ? Tensor(any(mask, {-1})) : Tensor()};
        }};

}  // namespace

std::vector<std::vector<Index>> internal::label_sequences(const std::string& who, const Tensor& labels,
                                                          std::optional<Index> blank) {
  if (labels.rank() != 2)
    throw ValueError(who + ": expected labels (batch, labels), got " + describe(labels));
  const std::vector<double> all = labels.to_vector<double>();
  const auto width = static_cast<std::size_t>(labels.shape()[1]);
  std::vector<std::vector<Index>> sequences(static_cast<std::size_t>(labels.shape()[0]));
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    for (std::size_t k = 0; k < width; ++k) {
      const double label = all[i * width + k];
      if (label != std::floor(label) || std::abs(label) > 2e9) {
        throw ValueError(who + ": expected labels that are integers, got " + to_config(label).describe());
      }
      const auto number = static_cast<Index>(label);
      if (number >= 0 && !(blank && number == *blank)) sequences[i].push_back(number);
    }
  }
  return sequences;
}

Tensor internal::steps_that_count(const std::string& who, const Tensor& logits, const Tensor& lengths,
                                  const Tensor& mask) {
  if (logits.rank() != 3) {
    throw ValueError(who + ": expected logits (batch, time, classes), got " + describe(logits));
  }
  const Shape shape = logits.shape().sub(0, 2);
  if (lengths) {
    if (lengths.rank() != 1 || !compatible(lengths.shape(), shape.sub(0, 1))) {
      throw ValueError(who + ": expected logit_lengths of shape " + to_string(shape.sub(0, 1)) + ", got " +
                       describe(lengths));
    }
    for (const Index length : lengths.to_vector<Index>()) {
      if (length < 0 || length > shape[1]) {
        throw ValueError(who + ": expected logit_lengths in [0, " + std::to_string(shape[1]) + "], got " +
                         std::to_string(length));
      }
    }
    const Tensor step = arange(0, static_cast<double>(shape[1]), 1, int32);
    return step < expand_dims(cast(lengths, int32), -1);
  }
  if (!mask) return Tensor::ones(shape, boolean);
  if (mask.rank() != 2 || !compatible(mask.shape(), shape)) {
    throw ValueError(who + ": expected a mask of the steps " + to_string(shape) + ", got " + describe(mask));
  }
  return cast(mask, boolean);
}

Index internal::class_of_blank(const std::string& who, Index blank, Index classes) {
  const Index from_front = blank < 0 ? blank + classes : blank;
  if (from_front >= 0 && from_front < classes) return from_front;
  throw ValueError(who + ": expected the blank to be one of " + std::to_string(classes) + " classes, got " +
                   std::to_string(blank));
}

Tensor ctc_loss(const Tensor& labels, const Tensor& logits, const CTCLossOptions& options) {
  return losses_of_alignments(labels, logits, options, mask_of(logits));
}

Loss internal::make_ctc(const CTCOptions& options) { return made_loss(ctc, options); }

void internal::add_ctc(LossEntries& entries) { add_loss_kind(entries, ctc); }

}  // namespace unspool
