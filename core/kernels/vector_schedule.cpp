#include <algorithm>

#include <unspool/core/kernels/machine.h>
#include <unspool/core/kernels/vector_schedule.h>

namespace unspool::kernels {
namespace {

using Value = VectorItems::Value;

std::size_t slot_of(Value value) { return static_cast<std::size_t>(value); }

/// In cycles, about.
int latency(VectorOp op) {
  switch (op) {
    case VectorOp::load:
    case VectorOp::broadcast:
    case VectorOp::broadcast_bool:
      return 6;
    case VectorOp::divide:
    case VectorOp::sqrt:
      return 12;
    case VectorOp::bit_and:
    case VectorOp::bit_or:
    case VectorOp::bit_xor:
    case VectorOp::add_int:
    case VectorOp::subtract_int:
    case VectorOp::shift_left:
    case VectorOp::shift_right:
    case VectorOp::store:
    case VectorOp::unless_far:
      return 1;
    case VectorOp::select:
      return 2;
    case VectorOp::permute:
      return 3;
    default:
      return 4;
  }
}

/// Which items wait for which others, and how many read each.
struct Dependences {
  explicit Dependences(std::size_t count) : after(count), waits(count), readers(count) {}
  void add(Value item, Value on) {
    after[slot_of(on)].push_back(item);
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
    // It may be in place of what was read before. A load that is an operand is done where that is used.
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

int VectorItems::last_read(Value item, const std::vector<int>& readers) const {
  const std::array<Value, 3>& read = operands(item);
  int last = 0;
  for (std::size_t i = 0; i < read.size(); ++i) {
    const auto* const before = read.begin() + i;
    if (read[i] < 0 || is_constant(read[i]) || std::find(read.begin(), before, read[i]) != before) continue;
    last += readers[slot_of(read[i])] == static_cast<int>(std::ranges::count(read, read[i]));
  }
  return last;
}

std::vector<Value> VectorItems::in_order(int most_alive) const {
  std::vector<Value> items;
  for (std::size_t v = 0; v < items_.size(); ++v) {
    if (items_[v].needed && !is_constant(*items_[v].step)) items.push_back(static_cast<Value>(v));
  }
  auto [after, waits, readers] = dependences_of(*this, items);
  // Cycles from the begin of an item to the end of all that waits for it.
  std::vector<int> height(items_.size());
  for (std::size_t i = items.size(); i-- > 0;) {
    int& own = height[slot_of(items[i])];
    for (Value next : after[slot_of(items[i])]) own = std::max(own, height[slot_of(next)]);
    own += latency(step(items[i]).op);
  }
  std::vector<int> earliest(items_.size());
  std::vector<Value> ready;
  for (Value item : items) {
    if (waits[slot_of(item)] == 0) ready.push_back(item);
  }
  std::vector<Value> order;
  int time = 0;
  int begun = 0;
  int alive = 0;
  while (!ready.empty()) {
    const bool full = alive >= most_alive;
    const auto better = [&, &readers = readers](Value a, Value b) {
      const bool ends_a = full && last_read(a, readers) > 0;
      const bool ends_b = full && last_read(b, readers) > 0;
      if (ends_a != ends_b) return ends_a;
      const int time_a = std::max(earliest[slot_of(a)], time);
      const int time_b = std::max(earliest[slot_of(b)], time);
      if (time_a != time_b) return time_a < time_b;
      if (height[slot_of(a)] != height[slot_of(b)]) return height[slot_of(a)] > height[slot_of(b)];
      return a < b;
    };
    const auto best = std::ranges::min_element(ready, better);
    const Value item = *best;
    ready.erase(best);
    order.push_back(item);
    const int begin = std::max(time, earliest[slot_of(item)]);
    if (begin > time) {
      time = begin;
      begun = 0;
    }
    if (++begun == machine::vector_issue_width) {
      ++time;
      begun = 0;
    }
    alive -= last_read(item, readers);
    for (Value value : operands(item)) {
      if (value >= 0 && !is_constant(value)) --readers[slot_of(value)];
    }
    if (step(item).op != VectorOp::store) ++alive;
    for (Value next : after[slot_of(item)]) {
      earliest[slot_of(next)] = std::max(earliest[slot_of(next)], begin + latency(step(item).op));
      if (--waits[slot_of(next)] == 0) ready.push_back(next);
    }
  }
  return order;
}

}  // namespace unspool::kernels
