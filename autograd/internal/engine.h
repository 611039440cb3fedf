#pragma once

#include <string_view>
#include <vector>

#include <unspool/autograd/operation.h>
#include <unspool/autograd/tape.h>
#include <unspool/autograd/variable.h>

namespace unspool {

/// What surrounds the operations of one thread.
struct Engine {
  /// The tapes that record, outermost first.
  std::vector<class TapeState*> tapes;
  bool recording = true;
  bool anomaly = false;
  /// The operation whose gradient rule runs; empty outside a sweep.
  std::string_view backward_of;

  static Engine& of_this_thread();
  bool records() const { return recording && !tapes.empty(); }
};

struct Variable::State {
  Tensor value;
  VariableOptions options;
  std::string path;
  std::uint64_t version = 0;
};

/// The list behind a GradientTape. Values on it are numbered in order of birth; an operation holds the
/// numbers of its operands and outputs, so that one sweep from the last to the first visits every use before
/// its source.
class TapeState {
 public:
  explicit TapeState(bool persistent, bool watch_variables);
  ~TapeState();
  TapeState(const TapeState&) = delete;
  TapeState& operator=(const TapeState&) = delete;

  void record(OperationRef operation, std::span<const Tensor> inputs, std::span<const Tensor> outputs,
              const Attributes& attributes);
  void watch(const Tensor& tensor);
  void read(const Variable& variable, const Tensor& value);
  bool watches_variables() const { return watch_variables_; }
  void stop();
  bool persistent() const { return persistent_; }

  /// The gradients of sum(target * seed), one a source; empty where the target does not depend on it. With
  /// `release`, what the sweep has passed is freed, and the tape is at its end.
  std::vector<Tensor> sweep(const Tensor& target, const Tensor& seed, std::span<const Source> sources,
                            bool release);
  bool recorded(const Tensor& tensor) const { return numbers_.find(tensor.id()) != untracked; }
  std::size_t size() const { return nodes_.size(); }
  std::string to_string() const;

 private:
  using Number = std::int32_t;
  static constexpr Number untracked = -1;

  struct Slot {
    Tensor tensor;
    Number number;
  };
  struct Node {
    OperationRef operation;
    Attributes attributes;
    std::size_t first_slot;
    std::uint32_t inputs;
    std::uint32_t outputs;
  };
  struct Read {
    Variable variable;
    Number number;
  };

  /// Numbers by identity: open addressing. Identities are born in order, so neighbours in time are neighbours
  /// here.
  class Numbers {
   public:
    Number find(std::uint64_t id) const {
      if (entries_.empty()) return untracked;
      for (std::size_t at = place(id);; at = (at + 1) & mask_) {
        if (entries_[at].id == id) return entries_[at].number;
        if (entries_[at].id == 0) return untracked;
      }
    }
    void insert(std::uint64_t id, Number number);

   private:
    struct Entry {
      std::uint64_t id = 0;
      Number number = untracked;
    };
    std::size_t place(std::uint64_t id) const { return (id + (id >> 16U) * 0x9E3779B1U) & mask_; }
    void put(std::uint64_t id, Number number);
    std::vector<Entry> entries_;
    std::size_t mask_ = 0;
    std::size_t count_ = 0;
  };

  Number track(const Tensor& tensor);
  void check_usable() const;
  std::vector<Number> numbers_of(const Source& source) const;
  /// For each number whether it depends on one of these.
  std::vector<bool> reached_from(std::span<const std::vector<Number>> sources) const;
  void step_back(std::size_t node, std::vector<Tensor>& gradients, const std::vector<bool>& wanted,
                 const std::vector<bool>& sources, bool release);

  std::vector<Node> nodes_;
  std::vector<Slot> slots_;
  std::vector<Read> reads_;
  Numbers numbers_;
  Number next_number_ = 0;
  bool persistent_;
  bool watch_variables_;
  bool finished_ = false;
};

}  // namespace unspool
