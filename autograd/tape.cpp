#include <algorithm>
#include <atomic>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {

using internal::TensorAccess;

void TapeState::Numbers::insert(std::uint64_t id, Number number) {
  if (2 * (count_ + 1) > entries_.size()) {
    PooledVector<Entry> old = std::move(entries_);
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

namespace {

/// Tells tapes apart, for as long as values remember them; 0 is no tape.
std::uint32_t new_serial() {
  static std::atomic<std::uint32_t> next{1};
  std::uint32_t serial = 0;
  while (serial == 0) serial = next.fetch_add(1, std::memory_order_relaxed);
  return serial;
}

}  // namespace

TapeState::TapeState(bool persistent, bool watch_variables)
    : serial_(new_serial()),
      outer_(Engine::of_this_thread().tape),
      persistent_(persistent),
      watch_variables_(watch_variables) {
  Engine::of_this_thread().tape = this;
}

TapeState::~TapeState() {
  stop();
  clear();
}

void TapeState::clear() {
  while (!nodes_.empty()) free_last();
  arena_.clear();
}

void TapeState::free_last() {
  Node* node = nodes_.back();
  nodes_.pop_back();
  std::destroy_n(node->tensors(), node->size());
  std::destroy_at(node);
}

void TapeState::stop() {
  TapeState** link = &Engine::of_this_thread().tape;
  while (*link != nullptr && *link != this) link = &(*link)->outer_;
  if (*link == this) *link = outer_;
}

TapeState::Number TapeState::track(const Tensor& tensor) {
  const Number number = next_number_++;
  numbers_.insert(tensor.id(), number);
  return number;
}

TapeState::Number TapeState::track_newborn(const Tensor& tensor) {
  internal::TensorHead* head = TensorAccess::newborn(tensor);
  if (head->tape != 0) return track(tensor);  // an inner tape was first
  head->tape = serial_;
  return head->number = next_number_++;
}

void TapeState::watch(const Tensor& tensor) {
  check_usable();
  if (!is_floating(tensor.dtype())) {
    throw TypeError("only float32 and float64 tensors have gradients, came " + describe(tensor) +
                    ": cast(x, float32) first");
  }
  if (!recorded(tensor)) roots_.push_back(track(tensor));
}

void TapeState::read(const Variable& variable, const Tensor& value) {
  if (!is_floating(value.dtype()) || recorded(value)) return;
  reads_.push_back({variable, track(value)});
  roots_.push_back(reads_.back().number);
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
  // Numbers are looked up once for the few operands that most operations have.
  constexpr std::size_t few = 4;
  Number looked_up[few];
  bool watched = false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Number number = number_of(inputs[i]);
    if (i < few) looked_up[i] = number;
    watched = watched || number != untracked;
  }
  if (!watched) return;
  const std::size_t size = inputs.size() + outputs.size();
  void* memory = arena_.take(sizeof(Node) + size * (sizeof(Tensor) + sizeof(Number)));
  Node& node = *new (memory) Node{&*operation, attributes, static_cast<std::uint32_t>(inputs.size()),
                                  static_cast<std::uint32_t>(outputs.size())};
  Tensor* tensor = node.tensors();
  Number* number = node.numbers();
  const auto keep = [&](const Tensor& value, std::uint32_t mask, std::size_t i) {
    const bool kept = ((mask >> std::min<std::size_t>(i, 31)) & 1U) != 0;
    TensorAccess::copy_to(tensor++, value, kept);
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    keep(inputs[i], operation->keep.inputs, i);
    *number++ = i < few ? looked_up[i] : number_of(inputs[i]);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    keep(outputs[i], operation->keep.outputs, i);
    *number++ = is_floating(outputs[i].dtype()) ? track_newborn(outputs[i]) : untracked;
  }
  if (operation->keep_rule != nullptr) forget(node, {*operation, inputs, attributes}, outputs);
  nodes_.push_back(&node);
}

void TapeState::forget(Node& node, const Call& call, std::span<const Tensor> outputs) {
  SmallVector<bool, 32> kept(node.size());
  const std::span<bool> all(kept.data(), kept.size());
  keeps(call, outputs, all.first(node.inputs), all.last(node.outputs));
  for (std::size_t i = 0; i < node.size(); ++i) {
    Tensor& tensor = node.tensors()[i];
    if (!kept[i]) tensor = TensorAccess::without_elements(tensor);
  }
}

std::vector<TapeState::Number> TapeState::numbers_of(const Source& source) const {
  std::vector<Number> numbers;
  if (source.variable()) {
    for (const Read& read : reads_) {
      if (read.variable == source.variable()) numbers.push_back(read.number);
    }
    return numbers;
  }
  const Number number = number_of(source.tensor());
  if (number == untracked) {
    throw ValueError("a gradient was asked by " + describe(source.tensor()) +
                     ", which this tape never saw: watch() it before it is used");
  }
  return {number};
}

TapeState::Flags TapeState::reached_from(const Flags& sources) const {
  const auto is_source = [&](Number root) { return sources[static_cast<std::size_t>(root)] != 0; };
  if (std::all_of(roots_.begin(), roots_.end(), is_source)) return Flags(sources.size(), 1);
  Flags reached = sources;
  for (const Node* node : nodes_) {
    const Number* number = node->numbers();
    const Number* const outputs = number + node->inputs;
    bool any = false;
    for (; number != outputs; ++number)
      any = any || (*number != untracked && reached[static_cast<std::size_t>(*number)]);
    if (!any) continue;
    for (; number != outputs + node->outputs; ++number) {
      if (*number != untracked) reached[static_cast<std::size_t>(*number)] = 1;
    }
  }
  return reached;
}

void TapeState::step_back(const Node& node, Values& gradients, const Flags& wanted, const Flags& sources) {
  const Number* const operands = node.numbers();
  const Number* const results = operands + node.inputs;
  const auto take = [&](Number number, Tensor& cotangent) {
    Tensor& gradient = gradients[static_cast<std::size_t>(number)];
    if (!gradient) return false;
    cotangent = sources[static_cast<std::size_t>(number)] != 0 ? gradient : std::move(gradient);
    return true;
  };
  const auto find_needed = [&](bool* needed) {
    bool any = false;
    for (std::size_t i = 0; i < node.inputs; ++i) {
      needed[i] = operands[i] != untracked && wanted[static_cast<std::size_t>(operands[i])] != 0;
      any = any || needed[i];
    }
    return any;
  };
  // Most operations have one output and few operands: what they need then lies on the stack.
  constexpr std::size_t few = 3;
  if (node.outputs == 1 && node.inputs <= few) {
    Tensor cotangent;
    if (*results == untracked || !take(*results, cotangent)) return;
    bool needed[few];
    if (!find_needed(needed)) return;
    if (node.inputs == 1) {
      Tensor made;
      run_gradient(node, {&cotangent, 1}, {needed, 1}, {&made, 1}, gradients);
      return;
    }
    Tensor made[few];
    run_gradient(node, {&cotangent, 1}, {needed, node.inputs}, {made, node.inputs}, gradients);
    return;
  }
  SmallVector<Tensor, 2> cotangents(node.outputs);
  bool reached = false;
  for (std::size_t i = 0; i < node.outputs; ++i) {
    if (results[i] != untracked && take(results[i], cotangents[i])) reached = true;
  }
  SmallVector<bool, 16> needed(node.inputs);
  if (!reached || !find_needed(needed.data())) return;
  SmallVector<Tensor, 8> made(node.inputs);
  run_gradient(node, cotangents, needed, made, gradients);
}

inline void TapeState::run_gradient(const Node& node, std::span<Tensor> cotangents,
                                    std::span<const bool> needed, std::span<Tensor> made, Values& gradients) {
  const std::span<const Tensor> inputs(node.tensors(), node.inputs);
  const Call call{*node.operation, inputs, node.attributes};
  Backward backward(call, {node.tensors() + node.inputs, node.outputs}, cotangents, needed, made);
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
    Tensor& sum = gradients[static_cast<std::size_t>(node.numbers()[i])];
    sum = sum ? sum + made[i] : std::move(made[i]);
  }
}

std::vector<Tensor> TapeState::sweep(const Tensor& target, const Tensor& seed,
                                     std::span<const Source> sources, bool release) {
  check_usable();
  const Number target_number = number_of(target);
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
  Flags is_source(static_cast<std::size_t>(next_number_), 0);
  for (const auto& numbers : asked) {
    for (Number number : numbers) is_source[static_cast<std::size_t>(number)] = 1;
  }
  const Flags wanted = reached_from(is_source);
  Values gradients(wanted.size());
  gradients[static_cast<std::size_t>(target_number)] =
      seed ? seed : Tensor::ones(target.shape(), target.dtype());
  Engine& engine = Engine::of_this_thread();
  const std::string_view outer = engine.backward_of;
  try {
    // By index: a persistent tape that records its own sweep grows meanwhile.
    for (std::size_t index = nodes_.size(); index-- > 0;) {
      engine.backward_of = nodes_[index]->operation->name;
      step_back(*nodes_[index], gradients, wanted, is_source);
      if (release) free_last();
    }
  } catch (...) {
    engine.backward_of = outer;
    throw;
  }
  engine.backward_of = outer;

  std::vector<Tensor> results(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    for (Number number : asked[i]) {
      const Tensor& gradient = gradients[static_cast<std::size_t>(number)];
      if (gradient) results[i] = results[i] ? results[i] + gradient : gradient;
    }
  }
  if (release) clear();
  return results;
}

std::string TapeState::to_string() const {
  std::string text;
  for (const Node* node : nodes_) {
    std::vector<std::string> inputs;
    std::vector<std::string> outputs;
    for (std::size_t i = 0; i < node->size(); ++i) {
      const Tensor& tensor = node->tensors()[i];
      const bool kept = tensor && TensorAccess::has_elements(tensor);
      const std::string name =
          node->numbers()[i] == untracked ? "constant" : fmt::format("%{}", node->numbers()[i]);
      (i < node->inputs ? inputs : outputs)
          .push_back(fmt::format("{} {}{}", name, describe(tensor), kept ? " kept" : ""));
    }
    if (!node->attributes.empty()) inputs.push_back(unspool::to_string(node->attributes));
    text += fmt::format("{} = {}({})\n", fmt::join(outputs, ", "), node->operation->name,
                        fmt::join(inputs, ", "));
  }
  return text;
}

Source::Source(const Tensor& tensor) : tensor_(tensor) {}
Source::Source(const Variable& variable) : variable_(variable) {}
Sources::Sources(std::initializer_list<Source> sources) : list_(sources) {}
Sources::Sources(std::vector<Source> sources) : list_(std::move(sources)) {}
Sources::Sources(const std::vector<Tensor>& tensors) : list_(tensors.begin(), tensors.end()) {}
Sources::Sources(const std::vector<Variable>& variables) : list_(variables.begin(), variables.end()) {}

GradientTape::GradientTape(GradientTapeOptions options)
    : state_(new TapeState(options.persistent, options.watch_accessed_variables)) {}

GradientTape::~GradientTape() { delete state_; }

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
