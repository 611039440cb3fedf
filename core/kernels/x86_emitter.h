#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <unspool/core/kernels/jit.h>
#include <unspool/core/kernels/jit_memory.h>

#if defined(__x86_64__) && defined(__unix__)
#define UNSPOOL_X86_JIT 1
#include <xbyak/xbyak.h>
#endif

#ifdef UNSPOOL_X86_JIT
namespace unspool::kernels {

struct HasJitMemory {
  JitMemory memory;
};

/// What pieces of code for one instruction set have in common. `finish` gives the code, and the maker can go.
class X86Emitter : HasJitMemory, protected Xbyak::CodeGenerator {
 public:
  /// From here on the code can be run and not be written. The name is what profiles call it.
  JitMemory finish(std::string_view name) {
    ready();
    memory.make_executable(getSize(), name);
    return std::move(memory);
  }

 protected:
  using Register = Xbyak::Ymm;
  using Address = Xbyak::Address;

  X86Emitter(std::size_t most_bytes, const JitTarget& target)
      : HasJitMemory{JitMemory(most_bytes)},
        CodeGenerator(most_bytes, memory.data()),
        wide_(target.vector_bytes == 64) {}

  bool wide() const { return wide_; }
  int vector_bytes() const { return wide_ ? 64 : 32; }
  int registers() const { return wide_ ? 32 : 16; }
  Register vector(int i) const { return wide_ ? Register(Xbyak::Zmm(i)) : Xbyak::Ymm(i); }
  /// What lies `bytes` from there.
  Address beside(const Xbyak::RegExp& place, std::ptrdiff_t bytes) {
    return ptr[place + static_cast<std::size_t>(bytes)];
  }
  void advance(const Xbyak::Reg64& pointer, std::ptrdiff_t bytes) {
    add(pointer, static_cast<std::uint32_t>(bytes));
  }
  /// For as many elements as rcx says, which is lost with rax: ones in k1, or without opmasks in `lanes`,
  /// from `ones`.
  void make_mask(const Register& lanes, const Xbyak::Label& ones, int element_bytes) {
    if (wide()) {
      mov(eax, 1);
      shl(eax, cl);
      dec(eax);
      kmovw(k1, eax);
    } else {
      // Of eight ones and eight zeros, from the one on that leaves as many ones.
      lea(rax, ptr[rip + ones]);
      neg(rcx);
      vmovups(lanes, ptr[rax + rcx * element_bytes + 32]);
    }
  }
  /// Eight elements of four bytes that are all ones, and as many that are 0: what a mask is read from.
  void emit_lanes(Xbyak::Label& label) {
    L(label);
    for (int i = 0; i < 16; ++i) dd(i < 8 ? 0xffffffff : 0);
  }

 private:
  bool wide_;
};

}  // namespace unspool::kernels
#endif
