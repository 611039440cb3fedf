#pragma once

#include <memory>

#include <unspool/core/kernels/gemm_table.h>
#include <unspool/core/kernels/jit.h>

namespace unspool::kernels {

/// GemmTable::block as machine code that is made when it is first needed: a piece for each height of a tile.
/// The same bits, from registers that no compiler has to spare, and with the ways between tiles in them.
template <class T>
class GemmLoops {
 public:
  using Size = typename GemmTable<T>::Size;

  /// Those of an instruction set; never destroyed.
  static GemmLoops& of(Isa isa);

  /// Whether code can be made.
  bool made() const { return kernels_ != nullptr; }

  /// What GemmTable::block does, and for A with a_row == 1 and any a_step, too. False, and nothing is done,
  /// where no code can be made.
  bool block(const GemmTable<T>& table, Size m, Size n, Size k, const T* a, Size a_tile, Size a_row,
             Size a_step, const T* b, T* c, Size ldc, const T* from, Size from_row, const T* plus);

 private:
  struct Kernels;
  explicit GemmLoops(Isa isa);

  const JitTarget* target_;
  std::unique_ptr<Kernels> kernels_;
};

}  // namespace unspool::kernels
