#pragma once

#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include <unspool/autograd/recorder.h>
#include <unspool/autograd/scan/program.h>
#include <unspool/core/random.h>

namespace unspool::scan_compiler {

/// A function that was recorded apart from the step in which it is called. Its program has no loop: all
/// inputs are captured, first the arguments, then `captured`; all outputs are reduced outputs, one for each
/// result that is not empty.
struct RecordedFunction {
  Program program;
  std::vector<Tensor> captured;
  /// Which results are not empty.
  std::vector<Index> results;
};

/// Records one step of a scan as a Program. Tensors from outside that the step uses become captured inputs.
class Trace : public OperationRecorder {
 public:
  /// For a loop of so many steps, from the last step to the first if `reverse`.
  Trace(Index steps, bool reverse);
  /// The step's inputs: made before the step runs.
  Tensor carry(const Spec& spec);
  Tensor sequence(const Spec& spec, int time_axis = 0);
  /// Turns a sequence into the last of the carries.
  void carry_instead(const Tensor& sequence);
  /// Replaces sequences by the outputs of these uses, which run in this order before all that was recorded.
  void compute_instead(std::vector<Use> uses);
  /// A captured input known by its spec alone: its entry in captured() stays empty.
  Tensor capture(const Spec& spec);
  /// The value that a tensor of this trace stands for; any other tensor becomes a captured input.
  Value value_of(const Tensor& tensor);
  /// Calls `function` on abstract tensors of these specs and records what it does, as a program apart from
  /// the step's.
  RecordedFunction record_apart(
      std::span<const Spec> arguments,
      const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& function);
  /// The innermost trace of this thread; null if there is none, or if it is hidden.
  static Trace* innermost();
  /// The innermost trace that made one of these tensors; null if there is none.
  static Trace* of(std::span<const Tensor> tensors);
  /// Ends the trace and returns its program, without outputs: the caller adds those. Tensors of the trace
  /// cannot be used any more.
  Program finish();
  const std::vector<Tensor>& captured() const { return captured_; }
  /// For each random draw of the step, the keys of all steps: sequences behind those made before the step
  /// ran.
  const std::vector<Tensor>& drawn() const { return drawn_; }

  Tensors record(OperationRef operation, std::span<const Tensor> inputs, const Attributes& attributes,
                 const Specs& outputs) override;
  void label(const Tensor& tensor, Label label) override;
  Label label_of(const Tensor& tensor) const override;
  int depth() const override { return depth_; }
  class unspool::TapeState* tape_floor() const override {
    return floor_;
  }

  /// A random key from `next`. While a step is traced the key is a sequence with an element for each step,
  /// so that each step draws anew.
  static Tensor next_key(const std::function<RandomKey()>& next);

 private:
  static Tensor keys(Trace* trace, const Shape& shape, const std::function<RandomKey()>& next);
  void drop_sequence(Value value);
  Value add(const Tensor& tensor);

  Program program_;
  /// While a function is recorded apart, the tensors that its uses read.
  std::unordered_map<Value, Tensor>* read_apart_ = nullptr;
  std::vector<Tensor> captured_;
  std::vector<Tensor> drawn_;
  std::unordered_map<std::uint64_t, Value> values_;
  int depth_;
  class unspool::TapeState* floor_;
  Index steps_;
  bool reverse_;
  Trace* outer_;
  bool open_ = true;
};

/// While it exists, `trace` is the innermost trace of this thread; null hides the traces around.
class TraceScope {
 public:
  explicit TraceScope(Trace* trace);
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  Trace* outer_;
};

}  // namespace unspool::scan_compiler
