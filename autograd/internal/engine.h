#pragma once

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
  /// The operation whose gradient rule runs; null outside a sweep.
  const Operation* backward_of = nullptr;

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

  /// Spans of a fixed size, with which most operations come, take a shorter way.
  template <std::size_t inputs, std::size_t outputs>
  void record(OperationRef operation, std::span<const Tensor, inputs> operands,
              std::span<const Tensor, outputs> results, const Attributes& attributes);
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
  std::size_t size() const { return size_; }
  std::string to_string() const;

 private:
  using Number = std::int32_t;
  static constexpr Number untracked = -1;

  /// One use of an operation. Its tensors and their numbers, operands first, follow it in memory.
  struct Node {
    const Operation* operation;
    Node* previous;
    Attributes attributes;
    std::uint32_t inputs;
    std::uint32_t outputs;

    std::size_t size() const { return inputs + outputs; }
    Tensor* tensors() { return reinterpret_cast<Tensor*>(this + 1); }
    const Tensor* tensors() const { return reinterpret_cast<const Tensor*>(this + 1); }
    const Number* numbers() const { return numbers(size()); }
    /// For who knows the size.
    const Number* numbers(std::size_t size) const {
      return reinterpret_cast<const Number*>(tensors() + size);
    }
  };
  struct Read {
    Variable variable;
    Number number;
  };

  /// Numbers by identity: open addressing. Identities are born in order, so neighbours in time are neighbours
  /// here.
  class Numbers {
   public:
    Number find(std::uint64_t id) const;
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

  /// What is known in a sweep of the values on the tape, by number.
  struct Value {
    Tensor gradient;
    /// It depends on a source.
    bool wanted = false;
    bool source = false;
  };
  using Values = PooledVector<Value>;

  Number number_of(const Tensor& tensor) const {
    const internal::TensorHead* head = internal::TensorAccess::head(tensor);
    return head->tape == serial_ ? head->number : numbers_.find(head->id);
  }
  /// From the first to the last.
  PooledVector<const Node*> nodes() const;
  /// Lets go of what the operation's keep_rule does not name.
  static void forget(Node& node, const Call& call, std::span<const Tensor> outputs);
  Number track(const Tensor& tensor);
  Number track_newborn(const Tensor& tensor);
  void clear();
  void check_usable() const;
  std::vector<Number> numbers_of(const Source& source) const;
  /// Marks what depends on a source.
  void find_wanted(Values& values) const;
  static void step_back(const Node& node, Values& values);
  /// The same for one output and so many operands, which most operations have.
  template <std::size_t inputs>
  static void step_back_few(const Node& node, Values& values);
  static void step_back_many(const Node& node, Values& values);
  static Tensor take_gradient(Value& value);
  /// Adds what the rule of an operation made for operand i.
  static void add_gradient(const Node& node, std::size_t i, Tensor& made, Tensor& sum);
  /// A gradient by operand i in that operand's shape.
  static Tensor fitted(const Node& node, std::size_t i, const Tensor& made);
  void free_last();

  Node* last_ = nullptr;
  std::size_t size_ = 0;
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
