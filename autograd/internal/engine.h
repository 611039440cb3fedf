#pragma once

#include <string_view>
#include <vector>

#include <unspool/autograd/operation.h>
#include <unspool/autograd/tape.h>
#include <unspool/autograd/variable.h>
#include <unspool/core/pooled.h>

namespace unspool {

/// What surrounds the operations of one thread.
struct Engine {
  /// The innermost of the tapes that record.
  class TapeState* tape = nullptr;
  bool recording = true;
  bool anomaly = false;
  /// The operation whose gradient rule runs; empty outside a sweep.
  std::string_view backward_of{};

  bool records() const { return recording && tape != nullptr; }
  static Engine& of_this_thread() { return instance_; }

 private:
  static constinit thread_local Engine instance_;
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
  /// The next tape around this one, among those that record.
  TapeState* outer() const { return outer_; }
  bool persistent() const { return persistent_; }

  /// The gradients of sum(target * seed), one a source; empty where the target does not depend on it. With
  /// `release`, what the sweep has passed is freed, and the tape is at its end.
  std::vector<Tensor> sweep(const Tensor& target, const Tensor& seed, std::span<const Source> sources,
                            bool release);
  bool recorded(const Tensor& tensor) const { return number_of(tensor) != untracked; }
  std::size_t size() const { return nodes_.size(); }
  std::string to_string() const;

 private:
  using Number = std::int32_t;
  static constexpr Number untracked = -1;

  /// One use of an operation. Its tensors and their numbers, operands first, follow it in memory.
  struct Node {
    const Operation* operation;
    Attributes attributes;
    std::uint32_t inputs;
    std::uint32_t outputs;

    std::size_t size() const { return inputs + outputs; }
    Tensor* tensors() { return reinterpret_cast<Tensor*>(this + 1); }
    const Tensor* tensors() const { return reinterpret_cast<const Tensor*>(this + 1); }
    Number* numbers() { return reinterpret_cast<Number*>(tensors() + size()); }
    const Number* numbers() const { return reinterpret_cast<const Number*>(tensors() + size()); }
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
      if (count_ == 0) return untracked;
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
    std::size_t place(std::uint64_t id) const {
      return ((((id >> 2U) * 0x9E3779B97F4A7C15U) >> 24U << 2U) | (id & 3U)) & mask_;
    }
    void put(std::uint64_t id, Number number);
    PooledVector<Entry> entries_;
    std::size_t mask_ = 0;
    std::size_t count_ = 0;
  };

  /// Numbers or tensors of the values on a tape, by number.
  using Flags = PooledVector<std::uint8_t>;
  using Values = PooledVector<Tensor>;

  Number number_of(const Tensor& tensor) const {
    const internal::TensorHead* head = internal::TensorAccess::head(tensor);
    return head->tape == serial_ ? head->number : numbers_.find(head->id);
  }
  /// Lets go of what the operation's keep_rule does not name.
  static void forget(Node& node, const Call& call, std::span<const Tensor> outputs);
  Number track(const Tensor& tensor);
  Number track_newborn(const Tensor& tensor);
  void clear();
  void check_usable() const;
  std::vector<Number> numbers_of(const Source& source) const;
  /// For each number whether it depends on a source (one that is marked).
  Flags reached_from(const Flags& sources) const;
  void step_back(const Node& node, Values& gradients, const Flags& wanted, const Flags& sources);
  /// Adds what the rule of an operation makes of its cotangents to the gradients.
  static void run_gradient(const Node& node, std::span<Tensor> cotangents, std::span<const bool> needed,
                           std::span<Tensor> made, Values& gradients);
  void free_last();

  PooledVector<Node*> nodes_;
  Arena arena_;
  std::vector<Read> reads_;
  Numbers numbers_;
  /// What was watched or read, as against computed.
  PooledVector<Number> roots_;
  Number next_number_ = 0;
  std::uint32_t serial_;
  TapeState* outer_;
  bool persistent_;
  bool watch_variables_;
  bool finished_ = false;
};

}  // namespace unspool
