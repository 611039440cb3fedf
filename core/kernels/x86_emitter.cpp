#include <unspool/core/kernels/jit.h>

#ifdef __x86_64__
namespace unspool::kernels {

#ifdef __unix__
constinit const JitTarget jit_avx2{.vector_bytes = 32, .vector_registers = 16};
constinit const JitTarget jit_avx512{.vector_bytes = 64, .vector_registers = 32};
#else
// The emitters keep to the calling convention of Unix.
constinit const JitTarget jit_avx2{};
constinit const JitTarget jit_avx512{};
#endif

}  // namespace unspool::kernels
#endif
