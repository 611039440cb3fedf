#pragma once

#include <unordered_map>
#include <vector>

#include <unspool/autograd/internal/step_program.h>
#include <unspool/autograd/recorder.h>

namespace unspool::internal {

/// Takes down one step. Tensors from outside that the step touches become captured inputs.
class StepTrace : public Recorder {
 public:
  using Value = StepProgram::Value;

  StepTrace();
  /// Inputs, to be made before the step runs.
  Tensor carry(const Spec& spec);
  Tensor sequence(const Spec& spec);
  /// A captured input of which no more is known: its place in captured() stays empty.
  Tensor capture(const Spec& spec);
  /// One of ours, or a captured one.
  Value value_of(const Tensor& tensor);
  /// The end: the program, whose outputs are to be named by the caller. Its tensors cannot be used any more.
  StepProgram finish();
  const std::vector<Tensor>& captured() const { return captured_; }

  Tensors record(OperationRef operation, std::span<const Tensor> inputs, const Attributes& attributes,
                 const Specs& outputs) override;
  int depth() const override { return depth_; }
  class unspool::TapeState* tape_floor() const override {
    return floor_;
  }

  /// Those under way on this thread, counted.
  static int active();

 private:
  friend class TraceScope;
  Tensor input(const Spec& spec, std::vector<Value>& list);
  Value add(const Tensor& tensor);

  StepProgram program_;
  std::vector<Tensor> captured_;
  std::unordered_map<std::uint64_t, Value> values_;
  int depth_;
  class unspool::TapeState* floor_;
  bool open_ = true;
};

/// While it lives, a step is being traced on this thread.
class TraceScope {
 public:
  TraceScope();
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;
};

}  // namespace unspool::internal
