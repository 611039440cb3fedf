#include <unspool/core/kernels/x86_emitter.h>

#ifdef __x86_64__
namespace unspool::kernels {

#ifdef UNSPOOL_X86_JIT
constinit const JitTarget jit_avx2{.vector_bytes = 32,
                                   .vector_registers = 16,
                                   .mask_in_register = true,
                                   .register_rule = &avx2_register_rule,
                                   .emit_loop = &emit_x86_loop,
                                   .emit_tiles = &emit_x86_tiles};
constinit const JitTarget jit_avx512{.vector_bytes = 64,
                                     .vector_registers = 32,
                                     .mask_in_register = false,
                                     .register_rule = &avx512_register_rule,
                                     .emit_loop = &emit_x86_loop,
                                     .emit_tiles = &emit_x86_tiles};
#else
constinit const JitTarget jit_avx2{};
constinit const JitTarget jit_avx512{};
#endif

}  // namespace unspool::kernels
#endif
