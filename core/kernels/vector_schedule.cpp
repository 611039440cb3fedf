#include <algorithm>
#include <tuple>

#include <unspool/core/kernels/machine.h>
#include <unspool/core/kernels/vector_schedule.h>

namespace unspool::kernels {
namespace {

using Value = VectorItems::Value;

std::size_t slot_of(Value value) { return static_cast<std::size_t>(value); }

/// Which items follow an item, how many each waits for, and how many read its value.
struct Dependences {
  explicit Dependences(std::size_t count) : after(count), waits(count), readers(count) {}
  void add(Value item, Value before) {
    after[slot_of(before)].push_back(item);
    ++waits[slot_of(item)];
  }
  std::vector<std::vector<Value>> after;
  std::vector<int> waits;
  std::vector<int> readers;
};

Dependences dependences_of(const VectorItems& all, const std::vector<Value>& items) {
  Dependences made(all.size());
  for (Value item : items) {
    for (Value value : all.operands(item)) {
      if (value < 0 || all.is_constant(value)) continue;
      made.add(item, value);
      ++made.readers[slot_of(value)];
    }
  }
  std::vector<Value> loads;
  for (Value item : items) {
    if (all.step(item).op == VectorOp::load) loads.push_back(item);
    if (all.step(item).op != VectorOp::store) continue;
    // A store may overwrite what was loaded before it. A load that becomes an operand in memory is done by
    // its reader.
    for (Value load : loads) {
      if (all.vector(load) != all.vector(item)) continue;
      const std::vector<Value>& by = made.after[slot_of(load)];
      const bool direct =
          by.front() == by[static_cast<std::size_t>(made.readers[slot_of(load)]) - 1] && by.front() != item;
      made.add(item, direct ? by.front() : load);
    }
  }
  return made;
}

}  // namespace

VectorItems::VectorItems(const VectorProgram& program, int vectors) {
  const std::vector<Step>& steps = program.steps;
  std::vector<bool> needed(steps.size());
  for (std::size_t i = steps.size(); i-- > 0;) {
    if (steps[i].op == VectorOp::store) needed[i] = true;
    if (!needed[i]) continue;
    for (Value value : {steps[i].a, steps[i].b, steps[i].c}) {
      if (value >= 0) needed[slot_of(value)] = true;
    }
  }
  for (int v = 0; v < vectors; ++v) {
    const Value first = v * static_cast<Value>(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
      std::array<Value, 3> operands = {steps[i].a, steps[i].b, steps[i].c};
      for (Value& operand : operands) {
        if (operand >= 0 && !is_constant(steps[slot_of(operand)])) operand += first;
      }
      items_.push_back({&steps[i], v, operands, needed[i]});
    }
  }
}

int VectorItems::last_reads(Value item, const std::vector<int>& readers) const {
  const auto ends = [&](Value value, int reads) {
    return value >= 0 && !is_constant(value) && readers[slot_of(value)] == reads ? 1 : 0;
  };
  const auto& [a, b, c] = operands(item);
  int last = ends(a, 1 + (b == a ? 1 : 0) + (c == a ? 1 : 0));
  if (b != a) last += ends(b, 1 + (c == b ? 1 : 0));
  if (c != a && c != b) last += ends(c, 1);
  return last;
}

std::vector<Value> VectorItems::in_order(int most_alive) const {
  std::vector<Value> items;
  for (std::size_t v = 0; v < items_.size(); ++v) {
    if (items_[v].needed && !is_constant(*items_[v].step)) items.push_back(static_cast<Value>(v));
  }
  Dependences dependences = dependences_of(*this, items);
  std::vector<std::vector<Value>>& after = dependences.after;
  std::vector<int>& waits = dependences.waits;
  std::vector<int>& readers = dependences.readers;
  // Cycles from the begin of an item to the end of the last one that waits for it.
  std::vector<int> height(items_.size());
  for (std::size_t i = items.size(); i-- > 0;) {
    int& own = height[slot_of(items[i])];
    for (Value next : after[slot_of(items[i])]) own = std::max(own, height[slot_of(next)]);
    own += info_of(step(items[i]).op).latency;
  }
  std::vector<int> earliest(items_.size());
  std::vector<Value> ready;
  for (Value item : items) {
    if (waits[slot_of(item)] == 0) ready.push_back(item);
  }
  std::vector<Value> order;
  int time = 0;
  int issued = 0;
  int alive = 0;
  while (!ready.empty()) {
    const bool full = alive >= most_alive;
    // What frees a register comes first where all are taken, then what can begin first, then what most waits
    // for.
    const auto rank = [&](std::size_t place) {
      const Value item = ready[place];
      const bool ends = full && last_reads(item, readers) > 0;
      return std::tuple(!ends, std::max(earliest[slot_of(item)], time), -height[slot_of(item)], item);
    };
    std::size_t best = 0;
    auto least = rank(0);
    for (std::size_t place = 1; place < ready.size(); ++place) {
      const auto own = rank(place);
      if (own >= least) continue;
      best = place;
      least = own;
    }
    const Value item = ready[best];
    ready.erase(ready.begin() + static_cast<std::ptrdiff_t>(best));
    order.push_back(item);
    const int begin = std::max(time, earliest[slot_of(item)]);
    if (begin > time) {
      time = begin;
      issued = 0;
    }
    if (++issued == machine::vector_issue_width) {
      ++time;
      issued = 0;
    }
    alive -= last_reads(item, readers);
    for (Value value : operands(item)) {
      if (value >= 0 && !is_constant(value)) --readers[slot_of(value)];
    }
    if (step(item).op != VectorOp::store) ++alive;
    for (Value next : after[slot_of(item)]) {
      earliest[slot_of(next)] = std::max(earliest[slot_of(next)], begin + info_of(step(item).op).latency);
      if (--waits[slot_of(next)] == 0) ready.push_back(next);
    }
  }
  return order;
}

}  // namespace unspool::kernels
