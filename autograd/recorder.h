#pragma once

#include <memory>
#include <vector>

#include <unspool/autograd/labeled.h>
#include <unspool/autograd/operation.h>
#include <unspool/core/callable.h>

namespace unspool {

/// Records the operations on its abstract tensors: a trace of a step, or a graph of layers.
class OperationRecorder : public std::enable_shared_from_this<OperationRecorder> {
 public:
  virtual ~OperationRecorder() = default;
  /// Records one operation and returns its outputs: abstract tensors of these specs, made by abstract().
  virtual Tensors record(OperationRef operation, std::span<const Tensor> inputs, const Attributes& attributes,
                         const Specs& outputs) = 0;
  /// How deeply this trace is nested in others. An operation belongs to the deepest recorder of its operands.
  virtual int depth() const { return 0; }
  /// The innermost tape that does not record the operations of this recorder; null: all tapes do.
  virtual class TapeState* tape_floor() const { return nullptr; }
  /// Names one of its values, if that has no name yet and the recorder keeps names.
  virtual void label(const Tensor&, Label) {}
  /// The name of one of its values.
  virtual Label label_of(const Tensor&) const { return {}; }
  /// A new abstract tensor, whose operations are recorded here.
  Tensor abstract(const Spec& spec);
};

/// Shapes and dtypes of what `function` returns for inputs of these specs, whose dimensions may be unknown.
/// The function is called on abstract tensors, which computes nothing.
std::vector<Spec> infer(const Callable<std::vector<Tensor>(const std::vector<Tensor>&)>& function,
                        const std::vector<Spec>& inputs);
/// Whether this is an abstract tensor of infer(), of which only shape and dtype will ever be known.
bool is_inferred(const Tensor& tensor);

}  // namespace unspool
