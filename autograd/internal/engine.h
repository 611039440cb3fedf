#pragma once

#include <vector>

#include <unspool/autograd/labeled.h>
#include <unspool/autograd/operation.h>
#include <unspool/autograd/tape.h>
#include <unspool/autograd/variable.h>
#include <unspool/core/pooled.h>

namespace unspool {

/// The state of one thread that operations use.
struct Engine {
  /// The innermost active tape.
  class TapeState* tape = nullptr;
  bool recording = true;
  bool anomaly = false;
  /// The tape whose sweep runs a gradient rule; null outside of a sweep.
  const class TapeState* sweeping = nullptr;
  /// The time step that runs; -1 for none.
  std::int32_t time_step = -1;

  bool records() const { return recording && tape != nullptr; }
  static Engine& of_this_thread() { return instance_; }

 private:
  static constinit thread_local Engine instance_;
};

/// Whether an element is NaN.
bool has_nan(const Tensor& tensor);

/// The first two members are the value and the path: scripts/gdb/unspool.py finds them there.
struct Variable::State {
  Tensor value;
  std::string path;
  VariableOptions options;
  /// The name, for the values.
  Label label;
  /// The shape of all values. Not that of `value`, so that a reference to it outlives an assignment.
  const Shape shape = value.shape();
  std::uint64_t version = 0;
};

/// The list of a GradientTape. Values are numbered in the order in which they are made, and a node holds the
/// numbers of its operands and outputs: a sweep from the last node to the first visits every use of a value
/// before the node that made it.
class TapeState {
 public:
  explicit TapeState(const GradientTapeOptions& options);
  ~TapeState();
  TapeState(const TapeState&) = delete;
  TapeState& operator=(const TapeState&) = delete;

  /// Spans of fixed size, which most operations have, take a fast path.
  template <std::size_t inputs, std::size_t outputs>
  void record(OperationRef operation, std::span<const Tensor, inputs> operands,
              std::span<const Tensor, outputs> results, const Attributes& attributes);
  void watch(const Tensor& tensor);
  void read(const Variable& variable, const Tensor& value);
  bool watches_variables() const { return watch_variables_; }
  void stop();
  /// The next outer active tape.
  TapeState* outer() const { return outer_; }
  bool persistent() const { return persistent_; }
  bool keeps_all() const { return always_kept_ != 0; }
  /// Whether a sweep leaves the nodes as they are.
  bool outlives_sweep() const { return persistent_ || keeps_all(); }

  /// The gradients of sum(target * seed), one for each source, empty if the target does not depend on it.
  /// With `release` the sweep frees the nodes, and the tape ends.
  std::vector<Tensor> sweep(const Tensor& target, const Tensor& seed, std::span<const Source> sources,
                            bool release);
  bool recorded(const Tensor& tensor) const { return number_of(tensor) != untracked; }
  /// Names a value of this tape, if it has no name yet, or a constant if the tape keeps all. Whether the tape
  /// has taken the name.
  bool label(const Tensor& tensor, Label label, std::int32_t step);
  /// The name of a value of this tape, with its time step; empty if it has none.
  std::string label_of(const Tensor& tensor) const;
  /// "in the gradient of sigmoid, of f_2": the record that the sweep is at.
  std::string where_in_sweep() const;
  std::size_t size() const { return size_; }
  std::string to_string() const;
  TapeView view() const;
  TapeSweep observe(const Tensor& target, const TapeSweepOptions& options) const;
  /// Calls f(operation, operands, results, attributes) for each record, first to last. Tensors that the tape
  /// does not keep have their identity, but no elements.
  template <class F>
  void visit(F f) const {
    for (const Node* node : nodes()) {
      const std::span<const Tensor> tensors(node->tensors(), node->size());
      f(*node->operation, tensors.first(node->inputs), tensors.subspan(node->inputs), node->attributes);
    }
  }

 private:
  using Number = std::int32_t;
  static constexpr Number untracked = -1;

  /// One use of an operation. Its tensors and their numbers follow it in memory, operands first.
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
    /// For callers that know the size.
    const Number* numbers(std::size_t size) const {
      return reinterpret_cast<const Number*>(tensors() + size);
    }
  };
  struct Read {
    Variable variable;
    Number number;
  };
  /// A name that a value got. Constants of a tape that keeps all have identities in place of numbers.
  struct Named {
    std::uint64_t value;
    Label label;
    std::int32_t step;
  };
  /// Which layer and time step ran, from record `first` on.
  struct Place {
    std::size_t first;
    std::string layer;
    std::int32_t step;
  };
  static std::string label_among(const PooledVector<Named>& names, std::uint64_t value);

  /// A hash table from identities to numbers, with open addressing. Identities grow over time, and tensors
  /// made one after the other are neighbors in the table.
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

  /// The state of a value in a sweep, by number.
  struct Value {
    Tensor gradient;
    /// Whether it depends on a source.
    bool wanted = false;
    bool source = false;
  };
  using Values = PooledVector<Value>;

  Number number_of(const Tensor& tensor) const {
    const internal::TensorHead* head = internal::TensorAccess::head(tensor);
    return head->tape == serial_ ? head->number : numbers_.find(head->id);
  }
  /// All nodes, first to last.
  PooledVector<const Node*> nodes() const;
  /// Drops the elements that the operation's keep_rule does not name; where all is kept, notes which layer
  /// and time step run.
  void finish_record(Node& node, const Call& call, std::span<const Tensor> outputs);
  /// The names of the values, by number.
  std::vector<std::string> value_names() const;
  /// The number of the target of a sweep. Throws unless this is a recorded value and the seed fits.
  Number checked_target(const Tensor& target, const Tensor& seed) const;
  /// The places of all records, in order, of a tape that keeps all; else nowhere.
  std::vector<const Place*> record_places() const;
  std::string constant_name(const Tensor& constant) const;
  Number track(const Tensor& tensor);
  Number track_newborn(const Tensor& tensor);
  void clear();
  void check_usable() const;
  std::vector<Number> numbers_of(const Source& source) const;
  /// Marks the values that depend on a source.
  void find_wanted(Values& values) const;
  static void step_back(const Node& node, Values& values);
  /// The fast path of step_back() for one output and a fixed number of operands.
  template <std::size_t inputs>
  static void step_back_few(const Node& node, Values& values);
  static void step_back_many(const Node& node, Values& values);
  static Tensor take_gradient(Value& value);
  /// Adds the gradient that the rule of an operation made for operand i.
  static void add_gradient(const Node& node, std::size_t i, Tensor& made, Tensor& sum);
  /// Sums a gradient to the shape of operand i. Throws RuntimeError if it does not fit.
  static Tensor fitted(const Node& node, std::size_t i, const Tensor& made);
  void free_last();

  Node* last_ = nullptr;
  std::size_t size_ = 0;
  Arena arena_;
  std::vector<Read> reads_;
  PooledVector<Named> names_;
  PooledVector<Named> constants_;
  std::vector<Place> places_;
  /// The node that the sweep is at.
  mutable const Node* swept_ = nullptr;
  Numbers numbers_;
  /// The values that were watched or read, not computed.
  PooledVector<Number> roots_;
  Number next_number_ = 0;
  std::uint32_t serial_;
  TapeState* outer_;
  bool persistent_;
  bool watch_variables_;
  /// The operands and results that are kept whatever the rule reads, as in Keep: all or none.
  std::uint32_t always_kept_;
  bool finished_ = false;
};

}  // namespace unspool
