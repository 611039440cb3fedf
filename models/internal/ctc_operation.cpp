#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <unspool/autograd/operation.h>
#include <unspool/core/threads.h>
#include <unspool/models/internal/ctc_operation.h>

namespace unspool {
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

}  // namespace

Tensor internal::losses_of_alignments(const Tensor& labels, const Tensor& logits, const Tensor& kept,
                                      Index blank, bool zero_infinity) {
  return apply(ctc_table["ctc_loss"], labels, logits, kept,
               {{"blank", blank}, {"zero_infinity", zero_infinity}});
}

}  // namespace unspool
