#pragma once

#include <cstddef>
#include <cstdint>

#include <unspool/core/kernels/isa.h>

#if defined(__x86_64__) && defined(__unix__)
#define UNSPOOL_MACHINE_CODE 1
#include <xbyak/xbyak.h>
#endif

#ifdef UNSPOOL_MACHINE_CODE
namespace unspool::kernels {

/// Vectors of float or double of one instruction set, and what a program has on the way from an argument in
/// rdi.
class CodeMaker : public Xbyak::CodeGenerator {
 protected:
  using Register = Xbyak::Ymm;
  using Address = Xbyak::Address;

  CodeMaker(std::size_t most_bytes, Isa isa)
      : CodeGenerator(most_bytes, Xbyak::DontSetProtectRWE), wide_(isa == Isa::avx512) {}

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
  /// From here on the code can be run and not be written.
  void finish() {
    ready();
    setProtectModeRE();
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
