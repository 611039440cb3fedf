#include <algorithm>
#include <fmt/format.h>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>

namespace unspool {

using internal::TensorAccess;

void TapeState::Numbers::insert(std::uint64_t id, Number number) {
  if (2 * (count_ + 1) > entries_.size()) {
    std::vector<Entry> old = std::move(entries_);
    entries_.assign(std::max<std::size_t>(64, 2 * old.size()), Entry());
    mask_ = entries_.size() - 1;
    for (const Entry& entry : old) {
      if (entry.id != 0) put(entry.id, entry.number);
    }
  }
  put(id, number);
  ++count_;
}

void TapeState::Numbers::put(std::uint64_t id, Number number) {
  std::size_t at = place(id);
  while (entries_[at].id != 0) at = (at + 1) & mask_;
  entries_[at] = {id, number};
}

TapeState::TapeState(bool persistent, bool watch_variables)
    : persistent_(persistent), watch_variables_(watch_variables) {
  Engine::of_this_thread().tapes.push_back(this);
}

TapeState::~TapeState() { stop(); }

void TapeState::stop() { std::erase(Engine::of_this_thread().tapes, this); }

TapeState::Number TapeState::track(const Tensor& tensor) {
  const Number number = next_number_++;
  numbers_.insert(tensor.id(), number);
  return number;
}

void TapeState::watch(const Tensor& tensor) {
  check_usable();
  if (!is_floating(tensor.dtype())) {
    throw TypeError("only float32 and float64 tensors have gradients, came " + describe(tensor) +
                    ": cast(x, float32) first");
  }
  if (numbers_.find(tensor.id()) == untracked) track(tensor);
}

void TapeState::read(const Variable& variable, const Tensor& value) {
  if (!is_floating(value.dtype()) || numbers_.find(value.id()) != untracked) return;
  reads_.push_back({variable, track(value)});
}

void TapeState::check_usable() const {
  if (finished_) {
    throw RuntimeError(
        "this tape has ended: a GradientTape gives gradients once, unless it is made with {.persistent = "
        "true}");
  }
}

void TapeState::record(OperationRef operation, std::span<const Tensor> inputs,
                       std::span<const Tensor> outputs, const Attributes& attributes) {
  const std::size_t first = slots_.size();
  bool watched = false;
  const Keep keep = operation->keep;
  const auto kept = [](std::uint32_t mask, std::size_t i) {
    return ((mask >> std::min<std::size_t>(i, 31)) & 1U) != 0;
  };
  SmallVector<Number, 4> operands(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    operands[i] = numbers_.find(inputs[i].id());
    watched = watched || operands[i] != untracked;
  }
  if (!watched) return;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    slots_.push_back(
        {kept(keep.inputs, i) ? inputs[i] : TensorAccess::without_elements(inputs[i]), operands[i]});
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Number number = is_floating(outputs[i].dtype()) ? track(outputs[i]) : untracked;
    slots_.push_back(
        {kept(keep.outputs, i) ? outputs[i] : TensorAccess::without_elements(outputs[i]), number});
  }
  nodes_.push_back({operation, attributes, first, static_cast<std::uint32_t>(inputs.size()),
                    static_cast<std::uint32_t>(outputs.size())});
}

std::vector<TapeState::Number> TapeState::numbers_of(const Source& source) const {
  std::vector<Number> numbers;
  if (source.variable()) {
    for (const Read& read : reads_) {
      if (read.variable == source.variable()) numbers.push_back(read.number);
    }
    return numbers;
  }
  const Number number = numbers_.find(source.tensor().id());
  if (number == untracked) {
    throw ValueError("a gradient was asked by " + describe(source.tensor()) +
                     ", which this tape never saw: watch() it before it is used");
  }
  return {number};
}

std::vector<bool> TapeState::reached_from(std::span<const std::vector<Number>> sources) const {
  std::vector<bool> reached(static_cast<std::size_t>(next_number_), false);
  for (const auto& numbers : sources) {
    for (Number number : numbers) reached[static_cast<std::size_t>(number)] = true;
  }
  for (const Node& node : nodes_) {
    const Slot* slot = &slots_[node.first_slot];
    const bool any = std::any_of(slot, slot + node.inputs, [&](const Slot& input) {
      return input.number != untracked && reached[static_cast<std::size_t>(input.number)];
    });
    if (!any) continue;
    for (const Slot* output = slot + node.inputs; output != slot + node.inputs + node.outputs; ++output) {
      if (output->number != untracked) reached[static_cast<std::size_t>(output->number)] = true;
    }
  }
  return reached;
}

void TapeState::step_back(std::size_t index, std::vector<Tensor>& gradients, const std::vector<bool>& wanted,
                          const std::vector<bool>& sources, bool release) {
  // A rule's own operations may be recorded here (on a persistent tape) and move the lists: take copies
  // first.
  const Node node = release ? std::move(nodes_[index]) : nodes_[index];
  const auto numbered = [](const Slot& slot) { return static_cast<std::size_t>(slot.number); };
  Tensors inputs(node.inputs);
  Tensors outputs(node.outputs);
  SmallVector<Number, 4> numbers(node.inputs);
  SmallVector<bool, 8> needed(node.inputs);
  Tensors cotangents(node.outputs);
  bool any = false;
  Slot* slot = &slots_[node.first_slot];
  for (std::size_t i = 0; i < node.inputs; ++i, ++slot) {
    inputs[i] = release ? std::move(slot->tensor) : slot->tensor;
    numbers[i] = slot->number;
    needed[i] = slot->number != untracked && wanted[numbered(*slot)];
  }
  for (std::size_t i = 0; i < node.outputs; ++i, ++slot) {
    outputs[i] = release ? std::move(slot->tensor) : slot->tensor;
    if (slot->number == untracked) continue;
    Tensor& gradient = gradients[numbered(*slot)];
    cotangents[i] = sources[numbered(*slot)] ? gradient : std::move(gradient);
    any = any || cotangents[i];
  }
  if (!any || std::find(needed.begin(), needed.end(), true) == needed.end()) return;

  Engine& engine = Engine::of_this_thread();
  const std::string_view outer = std::exchange(engine.backward_of, node.operation->name);
  Tensors made(node.inputs);
  const Call call{*node.operation, inputs, node.attributes};
  Backward backward(call, outputs, cotangents, needed, made);
  try {
    node.operation->gradient(backward);
    for (std::size_t i = 0; i < node.inputs; ++i) {
      if (!needed[i] || !made[i]) continue;
      if (!(made[i].shape() == inputs[i].shape())) {
        if (!node.operation->elementwise()) {
          throw RuntimeError(fmt::format("the gradient rule of {} gave {} for operand {}", call.describe(),
                                         describe(made[i]), i));
        }
        made[i] = sum_to(made[i], inputs[i].shape());
      }
      Tensor& sum = gradients[static_cast<std::size_t>(numbers[i])];
      sum = sum ? sum + made[i] : std::move(made[i]);
    }
  } catch (...) {
    engine.backward_of = outer;
    throw;
  }
  engine.backward_of = outer;
}

std::vector<Tensor> TapeState::sweep(const Tensor& target, const Tensor& seed,
                                     std::span<const Source> sources, bool release) {
  check_usable();
  const Number target_number = numbers_.find(target.id());
  if (target_number == untracked) {
    throw ValueError(
        "the target " + describe(target) +
        " was not computed from anything that this tape watched: watch() the inputs, read variables "
        "while the tape is active, and compute the target before the tape is stopped");
  }
  if (seed && !(seed.shape() == target.shape())) {
    throw ValueError("output_gradient must have the target's shape " + unspool::to_string(target.shape()) +
                     ", came " + describe(seed));
  }
  if (seed && seed.dtype() != target.dtype()) {
    throw TypeError("output_gradient must have the target's dtype, came " + describe(seed) + " for " +
                    describe(target));
  }
  std::vector<std::vector<Number>> asked;
  for (const Source& source : sources) asked.push_back(numbers_of(source));
  if (release) {
    stop();
    finished_ = true;
  }
  const std::vector<bool> wanted = reached_from(asked);
  std::vector<bool> is_source(wanted.size(), false);
  for (const auto& numbers : asked) {
    for (Number number : numbers) is_source[static_cast<std::size_t>(number)] = true;
  }
  std::vector<Tensor> gradients(wanted.size());
  gradients[static_cast<std::size_t>(target_number)] =
      seed ? seed : Tensor::ones(target.shape(), target.dtype());
  for (std::size_t index = nodes_.size(); index-- > 0;)
    step_back(index, gradients, wanted, is_source, release);

  std::vector<Tensor> results(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    for (Number number : asked[i]) {
      const Tensor& gradient = gradients[static_cast<std::size_t>(number)];
      if (gradient) results[i] = results[i] ? results[i] + gradient : gradient;
    }
  }
  if (release) {
    nodes_ = {};
    slots_ = {};
  }
  return results;
}

std::string TapeState::to_string() const {
  std::string text;
  for (const Node& node : nodes_) {
    const auto print = [&](const Slot& slot) {
      const bool kept = slot.tensor && TensorAccess::has_elements(slot.tensor);
      const std::string name = slot.number == untracked ? "constant" : fmt::format("%{}", slot.number);
      return fmt::format("{} {}{}", name, describe(slot.tensor), kept ? " kept" : "");
    };
    std::vector<std::string> inputs;
    std::vector<std::string> outputs;
    const Slot* slot = &slots_[node.first_slot];
    for (std::size_t i = 0; i < node.inputs; ++i) inputs.push_back(print(*slot++));
    for (std::size_t i = 0; i < node.outputs; ++i) outputs.push_back(print(*slot++));
    if (!node.attributes.empty()) inputs.push_back(unspool::to_string(node.attributes));
    text +=
        fmt::format("{} = {}({})\n", fmt::join(outputs, ", "), node.operation->name, fmt::join(inputs, ", "));
  }
  return text;
}

GradientTape::GradientTape(GradientTapeOptions options)
    : state_(std::make_unique<TapeState>(options.persistent, options.watch_accessed_variables)) {}

GradientTape::~GradientTape() = default;

void GradientTape::watch(const Tensor& tensor) { state_->watch(tensor); }
void GradientTape::watch(const Variable& variable) {
  NoGradient guard;  // the read itself is entered by hand, trainable or not
  state_->read(variable, variable.value());
}
void GradientTape::stop() { state_->stop(); }

std::vector<Tensor> GradientTape::gradient(const Tensor& target, const Sources& sources,
                                           GradientOptions options) {
  std::vector<Tensor> gradients =
      state_->sweep(target, options.output_gradient, sources.list(), !state_->persistent());
  if (options.unconnected == Unconnected::zero) {
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (gradients[i]) continue;
      const Source& source = sources.list()[i];
      gradients[i] = source.variable() ? Tensor::zeros(source.variable().shape(), source.variable().dtype())
                                       : Tensor::zeros(source.tensor().shape(), source.tensor().dtype());
    }
  }
  return gradients;
}

Tensor GradientTape::gradient(const Tensor& target, const Source& source, GradientOptions options) {
  return std::move(gradient(target, Sources{source}, std::move(options))[0]);
}

Tensor GradientTape::jacobian(const Tensor& target, const Source& source) {
  const Index count = target.size();
  const Shape shape = source.variable() ? source.variable().shape() : source.tensor().shape();
  const DType dtype = source.variable() ? source.variable().dtype() : source.tensor().dtype();
  if (!state_->persistent()) state_->stop();
  std::vector<Tensor> rows;
  for (Index i = 0; i < count; ++i) {
    std::vector<double> one(static_cast<std::size_t>(count), 0.0);
    one[static_cast<std::size_t>(i)] = 1;
    const Tensor seed = cast(reshape(Tensor::from(one), target.shape()), target.dtype());
    const bool last = i + 1 == count && !state_->persistent();
    Tensor row = state_->sweep(target, seed, std::vector<Source>{source}, last)[0];
    rows.push_back(row ? row : Tensor::zeros(shape, dtype));
  }
  if (rows.empty()) return Tensor::zeros(target.shape() + shape, dtype);
  return reshape(stack(rows, 0), target.shape() + shape);
}

bool GradientTape::recorded(const Tensor& tensor) const { return state_->recorded(tensor); }
std::size_t GradientTape::size() const { return state_->size(); }
std::string GradientTape::to_string() const { return state_->to_string(); }

}  // namespace unspool
