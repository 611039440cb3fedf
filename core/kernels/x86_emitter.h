#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>
#include <utility>

#include <unspool/core/kernels/jit.h>
#include <unspool/core/kernels/jit_memory.h>

// The emitters keep to the calling convention of Unix.
#if defined(__x86_64__) && defined(__unix__)
#define UNSPOOL_X86_JIT 1
#include <xbyak/xbyak.h>
#endif

#ifdef UNSPOOL_X86_JIT
namespace unspool::kernels {

struct HasJitMemory {
  JitMemory memory;
};

/// What the emitters for AVX2 and AVX-512 have in common: a constructor of a derived class emits the code.
class X86Emitter : HasJitMemory, protected Xbyak::CodeGenerator {
 public:
  /// Makes the code executable and gives it away. The name is what profiles call it.
  JitMemory finish(std::string_view name) {
    ready();
    memory.make_executable(getSize(), name);
    return std::move(memory);
  }

 protected:
  using Register = Xbyak::Ymm;
  using Address = Xbyak::Address;

  X86Emitter(std::size_t most_bytes, const JitTarget& target)
      : HasJitMemory{JitMemory(most_bytes)}, CodeGenerator(most_bytes, memory.data()), target_(target) {}

  /// Whether there are vectors of 512 bits, and with them opmasks.
  bool wide() const { return target_.vector_bytes == 64; }
  int vector_bytes() const { return target_.vector_bytes; }
  int registers() const { return target_.vector_registers; }
  Register vector(int i) const { return wide() ? Register(Xbyak::Zmm(i)) : Xbyak::Ymm(i); }
  /// The address `bytes` from a place.
  Address beside(const Xbyak::RegExp& place, std::ptrdiff_t bytes) {
    return ptr[place + static_cast<std::size_t>(bytes)];
  }
  void advance(const Xbyak::Reg64& pointer, std::ptrdiff_t bytes) {
    add(pointer, static_cast<std::uint32_t>(bytes));
  }
  /// Makes a mask for as many elements as rcx says: in k1, or without opmasks in `lanes`, from `source`
  /// (emit_mask_source). Destroys rcx and rax.
  void make_mask(const Register& lanes, const Xbyak::Label& source, int element_bytes) {
    if (wide()) {
      mov(eax, 1);
      shl(eax, cl);
      dec(eax);
      kmovw(k1, eax);
    } else {
      // Read from so far before the zeros that as many elements are ones.
      lea(rax, ptr[rip + source]);
      neg(rcx);
      vmovups(lanes, ptr[rax + rcx * element_bytes + 32]);
    }
  }
  /// Eight elements of four bytes that are all ones, and as many that are 0.
  void emit_mask_source(Xbyak::Label& label) {
    L(label);
    for (int i = 0; i < 16; ++i) dd(i < 8 ? 0xffffffff : 0);
  }

 private:
  const JitTarget& target_;
};

/// The code of an emitter; without pages if there is no memory for it.
template <class Emitter, class... Arguments>
JitMemory emit_x86(std::string_view name, const Arguments&... arguments) {
  try {
    return Emitter(arguments...).finish(name);
  } catch (const Xbyak::Error&) {
    return {};
  } catch (const std::bad_alloc&) {
    return {};
  }
}

// The members of JitTarget: in vector_x86.cpp and gemm_x86.cpp.
RegisterRule avx2_register_rule(VectorOp op);
RegisterRule avx512_register_rule(VectorOp op);
JitMemory emit_x86_loop(const JitTarget& target, const LoopCode& code);
JitMemory emit_x86_tiles(const JitTarget& target, const TileCode& code);

}  // namespace unspool::kernels
#endif
