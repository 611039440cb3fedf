#include <unspool/autograd/elementwise.h>
#include <unspool/core/kernels/elementwise.h>

namespace unspool::internal {

void run_broadcast(BlockFunction block, const KernelCall& call) {
  kernels::broadcast(block, call.inputs, call.outputs[0]);
}

}  // namespace unspool::internal
