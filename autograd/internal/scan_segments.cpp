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
using Value = StepProgram::Value;

constexpr std::size_t word_size = sizeof(std::int64_t);

std::size_t bytes_of(const Spec& spec) {
  return static_cast<std::size_t>(spec.shape.elements()) * size_of(spec.dtype);
}

Array array_at(void* data) { return {data, nullptr, {}}; }

Array take(Arena& memory, const Spec& spec, Index steps) {
  return array_at(memory.take(bytes_of(spec) * static_cast<std::size_t>(steps)));
}

/// A whole sequence, of which a segment is seen with its steps one after the other. Where time is the second
/// axis that is a copy.
class Window {
 public:
  /// `scratch` if it has to be copied.
  Window(const Array& whole, const Spec& step, Index steps, void* scratch)
      : data_(static_cast<std::byte*>(whole.data)),
        copy_(static_cast<std::byte*>(scratch)),
        steps_(static_cast<std::size_t>(steps)),
        outer_(scratch == nullptr ? 1 : static_cast<std::size_t>(step.shape[0])),
        row_(bytes_of(step) / std::max<std::size_t>(1, outer_)) {}

  /// Where the steps from `low` on are, or will be.
  void* begin(Index low) const { return copy_ != nullptr ? copy_ : row(0, low); }
  void read(Index low, Index count) const {
    each_row(low, count, [&](std::byte* own, std::byte* copy) { std::memcpy(copy, own, row_); });
  }
  void write(Index low, Index count) const {
    each_row(low, count, [&](std::byte* own, std::byte* copy) { std::memcpy(own, copy, row_); });
  }

 private:
  std::byte* row(std::size_t outer, Index time) const {
    return data_ + (outer * steps_ + static_cast<std::size_t>(time)) * row_;
  }

  template <class F>
  void each_row(Index low, Index count, F&& move) const {
    if (copy_ == nullptr || row_ == 0) return;
    for (std::size_t o = 0; o < outer_; ++o) {
      for (Index t = 0; t < count; ++t) {
        move(row(o, low + t), copy_ + (static_cast<std::size_t>(t) * outer_ + o) * row_);
      }
    }
  }

  std::byte* data_;
  std::byte* copy_;
  std::size_t steps_;
  std::size_t outer_;
  std::size_t row_;
};

/// The windows among the operands or results of a run.
class Windows {
 public:
  Windows(Index steps, Index longest, int time_axis) : steps_(steps), longest_(longest), axis_(time_axis) {}

  void add(std::size_t place, const Array& whole, const Spec& step) {
    windows_.emplace_back(
        place, Window(whole, step, steps_, axis_ == 0 ? nullptr : take(memory_, step, longest_).data));
  }
  void read(Index low, Index count) const {
    for (const auto& [place, window] : windows_) window.read(low, count);
  }
  void write(Index low, Index count) const {
    for (const auto& [place, window] : windows_) window.write(low, count);
  }
  /// Puts a segment's beginnings where they belong.
  void begin(Index low, std::vector<Array>& arrays) const {
    for (const auto& [place, window] : windows_) arrays[place].data = window.begin(low);
  }

 private:
  Index steps_;
  Index longest_;
  int axis_;
  Arena memory_;
  std::vector<std::pair<std::size_t, Window>> windows_;
};

}  // namespace

ScanSegments::ScanSegments(const SharedProgram& program, Index steps, Index every, int time_axis)
    : shared_(program), program_(program.program()), steps_(steps), every_(every), time_axis_(time_axis) {
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

void ScanSegments::forward(std::span<const Array> inputs, std::span<const Array> outputs) const {
  const std::size_t carries = program_.carries.size();
  const Array& kept = outputs.back();
  // Words that a carry does not fill are not left to chance.
  std::memset(kept.data, 0, static_cast<std::size_t>(count() - 1) * words_.back() * word_size);
  std::vector<Array> in(inputs.begin(), inputs.end());
  std::vector<Array> out(outputs.begin(), outputs.end() - 1);
  Windows read(steps_, longest(), time_axis_);
  Windows written(steps_, longest(), time_axis_);
  for (std::size_t i = carries; i < carries + program_.sequences.size(); ++i) {
    read.add(i, inputs[i], program_.spec(program_.input(i)));
  }
  for (std::size_t i = carries; i < carries + program_.each.size(); ++i) {
    written.add(i, outputs[i], program_.spec(program_.output(i)));
  }
  ScanRuns runs(shared_.plan(), longest());
  for (Index segment = 0; segment < count(); ++segment) {
    read.read(low(segment), length(segment));
    read.begin(low(segment), in);
    written.begin(low(segment), out);
    for (std::size_t k = 0; k < carries; ++k) {
      out[k] = segment + 1 == count() ? outputs[k] : array_at(place(kept, segment, k));
    }
    runs.run(in, out, length(segment));
    written.write(low(segment), length(segment));
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
  Windows read(steps_, longest(), time_axis_);
  std::vector<Array> in(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(program_.inputs()));
  for (std::size_t i = carries; i < carries + sequences; ++i) {
    read.add(i, inputs[i], program_.spec(program_.input(i)));
  }
  std::vector<Array> made;
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
  Windows read_back(steps_, longest(), time_axis_);
  std::vector<Array> from;
  for (const Source& source : gradient->sources) {
    const std::size_t i = source.index;
    switch (source.kind) {
      case Source::input:
        from.push_back(in[i]);
        break;
      case Source::output:
        from.push_back(made[i]);
        break;
      case Source::cotangent:
        if (i >= carries) read_back.add(from.size(), *cotangents[i], whole.spec(whole.output(i)));
        from.push_back(*cotangents[i]);
        break;
      default:
        from.push_back(array_at(const_cast<void*>(gradient->constants[i].raw())));
    }
  }

  // What it gives. The gradients by the carries go from one segment to the next, by turns in two places.
  Windows written(steps_, longest(), time_axis_);
  std::vector<Array> to(back.outputs());
  std::vector<std::array<Array, 2>> turns;
  std::vector<const Array*> first_carry(back.next.size(), nullptr);
  for (Value value : back.next)
    turns.push_back({take(memory, back.spec(value), 1), take(memory, back.spec(value), 1)});
  std::size_t result = 0;
  for (std::size_t i = 0; i < program_.inputs(); ++i) {
    if (gradient->outputs[i] < 0) continue;
    const auto output = static_cast<std::size_t>(gradient->outputs[i]);
    const Array& wanted = outputs[result++];
    if (i < carries) {
      first_carry[output] = &wanted;
    } else if (i < carries + sequences) {
      written.add(output, wanted, program_.spec(program_.input(i)));
    } else {
      to[output] = wanted;
    }
  }

  ScanRuns again(body.shared().plan(), longest());
  ScanRuns backward(gradient->program->plan(), longest());
  for (Index segment = count() - 1; segment >= 0; --segment) {
    const Index begin = low(segment);
    const Index steps = length(segment);
    for (std::size_t k = 0; k < carries; ++k)
      in[k] = segment == 0 ? inputs[k] : array_at(place(kept, segment - 1, k));
    read.read(begin, steps);
    read.begin(begin, in);
    again.run(in, made, steps);

    for (std::size_t i = 0; i < from.size(); ++i) {
      const Source& source = gradient->sources[i];
      if (source.kind == Source::input) from[i] = in[source.index];
    }
    read_back.read(begin, steps);
    read_back.begin(begin, from);
    written.begin(begin, to);
    for (std::size_t j = 0; j < turns.size(); ++j) {
      to[j] = segment == 0 && first_carry[j] != nullptr ? *first_carry[j]
                                                        : turns[j][static_cast<std::size_t>(segment & 1)];
    }
    backward.run(from, to, steps);
    written.write(begin, steps);
    for (std::size_t j = 0; j < turns.size(); ++j) from[j] = to[j];
  }
}

}  // namespace unspool::internal
