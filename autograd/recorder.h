#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <unspool/autograd/operation.h>

namespace unspool {

/// Takes down the operations done on its abstract tensors: a trace, or a graph of layers.
class Recorder : public std::enable_shared_from_this<Recorder> {
 public:
  virtual ~Recorder() = default;
  /// Records one operation and returns abstract outputs of these specs, made with abstract().
  virtual Tensors record(OperationRef operation, std::span<const Tensor> inputs, const Attributes& attributes,
                         const Specs& outputs) = 0;
  /// Traces within traces: an operation belongs to the deepest recorder among its operands'.
  virtual int depth() const { return 0; }
  /// Tapes up to this one do not see the operations done here; null: all do.
  virtual class TapeState* tape_floor() const { return nullptr; }
  /// A tensor whose operations come here.
  Tensor abstract(const Spec& spec);
};

/// What `function` would return for inputs of these shapes and dtypes: it is run on abstract tensors,
/// computing nothing. Dimensions may be unknown.
std::vector<Spec> infer(const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& function,
                        const std::vector<Spec>& inputs);
/// Whether this is a tensor of infer(): shape and dtype are all that anybody will know of it.
bool is_inferred(const Tensor& tensor);

}  // namespace unspool
