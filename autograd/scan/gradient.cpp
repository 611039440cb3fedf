#include <algorithm>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/scan/gradient.h>
#include <unspool/autograd/scan/trace.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool::scan_compiler {
namespace {

using internal::TensorAccess;

/// Which values depend on an input that is needed.
std::vector<bool> active_values(const Program& program, const std::vector<bool>& needed) {
  std::vector<bool> active(program.values.size(), false);
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (needed[i]) active[index_of(program.input(i))] = true;
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (const Use& use : program.uses) {
      if (use.operation->gradient == nullptr) continue;
      if (std::ranges::none_of(use.inputs, [&](Value value) { return active[index_of(value)]; })) continue;
      for (Value value : use.outputs) {
        if (is_floating(program.spec(value).dtype)) active[index_of(value)] = true;
      }
    }
    for (std::size_t k = 0; k < program.carries.size(); ++k) {
      if (!active[index_of(program.next_carry[k])] || active[index_of(program.carries[k])]) continue;
      active[index_of(program.carries[k])] = true;
      changed = true;
    }
  }
  return active;
}

/// Runs the gradient rules of one program, in a trace of its own.
class GradientWriter {
 public:
  GradientWriter(const Program& program, const std::vector<bool>& needed, const std::vector<bool>& given)
      : program_(program),
        needed_(needed),
        given_(given),
        active_(active_values(program, needed)),
        cotangents_(program.values.size()),
        read_(program.values.size()) {}

  Gradient write() {
    const TraceScope scope(trace_.get());
    seed();
    for (std::size_t i = program_.uses.size(); i-- > 0;) step_back(program_.uses[i]);
    return finish();
  }

 private:
  void add(Value value, const Tensor& gradient) {
    Tensor& sum = cotangents_[index_of(value)];
    sum = sum ? sum + gradient : gradient;
  }

  /// "df_t" for f_t; empty if the value has no name.
  Label label_of_gradient(Value value, const char* ending = "") const {
    const Label own = program_.label_of(value);
    return own ? Label::of(std::string("d") + own.text() + ending) : Label();
  }
  void label_gradient(Value value) {
    if (const Tensor& made = cotangents_[index_of(value)]) trace_->label(made, label_of_gradient(value));
  }

  void seed() {
    const std::size_t carries = program_.carries.size();
    for (std::size_t k = 0; k < carries; ++k) {
      if (!active_[index_of(program_.carries[k])]) continue;
      const Spec& spec = program_.spec(program_.carries[k]);
      const Tensor carry = trace_->carry(spec);
      trace_->label(carry, label_of_gradient(program_.carries[k], "_next"));
      add(program_.next_carry[k], carry);
      gradient_carries_.push_back(k);
      if (given_[k]) {
        carry_sources_.push_back({Gradient::Source::cotangent, k});
      } else {
        carry_sources_.push_back({Gradient::Source::constant, constants_.size()});
        constants_.push_back(Tensor::zeros(spec.shape, spec.dtype));
      }
    }
    for (std::size_t e = 0; e < program_.stacked_outputs.size(); ++e) {
      const auto& [value, time_axis] = program_.stacked_outputs[e];
      if (!given_[carries + e] || !active_[index_of(value)]) continue;
      const Tensor given = trace_->sequence(program_.spec(value), time_axis);
      const bool goes_on = std::ranges::find(program_.next_carry, value) != program_.next_carry.end();
      const Label own = label_of_gradient(value);
      trace_->label(given, own && goes_on ? Label("dy_t") : own);
      add(value, given);
      sequence_sources_.push_back({Gradient::Source::cotangent, carries + e});
    }
    for (std::size_t s = 0; s < program_.reduced_outputs.size(); ++s) {
      const Value value = program_.reduced_outputs[s];
      const std::size_t output = carries + program_.stacked_outputs.size() + s;
      if (!given_[output] || !active_[index_of(value)]) continue;
      add(value, trace_->capture(program_.spec(value)));
      captured_sources_.push_back({Gradient::Source::cotangent, output});
    }
  }

  /// A value of the forward program that a gradient rule reads, as an input of the gradient's program.
  const Tensor& read(Value value) {
    Tensor& tensor = read_[index_of(value)];
    if (tensor) return tensor;
    tensor = input_for(value);
    trace_->label(tensor, program_.label_of(value));
    return tensor;
  }

  Tensor input_for(Value value) {
    const Spec& spec = program_.spec(value);
    if (const auto c = std::ranges::find(program_.captured, value); c != program_.captured.end()) {
      const auto captured = static_cast<std::size_t>(c - program_.captured.begin());
      captured_sources_.push_back(
          {Gradient::Source::input, program_.carries.size() + program_.sequences.size() + captured});
      return trace_->capture(spec);
    }
    const auto index_in = [&](const std::vector<Stacked>& list) {
      return static_cast<std::size_t>(std::ranges::find(list, value, &Stacked::value) - list.begin());
    };
    int time_axis = 0;
    if (const std::size_t j = index_in(program_.sequences); j < program_.sequences.size()) {
      sequence_sources_.push_back({Gradient::Source::input, program_.carries.size() + j});
      time_axis = program_.sequences[j].time_axis;
    } else if (const std::size_t e = index_in(program_.stacked_outputs);
               e < program_.stacked_outputs.size()) {
      sequence_sources_.push_back({Gradient::Source::output, program_.next_carry.size() + e});
      time_axis = program_.stacked_outputs[e].time_axis;
    } else {
      sequence_sources_.push_back({Gradient::Source::residual, index_of(value)});
    }
    return trace_->sequence(spec, time_axis);
  }

  void step_back(const Use& use) {
    SmallVector<Tensor, 4> cotangents(use.outputs.size());
    bool reached = false;
    for (std::size_t i = 0; i < use.outputs.size(); ++i) {
      label_gradient(use.outputs[i]);
      cotangents[i] = std::move(cotangents_[index_of(use.outputs[i])]);
      reached = reached || cotangents[i];
    }
    if (!reached || use.operation->gradient == nullptr) return;
    SmallVector<bool, 16> needed(use.inputs.size());
    for (std::size_t i = 0; i < needed.size(); ++i) needed[i] = active_[index_of(use.inputs[i])];
    if (std::ranges::find(needed, true) == needed.end()) return;

    const auto plain = [&](Value value) {
      const Spec& spec = program_.spec(value);
      return TensorAccess::abstract(spec.shape, spec.dtype);
    };
    Tensors inputs(use.inputs.size());
    Tensors outputs(use.outputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = plain(use.inputs[i]);
    for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] = plain(use.outputs[i]);
    const Call call{*use.operation, inputs, use.attributes};
    SmallVector<bool, 16> inputs_kept(inputs.size());
    SmallVector<bool, 4> outputs_kept(outputs.size());
    keeps(call, outputs, inputs_kept, outputs_kept);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs_kept[i]) inputs[i] = read(use.inputs[i]);
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (outputs_kept[i]) outputs[i] = read(use.outputs[i]);
    }

    SmallVector<Tensor, 8> made(inputs.size());
    Backward backward(call, outputs, cotangents, {needed.data(), needed.size()}, {made.data(), made.size()});
    use.operation->gradient(backward);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!needed[i] || !made[i]) continue;
      const Shape& shape = program_.spec(use.inputs[i]).shape;
      if (!(made[i].shape() == shape)) made[i] = sum_to(made[i], shape);
      add(use.inputs[i], made[i]);
    }
  }

  bool is_residual(Value value) const { return residual(value) != sequence_sources_.end(); }
  std::vector<Gradient::Source>::const_iterator residual(Value value) const {
    return std::ranges::find_if(sequence_sources_, [&](const Gradient::Source& source) {
      return source.kind == Gradient::Source::residual && source.index == index_of(value);
    });
  }

  bool is_given(Value value) const {
    const auto in = [&](const auto& list, auto... projection) {
      return std::ranges::find(list, value, projection...) != list.end();
    };
    return in(program_.captured) || in(program_.sequences, &Stacked::value) ||
           in(program_.stacked_outputs, &Stacked::value);
  }

  /// Which values the gradient has, or can compute from those that it has, without another residual.
  std::vector<bool> values_at_hand() const {
    std::vector<bool> at_hand(program_.values.size());
    for (std::size_t v = 0; v < at_hand.size(); ++v) at_hand[v] = read_[v] || is_given(static_cast<Value>(v));
    for (std::size_t k = 0; k < program_.carries.size(); ++k) {
      if (is_handed_on(k)) at_hand[index_of(program_.next_carry[k])] = true;
    }
    for (const Use& use : program_.uses) {
      if (use.operation->cheap && follows_from(use, at_hand)) at_hand[index_of(use.outputs[0])] = true;
    }
    return at_hand;
  }
  static bool follows_from(const Use& use, const std::vector<bool>& at_hand) {
    return std::ranges::all_of(use.inputs, [&](Value input) { return at_hand[index_of(input)]; });
  }

  /// Rematerialization: values that are cheap to compute from residuals kept anyway are computed again.
  void rematerialize() {
    const std::vector<bool> at_hand = values_at_hand();
    std::vector<Use> again;
    for (std::size_t u = program_.uses.size(); u-- > 0;) {
      const Use& use = program_.uses[u];
      if (!use.operation->cheap || !is_residual(use.outputs[0]) || !follows_from(use, at_hand)) continue;
      Use made{.operation = use.operation, .inputs = {}, .outputs = {}, .attributes = use.attributes};
      for (Value input : use.inputs) made.inputs.push_back(trace_->value_of(read(input)));
      made.outputs.push_back(trace_->value_of(read(use.outputs[0])));
      sequence_sources_.erase(residual(use.outputs[0]));
      again.push_back(std::move(made));
    }
    std::ranges::reverse(again);
    trace_->compute_instead(std::move(again));
  }

  /// Whether carry k as a step leaves it can be had from carry k as steps get it.
  bool is_handed_on(std::size_t k) const {
    const Value entering = program_.carries[k];
    return program_.next_carry[k] != entering && (read_[index_of(entering)] || is_given(entering));
  }

  /// A carry that the gradient reads both as a step gets it and as a step leaves it is kept once, as steps
  /// get it. What step t leaves is what step t + 1 got, so going backward it is a carry, which begins with
  /// the final state.
  void hand_on_states(std::vector<Value>& next) {
    for (std::size_t k = 0; k < program_.carries.size(); ++k) {
      if (!is_residual(program_.next_carry[k]) || !is_handed_on(k)) continue;
      next.push_back(trace_->value_of(read(program_.carries[k])));
      trace_->carry_instead(read(program_.next_carry[k]));
      sequence_sources_.erase(residual(program_.next_carry[k]));
      carry_sources_.push_back({Gradient::Source::output, k});
    }
  }

  Gradient finish() {
    Gradient gradient;
    Program written;
    std::vector<Value> next;
    std::vector<Stacked> stacked;
    std::vector<Value> reduced;
    gradient.outputs.assign(program_.inputs(), -1);
    for (std::size_t i = 0; i < program_.inputs(); ++i) label_gradient(program_.input(i));
    for (std::size_t k : gradient_carries_) {
      if (needed_[k]) gradient.outputs[k] = static_cast<int>(next.size());
      const Tensor& cotangent = cotangents_[index_of(program_.carries[k])];
      const Spec& spec = program_.spec(program_.carries[k]);
      next.push_back(trace_->value_of(cotangent ? cotangent : Tensor::zeros(spec.shape, spec.dtype)));
    }
    rematerialize();
    hand_on_states(next);
    for (std::size_t i = program_.carries.size(); i < program_.inputs(); ++i) {
      const Tensor& cotangent = cotangents_[index_of(program_.input(i))];
      if (!needed_[i] || !cotangent) continue;
      const Stacked* const sequence = program_.stacked_input(i);
      gradient.outputs[i] = static_cast<int>(sequence != nullptr ? stacked.size() : reduced.size());
      const Value value = trace_->value_of(cotangent);
      sequence != nullptr ? stacked.push_back({value, sequence->time_axis}) : reduced.push_back(value);
    }
    for (std::size_t i = 0; i < gradient.outputs.size(); ++i) {
      int& output = gradient.outputs[i];
      if (output < 0 || i < program_.carries.size()) continue;
      output += static_cast<int>(next.size());
      if (i >= program_.carries.size() + program_.sequences.size())
        output += static_cast<int>(stacked.size());
    }

    const std::vector<Tensor> captured = trace_->captured();
    written = trace_->finish();
    written.next_carry = std::move(next);
    written.stacked_outputs = std::move(stacked);
    written.reduced_outputs = std::move(reduced);
    written.reverse = !program_.reverse;
    written.tuning = program_.tuning;
    written = eliminate_dead_code(std::move(written));

    std::vector<bool> used(written.values.size(), false);
    const auto mark = [&](const auto& values) {
      for (Value value : values) used[index_of(value)] = true;
    };
    for (const Use& use : written.uses) mark(use.inputs);
    mark(written.next_carry);
    for (const Stacked& output : written.stacked_outputs) used[index_of(output.value)] = true;
    mark(written.reduced_outputs);
    gradient.constants = std::move(constants_);
    gradient.sources = std::move(carry_sources_);
    const auto only_used = [&](auto& inputs, auto&& value_in, auto&& source_of) {
      std::remove_reference_t<decltype(inputs)> kept;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Gradient::Source source = source_of(i);
        if (!used[index_of(value_in(inputs[i]))]) continue;
        if (source.kind == Gradient::Source::residual)
          gradient.residuals.push_back(static_cast<Value>(source.index));
        gradient.sources.push_back(source);
        kept.push_back(inputs[i]);
      }
      inputs = std::move(kept);
    };
    only_used(
        written.sequences, [](const Stacked& sequence) { return sequence.value; },
        [&](std::size_t i) { return sequence_sources_[i]; });
    std::size_t known = 0;
    only_used(
        written.captured, [](Value value) { return value; },
        [&](std::size_t i) {
          if (!captured[i]) return captured_sources_[known++];
          gradient.constants.push_back(captured[i]);
          return Gradient::Source{Gradient::Source::constant, gradient.constants.size() - 1};
        });
    gradient.program = SharedProgram::of(std::move(written));
    return gradient;
  }

  const Program& program_;
  const std::vector<bool>& needed_;
  const std::vector<bool>& given_;
  std::vector<bool> active_;
  std::shared_ptr<Trace> trace_ = std::make_shared<Trace>(unknown, false);
  std::vector<Tensor> cotangents_;
  std::vector<Tensor> read_;
  std::vector<std::size_t> gradient_carries_;
  std::vector<Gradient::Source> carry_sources_;
  std::vector<Gradient::Source> sequence_sources_;
  std::vector<Gradient::Source> captured_sources_;
  std::vector<Tensor> constants_;
};

}  // namespace

Gradient gradient_of(const Program& program, const std::vector<bool>& needed,
                     const std::vector<bool>& given) {
  return GradientWriter(program, needed, given).write();
}

}  // namespace unspool::scan_compiler
