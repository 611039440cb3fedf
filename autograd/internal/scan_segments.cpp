#include <algorithm>
#include <array>
#include <cstring>

#include <unspool/autograd/internal/scan_plan.h>
#include <unspool/autograd/internal/scan_segments.h>
#include <unspool/autograd/internal/step_gradient.h>
#include <unspool/core/pooled.h>

namespace unspool::internal {
namespace {

using Source = StepGradient::Source;
using Stacked = StepProgram::Stacked;
using Value = StepProgram::Value;

constexpr std::size_t word_size = sizeof(std::int64_t);

std::size_t bytes_of(const Spec& spec) {
  return static_cast<std::size_t>(spec.shape.elements()) * size_of(spec.dtype);
}

ScanArray take(Arena& memory, const Spec& spec, Index steps) {
  return {memory.take(bytes_of(spec) * static_cast<std::size_t>(steps)), steps};
}

}  // namespace

ScanSegments::ScanSegments(const SharedProgram& program, Index steps, Index every)
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

Index ScanSegments::count() const { return std::max<Index>(1, (steps_ + every_ - 1) / every_); }
Index ScanSegments::longest() const { return std::min(steps_, every_); }
Index ScanSegments::length(Index segment) const { return std::min(every_, steps_ - segment * every_); }
Index ScanSegments::low(Index segment) const {
  const Index first = segment * every_;
  return program_.reverse ? steps_ - first - length(segment) : first;
}

Shape ScanSegments::kept() const {
  return {count() - 1, words_.empty() ? unknown : static_cast<Index>(words_.back())};
}

std::byte* ScanSegments::place(const Array& kept, Index segment, std::size_t carry) const {
  const std::size_t first = static_cast<std::size_t>(segment) * words_.back() + words_[carry];
  return static_cast<std::byte*>(kept.data) + first * word_size;
}

ScanArray ScanSegments::from_step(const Array& whole, const StepProgram& program, const Stacked& stacked,
                                  Index step) const {
  const Spec& spec = program.spec(stacked.value);
  const Index rows = stacked.time_axis == 0 ? 1 : std::max<Index>(1, spec.shape[0]);
  const std::size_t bytes = bytes_of(spec) / static_cast<std::size_t>(rows);
  return {static_cast<std::byte*>(whole.data) + bytes * static_cast<std::size_t>(step), steps_};
}

void ScanSegments::forward(std::span<const Array> inputs, std::span<const Array> outputs) const {
  const std::size_t carries = program_.carries.size();
  const Array& kept = outputs.back();
  // Words that a carry does not fill are not left to chance.
  std::memset(kept.data, 0, static_cast<std::size_t>(count() - 1) * words_.back() * word_size);
  std::vector<ScanArray> in;
  std::vector<ScanArray> out;
  for (const Array& input : inputs) in.push_back({input.data});
  for (const Array& output : outputs.first(program_.outputs())) out.push_back({output.data});
  ScanRuns runs(shared_.plan(), longest());
  for (Index segment = 0; segment < count(); ++segment) {
    for (std::size_t i = 0; i < program_.sequences.size(); ++i) {
      in[carries + i] = from_step(inputs[carries + i], program_, program_.sequences[i], low(segment));
    }
    for (std::size_t i = 0; i < program_.each.size(); ++i) {
      out[carries + i] = from_step(outputs[carries + i], program_, program_.each[i], low(segment));
    }
    for (std::size_t k = 0; k < carries; ++k) {
      out[k].data = segment + 1 == count() ? outputs[k].data : place(kept, segment, k);
    }
    runs.run(in, out, length(segment));
    for (std::size_t k = 0; k < carries; ++k) in[k] = out[k];
  }
}

void ScanSegments::backward(const ScanBody& body, const std::vector<bool>& given,
                            std::span<const Array> inputs, std::span<const Array> outputs) const {
  const std::size_t carries = program_.carries.size();
  const std::size_t sequences = program_.sequences.size();
  const StepProgram& whole = body.shared().program();
  std::vector<bool> all_given(given);
  all_given.resize(whole.outputs(), false);
  const std::shared_ptr<const StepGradient> gradient = body.shared().gradient(body.needed(), all_given);
  const StepProgram& back = gradient->program->program();

  // Forward once more, all that it gives in memory for one segment.
  Arena memory;
  std::vector<ScanArray> in;
  for (const Array& input : inputs.first(program_.inputs())) in.push_back({input.data});
  std::vector<ScanArray> made;
  for (std::size_t i = 0; i < whole.outputs(); ++i) {
    made.push_back(take(memory, whole.spec(whole.output(i)), i < carries ? 1 : longest()));
  }
  const Array& kept = inputs[program_.inputs()];

  // What the way back reads.
  std::vector<const Array*> cotangents(given.size(), nullptr);
  const Array* next_operand = &kept + 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i]) cotangents[i] = next_operand++;
  }
  std::vector<ScanArray> from(back.inputs());
  for (std::size_t i = 0; i < from.size(); ++i) {
    const Source& source = gradient->sources[i];
    switch (source.kind) {
      case Source::input:
        from[i] = in[source.index];
        break;
      case Source::output:
        from[i] = made[source.index];
        break;
      case Source::cotangent:
        from[i].data = cotangents[source.index]->data;
        break;
      default:
        from[i].data = const_cast<void*>(gradient->constants[source.index].raw());
    }
  }

  // What it gives. The gradients by the carries go from one segment to the next, by turns in two places.
  std::vector<ScanArray> to(back.outputs());
  std::vector<std::array<ScanArray, 2>> turns;
  for (Value value : back.next)
    turns.push_back({take(memory, back.spec(value), 1), take(memory, back.spec(value), 1)});
  std::vector<const Array*> wanted(back.outputs(), nullptr);
  std::size_t result = 0;
  for (int output : gradient->outputs) {
    if (output < 0) continue;
    const auto o = static_cast<std::size_t>(output);
    wanted[o] = &outputs[result++];
    to[o].data = wanted[o]->data;
  }

  ScanRuns again(body.shared().plan(), longest());
  ScanRuns backward(gradient->program->plan(), longest());
  for (Index segment = count() - 1; segment >= 0; --segment) {
    const Index begin = low(segment);
    const Index steps = length(segment);
    for (std::size_t k = 0; k < carries; ++k)
      in[k].data = segment == 0 ? inputs[k].data : place(kept, segment - 1, k);
    for (std::size_t i = 0; i < sequences; ++i) {
      in[carries + i] = from_step(inputs[carries + i], program_, program_.sequences[i], begin);
    }
    again.run(in, made, steps);

    for (std::size_t i = 0; i < from.size(); ++i) {
      const Source& source = gradient->sources[i];
      if (source.kind == Source::input) from[i] = in[source.index];
      const Stacked* const given_to = back.stacked_input(i);
      if (source.kind == Source::cotangent && given_to != nullptr) {
        from[i] = from_step(*cotangents[source.index], back, *given_to, begin);
      }
    }
    for (std::size_t e = 0; e < back.each.size(); ++e) {
      const std::size_t o = back.next.size() + e;
      to[o] = from_step(*wanted[o], back, back.each[e], begin);
    }
    for (std::size_t j = 0; j < turns.size(); ++j) {
      to[j] = turns[j][static_cast<std::size_t>(segment & 1)];
      if (segment == 0 && wanted[j] != nullptr) to[j].data = wanted[j]->data;
    }
    backward.run(from, to, steps);
    for (std::size_t j = 0; j < turns.size(); ++j) from[j] = to[j];
  }
}

}  // namespace unspool::internal
