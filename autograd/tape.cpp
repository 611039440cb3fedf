#include <algorithm>
#include <atomic>
#include <memory>
#include <unordered_map>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/tape.h>
#include <unspool/autograd/tape_view.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {

using internal::TensorAccess;

TapeState::Number TapeState::Numbers::find(std::uint64_t id) const {
  if (count_ == 0) return untracked;
  for (std::size_t at = place(id);; at = (at + 1) & mask_) {
    if (entries_[at].id == id) return entries_[at].number;
    if (entries_[at].id == 0) return untracked;
  }
}

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

/// Calls f(i) for each index of a span, unrolled if its extent is fixed.
template <std::size_t extent, class F>
[[gnu::always_inline]] inline void for_each_index(std::size_t size, F f) {
  if constexpr (extent == std::dynamic_extent) {
    for (std::size_t i = 0; i < size; ++i) f(i);
  } else {
    [&]<std::size_t... i>(std::index_sequence<i...>) { (f(i), ...); }
    (std::make_index_sequence<extent>());
  }
}

/// A new serial number of a tape. 0 means no tape.
std::uint32_t new_serial() {
  static std::atomic<std::uint32_t> next{1};
  std::uint32_t serial = 0;
  while (serial == 0) serial = next.fetch_add(1, std::memory_order_relaxed);
  return serial;
}

}  // namespace

TapeState::TapeState(const GradientTapeOptions& options)
    : serial_(new_serial()),
      outer_(Engine::of_this_thread().tape),
      persistent_(options.persistent),
      watch_variables_(options.watch_accessed_variables),
      always_kept_(options.keep_all ? ~0U : 0U) {
  Engine::of_this_thread().tape = this;
}

TapeState::~TapeState() {
  stop();
  clear();
}

void TapeState::clear() {
  while (last_ != nullptr) free_last();
  arena_.clear();
}

inline void TapeState::free_last() {
  Node* const node = last_;
  last_ = node->previous;
  --size_;
  std::destroy_n(node->tensors(), node->size());
  std::destroy_at(node);
}

PooledVector<const TapeState::Node*> TapeState::nodes() const {
  PooledVector<const Node*> nodes(size_);
  const Node* node = last_;
  for (std::size_t i = size_; i-- > 0; node = node->previous) nodes[i] = node;
  return nodes;
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

inline TapeState::Number TapeState::track_newborn(const Tensor& tensor) {
  internal::TensorHead* head = TensorAccess::newborn(tensor);
  if (head->tape != 0) return track(tensor);  // An inner tape has recorded it.
  head->tape = serial_;
  return head->number = next_number_++;
}

void TapeState::watch(const Tensor& tensor) {
  check_usable();
  if (!is_floating(tensor.dtype())) {
    throw TypeError("watch: expected float32 or float64, got " + describe(tensor) +
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
        "expected an active tape, got one that has ended: gradient() may be called once, unless the tape "
        "is made with {.persistent = true}");
  }
}

template <std::size_t inputs, std::size_t outputs>
void TapeState::record(OperationRef operation, std::span<const Tensor, inputs> operands,
                       std::span<const Tensor, outputs> results, const Attributes& attributes) {
  const std::size_t size = operands.size() + results.size();
  const std::size_t bytes = sizeof(Node) + size * (sizeof(Tensor) + sizeof(Number));
  Node* const node = static_cast<Node*>(arena_.take(bytes));
  Tensor* tensor = reinterpret_cast<Tensor*>(node + 1);
  Number* number = reinterpret_cast<Number*>(tensor + size);
  bool watched = false;
  for_each_index<inputs>(operands.size(), [&](std::size_t i) {
    number[i] = number_of(operands[i]);
    watched |= number[i] != untracked;
  });
  if (!watched) return arena_.untake(bytes);
  new (node) Node{&*operation, last_, attributes, static_cast<std::uint32_t>(operands.size()),
                  static_cast<std::uint32_t>(results.size())};
  const auto keep = [](Tensor* place, const Tensor& value, bool kept) {
    new (place) Tensor(kept ? value : TensorAccess::without_elements(value));
  };
  // The last bit of a mask holds for all further tensors.
  auto kept = static_cast<std::int32_t>(operation->keep.inputs | always_kept_);
  for_each_index<inputs>(operands.size(), [&](std::size_t i) {
    keep(tensor + i, operands[i], (kept & 1) != 0);
    kept >>= 1;
  });
  tensor += operands.size();
  number += operands.size();
  kept = static_cast<std::int32_t>(operation->keep.outputs | always_kept_);
  for_each_index<outputs>(results.size(), [&](std::size_t i) {
    keep(tensor + i, results[i], (kept & 1) != 0);
    kept >>= 1;
    number[i] = is_floating(results[i].dtype()) ? track_newborn(results[i]) : untracked;
  });
  last_ = node;
  ++size_;
  if (operation->keep_rule != nullptr || always_kept_ != 0)
    finish_record(*node, {*operation, operands, attributes}, results);
}

// The instances that apply() uses.
template void TapeState::record(OperationRef, std::span<const Tensor>, std::span<const Tensor>,
                                const Attributes&);
template void TapeState::record(OperationRef, std::span<const Tensor, 1>, std::span<const Tensor, 1>,
                                const Attributes&);
template void TapeState::record(OperationRef, std::span<const Tensor, 2>, std::span<const Tensor, 1>,
                                const Attributes&);
template void TapeState::record(OperationRef, std::span<const Tensor, 3>, std::span<const Tensor, 1>,
                                const Attributes&);

void TapeState::finish_record(Node& node, const Call& call, std::span<const Tensor> outputs) {
  if (keeps_all()) {
    const std::int32_t step = Engine::of_this_thread().time_step;
    std::string layer = ErrorScope::path();
    if (places_.empty() || places_.back().step != step || places_.back().layer != layer) {
      places_.push_back({size_ - 1, std::move(layer), step});
    }
    return;
  }
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
    throw ValueError("no gradient with respect to " + describe(source.tensor()) +
                     ": the tape did not record it; call watch() before it is used");
  }
  return {number};
}

void TapeState::find_wanted(Values& values) const {
  const auto of = [&](Number number) -> Value& { return values[static_cast<std::size_t>(number)]; };
  if (std::all_of(roots_.begin(), roots_.end(), [&](Number root) { return of(root).source; })) {
    for (Value& value : values) value.wanted = true;
    return;
  }
  for (Value& value : values) value.wanted = value.source;
  for (const Node* node : nodes()) {
    const std::span<const Number> numbers(node->numbers(), node->size());
    const auto wanted = [&](Number number) { return number != untracked && of(number).wanted; };
    if (std::none_of(numbers.begin(), numbers.begin() + node->inputs, wanted)) continue;
    for (Number number : numbers.subspan(node->inputs)) {
      if (number != untracked) of(number).wanted = true;
    }
  }
}

Tensor TapeState::fitted(const Node& node, std::size_t i, const Tensor& made) {
  const Shape& shape = node.tensors()[i].shape();
  if (node.operation->elementwise()) return sum_to(made, shape);
  const Call call{*node.operation, {node.tensors(), node.inputs}, node.attributes};
  throw RuntimeError(fmt::format(
      "{}: expected a gradient of the shape and dtype of operand {}, got {} from its gradient rule",
      call.describe(), i, describe(made)));
}

void TapeState::add_gradient(const Node& node, std::size_t i, Tensor& made, Tensor& sum) {
  if (!(made.shape() == node.tensors()[i].shape())) made = fitted(node, i, made);
  if (sum) {
    sum = sum + made;
  } else {
    // No destructor is needed: the sum is empty.
    std::construct_at(&sum, std::move(made));
  }
}

/// Takes the gradient of a result, which only a source keeps.
inline Tensor TapeState::take_gradient(Value& value) {
  return value.source ? Tensor(value.gradient) : Tensor(std::move(value.gradient));
}

template <std::size_t inputs>
void TapeState::step_back_few(const Node& node, Values& values) {
  const Tensor* const tensors = node.tensors();
  const Number* const numbers = node.numbers(inputs + 1);
  if (numbers[inputs] == untracked) return;
  Value& result = values[static_cast<std::size_t>(numbers[inputs])];
  if (!result.gradient) return;
  Tensor cotangent = take_gradient(result);
  bool needed[inputs];
  bool any = false;
  for_each_index<inputs>(inputs, [&](std::size_t i) {
    needed[i] = numbers[i] != untracked && values[static_cast<std::size_t>(numbers[i])].wanted;
    any |= needed[i];
  });
  if (!any) return;
  Tensor made[inputs];
  const Call call{*node.operation, {tensors, inputs}, node.attributes};
  Backward backward(call, {tensors + inputs, 1}, {&cotangent, 1}, needed, made);
  node.operation->gradient(backward);
  for (std::size_t i = 0; i < inputs; ++i) {
    if (!needed[i] || !made[i]) continue;
    add_gradient(node, i, made[i], values[static_cast<std::size_t>(numbers[i])].gradient);
  }
}

void TapeState::step_back_many(const Node& node, Values& values) {
  const Number* const operands = node.numbers();
  const Number* const results = operands + node.inputs;
  const auto of = [&](Number number) -> Value& { return values[static_cast<std::size_t>(number)]; };
  SmallVector<Tensor, 2> cotangents(node.outputs);
  bool reached = false;
  for (std::size_t i = 0; i < node.outputs; ++i) {
    if (results[i] == untracked || !of(results[i]).gradient) continue;
    cotangents[i] = take_gradient(of(results[i]));
    reached = true;
  }
  if (!reached) return;
  SmallVector<bool, 16> needed(node.inputs);
  bool any = false;
  for (std::size_t i = 0; i < node.inputs; ++i) {
    needed[i] = operands[i] != untracked && of(operands[i]).wanted;
    any |= needed[i];
  }
  if (!any) return;
  SmallVector<Tensor, 8> made(node.inputs);
  const Call call{*node.operation, {node.tensors(), node.inputs}, node.attributes};
  Backward backward(call, {node.tensors() + node.inputs, node.outputs}, cotangents, needed, made);
  node.operation->gradient(backward);
  for (std::size_t i = 0; i < node.inputs; ++i) {
    if (needed[i] && made[i]) add_gradient(node, i, made[i], of(operands[i]).gradient);
  }
}

inline void TapeState::step_back(const Node& node, Values& values) {
  if (node.outputs == 1 && node.inputs == 1) return step_back_few<1>(node, values);
  if (node.outputs == 1 && node.inputs == 2) return step_back_few<2>(node, values);
  step_back_many(node, values);
}

TapeState::Number TapeState::checked_target(const Tensor& target, const Tensor& seed) const {
  check_usable();
  const Number number = number_of(target);
  if (number == untracked) {
    throw ValueError(
        "expected a target that the tape recorded, got " + describe(target) +
        ": watch() the inputs, read variables while the tape is active, and compute the target before the "
        "tape is stopped");
  }
  if (seed && !(seed.shape() == target.shape())) {
    throw ValueError("expected an output_gradient of the target's shape " +
                     unspool::to_string(target.shape()) + ", got " + describe(seed));
  }
  if (seed && seed.dtype() != target.dtype()) {
    throw TypeError("expected an output_gradient of the target's dtype, got " + describe(seed) + " for " +
                    describe(target));
  }
  return number;
}

std::vector<Tensor> TapeState::sweep(const Tensor& target, const Tensor& seed,
                                     std::span<const Source> sources, bool release) {
  const Number target_number = checked_target(target, seed);
  std::vector<std::vector<Number>> asked;
  for (const Source& source : sources) asked.push_back(numbers_of(source));
  if (!persistent_) stop();
  finished_ = release;
  Values values(static_cast<std::size_t>(next_number_));
  for (const auto& numbers : asked) {
    for (Number number : numbers) values[static_cast<std::size_t>(number)].source = true;
  }
  find_wanted(values);
  values[static_cast<std::size_t>(target_number)].gradient =
      seed ? seed : Tensor::ones(target.shape(), target.dtype());
  Engine& engine = Engine::of_this_thread();
  const TapeState* const outer = engine.sweeping;
  engine.sweeping = this;
  try {
    // A persistent tape that records its own sweep grows meanwhile, after the node where this loop begins.
    for (const Node* node = last_; node != nullptr;) {
      swept_ = node;
      step_back(*node, values);
      node = node->previous;
      if (release) free_last();
    }
  } catch (...) {
    engine.sweeping = outer;
    throw;
  }
  engine.sweeping = outer;

  std::vector<Tensor> results(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    for (Number number : asked[i]) {
      const Tensor& gradient = values[static_cast<std::size_t>(number)].gradient;
      if (gradient) results[i] = results[i] ? results[i] + gradient : gradient;
    }
  }
  if (release) clear();
  return results;
}

bool TapeState::label(const Tensor& tensor, Label label, std::int32_t step) {
  const Number number = number_of(tensor);
  if (number != untracked) {
    names_.push_back({static_cast<std::uint64_t>(number), label, step});
  } else if (keeps_all()) {
    constants_.push_back({tensor.id(), label, step});
  }
  return number != untracked;
}

std::string TapeState::label_among(const PooledVector<Named>& names, std::uint64_t value) {
  const auto found = std::ranges::find(names, value, &Named::value);
  return found == names.end() ? "" : internal::label_at(found->label, found->step);
}

std::string TapeState::label_of(const Tensor& tensor) const {
  const Number number = number_of(tensor);
  if (number == untracked) return label_among(constants_, tensor.id());
  return label_among(names_, static_cast<std::uint64_t>(number));
}

std::string TapeState::where_in_sweep() const {
  const Number* const results = swept_->numbers() + swept_->inputs;
  std::string of;
  for (std::size_t i = 0; i < swept_->outputs && of.empty(); ++i) {
    if (results[i] != untracked) of = label_among(names_, static_cast<std::uint64_t>(results[i]));
  }
  return fmt::format(" in the gradient of {}{}", swept_->operation->name, of.empty() ? "" : ", of " + of);
}

std::string TapeState::constant_name(const Tensor& constant) const {
  std::string name = label_among(constants_, constant.id());
  if (name.empty() && Label::carried_by(constant)) name = Label::carried_by(constant).text();
  return name.empty() ? "constant" : name;
}

std::vector<std::string> TapeState::value_names() const {
  std::vector<std::string> names(static_cast<std::size_t>(next_number_));
  const auto give = [&](std::uint64_t value, std::string name) {
    if (names[value].empty()) names[value] = std::move(name);
  };
  for (const Read& read : reads_) {
    const bool alone = std::ranges::all_of(reads_, [&](const Read& other) {
      return other.variable == read.variable || other.variable.name() != read.variable.name();
    });
    give(static_cast<std::uint64_t>(read.number), alone ? read.variable.name() : read.variable.path());
  }
  for (const Named& named : names_) give(named.value, internal::label_at(named.label, named.step));
  for (const Node* node : nodes()) {
    for (std::size_t i = 0; i < node->size(); ++i) {
      const Number number = node->numbers()[i];
      const Label carried = number == untracked ? Label() : Label::carried_by(node->tensors()[i]);
      if (carried) give(static_cast<std::uint64_t>(number), carried.text());
    }
  }
  internal::tell_apart(names);
  for (std::size_t i = 0; i < names.size(); ++i) give(i, fmt::format("%{}", i));
  return names;
}

std::string TapeState::to_string() const {
  const std::vector<std::string> names = value_names();
  std::string text;
  for (const Node* node : nodes()) {
    std::vector<std::string> inputs;
    std::vector<std::string> outputs;
    for (std::size_t i = 0; i < node->size(); ++i) {
      const Tensor& tensor = node->tensors()[i];
      const bool kept = tensor && TensorAccess::has_elements(tensor);
      const Number number = node->numbers()[i];
      const std::string name =
          number == untracked ? constant_name(tensor) : names[static_cast<std::size_t>(number)];
      (i < node->inputs ? inputs : outputs)
          .push_back(fmt::format("{} {}{}", name, describe(tensor), kept ? " kept" : ""));
    }
    if (!node->attributes.empty()) inputs.push_back(unspool::to_string(node->attributes));
    text += fmt::format("{} = {}({})\n", internal::joined(outputs, ", "), node->operation->name,
                        internal::joined(inputs, ", "));
  }
  return text;
}

std::vector<const TapeState::Place*> TapeState::record_places() const {
  static const Place nowhere{0, {}, -1};
  std::vector<const Place*> all(size_, &nowhere);
  for (std::size_t p = 0; p < places_.size(); ++p) {
    const std::size_t end = p + 1 < places_.size() ? places_[p + 1].first : size_;
    std::fill(all.begin() + static_cast<std::ptrdiff_t>(places_[p].first),
              all.begin() + static_cast<std::ptrdiff_t>(end), &places_[p]);
  }
  return all;
}

TapeView TapeState::view() const {
  TapeView view;
  view.values.resize(static_cast<std::size_t>(next_number_));
  std::vector<std::string> names = value_names();
  for (std::size_t i = 0; i < names.size(); ++i) view.values[i].recorded = true;
  for (const Read& read : reads_) {
    TapeValue& value = view.values[static_cast<std::size_t>(read.number)];
    value.variable = read.variable;
    const std::string& path = read.variable.path();
    value.layer = path.substr(0, std::min(path.rfind('/'), path.size()));
    if (path.find('/') == std::string::npos) value.layer.clear();
  }
  std::unordered_map<std::uint64_t, std::size_t> constants;
  const std::vector<const Place*> places = record_places();
  for (const Node* node : nodes()) {
    const Place& place = *places[view.records.size()];
    TapeRecord& record = view.records.emplace_back();
    record.operation = node->operation;
    record.attributes = node->attributes;
    record.layer = place.layer;
    record.step = place.step;
    for (std::size_t i = 0; i < node->size(); ++i) {
      const Tensor& tensor = node->tensors()[i];
      const Number number = node->numbers()[i];
      auto index = static_cast<std::size_t>(number);
      if (number == untracked) {
        const auto [found, added] = constants.emplace(tensor.id(), view.values.size());
        index = found->second;
        if (added) {
          view.values.emplace_back();
          names.push_back(constant_name(tensor));
        }
      }
      TapeValue& value = view.values[index];
      if (!value.tensor || !TensorAccess::has_elements(value.tensor)) value.tensor = tensor;
      if (i >= node->inputs) {
        value.layer = place.layer;
        value.step = place.step;
      }
      (i < node->inputs ? record.inputs : record.outputs).push_back(index);
    }
  }
  for (const Read& read : reads_) {
    TapeValue& value = view.values[static_cast<std::size_t>(read.number)];
    // An ordinary tape may have kept the head alone.
    const NoGradient guard;
    if (value.tensor && TensorAccess::has_elements(value.tensor)) continue;
    if (const Tensor own = read.variable.value(); !value.tensor || value.tensor.id() == own.id()) {
      value.tensor = own;
    }
  }
  internal::tell_apart(names);
  for (std::size_t i = 0; i < names.size(); ++i) view.values[i].name = std::move(names[i]);
  return view;
}

TapeSweep TapeState::observe(const Tensor& target, const TapeSweepOptions& options) const {
  const NoGradient guard;
  const Number target_number = checked_target(target, options.output_gradient);
  Values values(static_cast<std::size_t>(next_number_));
  // All of them are sources, so that none gives its gradient away.
  for (Value& value : values) value.wanted = value.source = true;
  values[static_cast<std::size_t>(target_number)].gradient =
      options.output_gradient ? options.output_gradient : Tensor::ones(target.shape(), target.dtype());
  TapeSweep sweep;
  sweep.target = static_cast<std::size_t>(target_number);
  const std::vector<const Place*> places = record_places();
  std::vector<Index> made_in(values.size(), -1);
  std::size_t index = 0;
  for (const Node* node : nodes()) {
    for (std::size_t i = node->inputs; i < node->size(); ++i) {
      if (node->numbers()[i] != untracked)
        made_in[static_cast<std::size_t>(node->numbers()[i])] = places[index]->step;
    }
    ++index;
  }
  Engine& engine = Engine::of_this_thread();
  const TapeState* const outer = std::exchange(engine.sweeping, this);
  try {
    for (swept_ = last_; swept_ != nullptr; swept_ = swept_->previous) {
      --index;
      const Number* const numbers = swept_->numbers();
      TapeSweepStep step;
      step.record = index;
      step.arriving.resize(swept_->outputs);
      step.leaving.resize(swept_->inputs);
      bool reached = false;
      for (std::size_t i = 0; i < swept_->outputs; ++i) {
        const Number number = numbers[swept_->inputs + i];
        if (number == untracked) continue;
        step.arriving[i] = values[static_cast<std::size_t>(number)].gradient;
        reached = reached || step.arriving[i];
      }
      if (!reached) continue;
      // What this record sends is told apart from what others have sent: their sums are put aside.
      std::vector<Tensor> sums(swept_->inputs);
      for (std::size_t i = 0; i < sums.size(); ++i) {
        if (numbers[i] != untracked)
          sums[i] = std::exchange(values[static_cast<std::size_t>(numbers[i])].gradient, {});
      }
      step_back(*swept_, values);
      for (std::size_t i = 0; i < sums.size(); ++i) {
        if (numbers[i] == untracked || std::find(numbers, numbers + i, numbers[i]) != numbers + i) continue;
        const auto operand = static_cast<std::size_t>(numbers[i]);
        Tensor& gradient = values[operand].gradient;
        const bool crosses = places[index]->step >= options.truncate_at && made_in[operand] >= 0 &&
                             made_in[operand] < options.truncate_at;
        if (!crosses) step.leaving[i] = gradient;
        gradient = step.leaving[i] && sums[i] ? sums[i] + step.leaving[i]
                   : step.leaving[i]          ? step.leaving[i]
                                              : sums[i];
      }
      sweep.steps.push_back(std::move(step));
    }
  } catch (...) {
    engine.sweeping = outer;
    throw;
  }
  engine.sweeping = outer;
  for (Value& value : values) sweep.gradients.push_back(std::move(value.gradient));
  return sweep;
}

Source::Source(const Tensor& tensor) : tensor_(tensor) {}
Source::Source(const Variable& variable) : variable_(variable) {}
Sources::Sources(std::initializer_list<Source> sources) : list_(sources) {}
Sources::Sources(std::vector<Source> sources) : list_(std::move(sources)) {}
Sources::Sources(const std::vector<Tensor>& tensors) : list_(tensors.begin(), tensors.end()) {}
Sources::Sources(const std::vector<Variable>& variables) : list_(variables.begin(), variables.end()) {}
std::vector<Source> Sources::list() const&& { return list_; }

GradientTape::GradientTape(GradientTapeOptions options) : state_(new TapeState(options)) {}

GradientTape::~GradientTape() { delete state_; }

void GradientTape::watch(const Tensor& tensor) { state_->watch(tensor); }
void GradientTape::watch(const Variable& variable) {
  NoGradient guard;  // value() must not record the read: read() does, trainable or not.
  state_->read(variable, variable.value());
}
void GradientTape::stop() { state_->stop(); }

std::vector<Tensor> GradientTape::gradient(const Tensor& target, const Sources& sources,
                                           GradientOptions options) {
  std::vector<Tensor> gradients =
      state_->sweep(target, options.output_gradient, sources.list(), !state_->outlives_sweep());
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

Tensor GradientTape::gradient_of(const Tensor& target, const Source& source, GradientOptions options) {
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
    const bool last = i + 1 == count && !state_->outlives_sweep();
    Tensor row = state_->sweep(target, seed, std::vector<Source>{source}, last)[0];
    rows.push_back(row ? row : Tensor::zeros(shape, dtype));
  }
  if (rows.empty()) return Tensor::zeros(target.shape() + shape, dtype);
  return reshape(stack(rows, 0), target.shape() + shape);
}

bool GradientTape::recorded(const Tensor& tensor) const { return state_->recorded(tensor); }
std::size_t GradientTape::size() const { return state_->size(); }
std::string GradientTape::to_string() const { return state_->to_string(); }
TapeView GradientTape::view() const { return state_->view(); }
TapeSweep GradientTape::sweep(const Tensor& target) const { return state_->observe(target, {}); }
TapeSweep GradientTape::sweep(const Tensor& target, const TapeSweepOptions& options) const {
  return state_->observe(target, options);
}

}  // namespace unspool
