#include <algorithm>
#include <array>
#include <cstring>

#include <unspool/autograd/scan/gradient.h>
#include <unspool/autograd/scan/plan.h>
#include <unspool/autograd/scan/recompute.h>
#include <unspool/autograd/scan/run.h>
#include <unspool/core/pooled.h>
#include <unspool/core/threads.h>

namespace unspool::scan_compiler {
namespace {

constexpr std::size_t word_size = sizeof(std::int64_t);

ScanArray take(Arena& memory, const Spec& spec, Index steps) {
  return {memory.take(bytes_of(spec) * static_cast<std::size_t>(steps)), steps};
}

/// One run for all intervals. Rows make one group: a second one would need memory for its sums.
Run run_of(const SharedProgram& program, Index longest) {
  const Executable& executable = program.plan().executable();
  return {executable, longest, 1, sure_threads(executable, longest, num_threads())};
}

}  // namespace

Checkpoints::Checkpoints(const SharedProgram& program, Index steps, Index every)
    : shared_(program), program_(program.program()), steps_(steps), every_(every) {
  words_.push_back(0);
  for (Value carry : program_.carries) {
    const Spec& spec = program_.spec(carry);
    if (!spec.shape.known()) {
      words_.clear();
      return;
    }
    words_.push_back(words_.back() + (bytes_of(spec) + word_size - 1) / word_size);
  }
}

Index Checkpoints::count() const { return std::max<Index>(1, (steps_ + every_ - 1) / every_); }
Index Checkpoints::longest() const { return std::min(steps_, every_); }
Index Checkpoints::length(Index interval) const { return std::min(every_, steps_ - interval * every_); }
Index Checkpoints::first_time(Index interval) const {
  const Index first = interval * every_;
  return program_.reverse ? steps_ - first - length(interval) : first;
}

Spec Checkpoints::spec() const {
  return {{count() - 1, words_.empty() ? unknown : static_cast<Index>(words_.back())}, int64};
}

std::byte* Checkpoints::checkpoint(const Array& all, Index interval, std::size_t carry) const {
  const std::size_t first = static_cast<std::size_t>(interval) * words_.back() + words_[carry];
  return static_cast<std::byte*>(all.data) + first * word_size;
}

ScanArray Checkpoints::from_time(const Array& whole, const Program& program, const Stacked& stacked,
                                 Index time) const {
  const Spec& spec = program.spec(stacked.value);
  const Index rows = stacked.time_axis == 0 ? 1 : std::max<Index>(1, spec.shape[0]);
  const std::size_t bytes = bytes_of(spec) / static_cast<std::size_t>(rows);
  return {static_cast<std::byte*>(whole.data) + bytes * static_cast<std::size_t>(time), steps_};
}

void Checkpoints::forward(std::span<const Array> inputs, std::span<const Array> outputs) const {
  const std::size_t carries = program_.carries.size();
  const Array& kept = outputs.back();
  // So that words that a carry fills in part have the same bits each time.
  std::memset(kept.data, 0, static_cast<std::size_t>(count() - 1) * words_.back() * word_size);
  std::vector<ScanArray> in;
  std::vector<ScanArray> out;
  for (const Array& input : inputs) in.push_back({input.data});
  for (const Array& output : outputs.first(program_.outputs())) out.push_back({output.data});
  Run run = run_of(shared_, longest());
  for (Index interval = 0; interval < count(); ++interval) {
    for (std::size_t i = 0; i < program_.sequences.size(); ++i) {
      in[carries + i] = from_time(inputs[carries + i], program_, program_.sequences[i], first_time(interval));
    }
    for (std::size_t i = 0; i < program_.stacked_outputs.size(); ++i) {
      out[carries + i] =
          from_time(outputs[carries + i], program_, program_.stacked_outputs[i], first_time(interval));
    }
    for (std::size_t k = 0; k < carries; ++k) {
      out[k].data = interval + 1 == count() ? outputs[k].data : checkpoint(kept, interval, k);
    }
    run(in, out, length(interval));
    for (std::size_t k = 0; k < carries; ++k) in[k] = out[k];
  }
}

void Checkpoints::backward(const ScanBody& body, const std::vector<bool>& given,
                           std::span<const Array> inputs, std::span<const Array> outputs) const {
  const std::size_t carries = program_.carries.size();
  const std::size_t sequences = program_.sequences.size();
  const Program& whole = body.shared().program();
  std::vector<bool> all_given(given);
  all_given.resize(whole.outputs(), false);
  const std::shared_ptr<const Gradient> gradient = body.shared().gradient(body.needed(), all_given);
  const Program& back = gradient->program->program();

  // The forward run of an interval: its outputs and residuals are in memory for one interval.
  Arena memory;
  std::vector<ScanArray> in;
  for (const Array& input : inputs.first(program_.inputs())) in.push_back({input.data});
  std::vector<ScanArray> made;
  for (std::size_t i = 0; i < whole.outputs(); ++i) {
    made.push_back(take(memory, whole.spec(whole.output(i)), i < carries ? 1 : longest()));
  }
  const Array& kept = inputs[program_.inputs()];

  // What the backward run of an interval reads.
  std::vector<const Array*> cotangents(given.size(), nullptr);
  const Array* next_operand = &kept + 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i]) cotangents[i] = next_operand++;
  }
  std::vector<ScanArray> from(back.inputs());
  for (std::size_t i = 0; i < from.size(); ++i) {
    const Gradient::Source& source = gradient->sources[i];
    switch (source.kind) {
      case Gradient::Source::input:
        from[i] = in[source.index];
        break;
      case Gradient::Source::output:
        from[i] = made[source.index];
        break;
      case Gradient::Source::cotangent:
        from[i].data = cotangents[source.index]->data;
        break;
      default:
        from[i].data = const_cast<void*>(gradient->constants[source.index].raw());
    }
  }

  // What it writes. The gradients with respect to the carries go from one interval to the next, by turns in
  // two places.
  std::vector<ScanArray> to(back.outputs());
  std::vector<std::array<ScanArray, 2>> turns;
  for (Value value : back.next_carry) {
    turns.push_back({take(memory, back.spec(value), 1), take(memory, back.spec(value), 1)});
  }
  std::vector<const Array*> wanted(back.outputs(), nullptr);
  std::size_t result = 0;
  for (int output : gradient->outputs) {
    if (output < 0) continue;
    const auto o = static_cast<std::size_t>(output);
    wanted[o] = &outputs[result++];
    to[o].data = wanted[o]->data;
  }

  Run again = run_of(body.shared(), longest());
  Run backward = run_of(*gradient->program, longest());
  for (Index interval = count() - 1; interval >= 0; --interval) {
    const Index time = first_time(interval);
    const Index steps = length(interval);
    for (std::size_t k = 0; k < carries; ++k) {
      in[k].data = interval == 0 ? inputs[k].data : checkpoint(kept, interval - 1, k);
    }
    for (std::size_t i = 0; i < sequences; ++i) {
      in[carries + i] = from_time(inputs[carries + i], program_, program_.sequences[i], time);
    }
    again(in, made, steps);

    for (std::size_t i = 0; i < from.size(); ++i) {
      const Gradient::Source& source = gradient->sources[i];
      if (source.kind == Gradient::Source::input) from[i] = in[source.index];
      const Stacked* const stacked = back.stacked_input(i);
      if (source.kind == Gradient::Source::cotangent && stacked != nullptr) {
        from[i] = from_time(*cotangents[source.index], back, *stacked, time);
      }
    }
    for (std::size_t e = 0; e < back.stacked_outputs.size(); ++e) {
      const std::size_t o = back.next_carry.size() + e;
      to[o] = from_time(*wanted[o], back, back.stacked_outputs[e], time);
    }
    for (std::size_t j = 0; j < turns.size(); ++j) {
      to[j] = turns[j][static_cast<std::size_t>(interval & 1)];
      if (interval == 0 && wanted[j] != nullptr) to[j].data = wanted[j]->data;
    }
    backward(from, to, steps);
    for (std::size_t j = 0; j < turns.size(); ++j) from[j] = to[j];
  }
}

}  // namespace unspool::scan_compiler
