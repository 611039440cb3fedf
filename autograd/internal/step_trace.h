#pragma once

#include <functional>
#include <unordered_map>
#include <vector>

#include <unspool/autograd/internal/step_program.h>
#include <unspool/autograd/recorder.h>
#include <unspool/core/random.h>

namespace unspool::internal {

/// Takes down one step. Tensors from outside that the step touches become captured inputs.
class StepTrace : public Recorder {
 public:
  using Value = StepProgram::Value;

  /// Of a step that is to run so many times, from the last time on if `reverse`.
  StepTrace(Index steps, bool reverse);
  /// Inputs, to be made before the step runs.
  Tensor carry(const Spec& spec);
  Tensor sequence(const Spec& spec, int time_axis = 0);
  /// Makes a sequence the last of the carries.
  void carry_instead(const Tensor& sequence);
  /// Makes sequences what these uses give, one after the other and before all that was recorded.
  void compute_instead(std::vector<StepProgram::Use> uses);
  /// A captured input of which no more is known: its place in captured() stays empty.
  Tensor capture(const Spec& spec);
  /// One of ours, or a captured one.
  Value value_of(const Tensor& tensor);
  /// The end: the program, whose outputs are to be named by the caller. Its tensors cannot be used any more.
  StepProgram finish();
  const std::vector<Tensor>& captured() const { return captured_; }
  /// The keys of all steps, for each draw of the step: sequences after those that were made before it ran.
  const std::vector<Tensor>& drawn() const { return drawn_; }

  Tensors record(OperationRef operation, std::span<const Tensor> inputs, const Attributes& attributes,
                 const Specs& outputs) override;
  int depth() const override { return depth_; }
  class unspool::TapeState* tape_floor() const override {
    return floor_;
  }

  /// A key from `next` as a tensor. While a step is traced it is a sequence, of a key for each step: one
  /// trace must not freeze one draw.
  static Tensor next_key(const std::function<RandomKey()>& next);

 private:
  static Tensor keys(StepTrace* trace, const Shape& shape, const std::function<RandomKey()>& next);
  void drop_sequence(Value value);
  Value add(const Tensor& tensor);

  StepProgram program_;
  std::vector<Tensor> captured_;
  std::vector<Tensor> drawn_;
  std::unordered_map<std::uint64_t, Value> values_;
  int depth_;
  class unspool::TapeState* floor_;
  Index steps_;
  bool reverse_;
  StepTrace* outer_;
  bool open_ = true;
};

/// While it lives, this step is being traced on this thread; null: none, whatever is around.
class TraceScope {
 public:
  explicit TraceScope(StepTrace* trace);
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  StepTrace* outer_;
};

}  // namespace unspool::internal
