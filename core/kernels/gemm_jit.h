#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include <unspool/core/kernels/gemm_table.h>
#include <unspool/core/kernels/jit.h>

namespace unspool::kernels {

/// What a piece of JIT-compiled code for the tiles of a matrix product is compiled for.
struct TileCode {
  /// Heights of the high and the low tiles of a TileCut; 0: there are none.
  std::array<int, 2> rows;
  /// Vectors in a row of a tile, and whether C has only a part of the last one.
  int vectors;
  bool partial;
  LeftLayout layout;
  /// Rows of a packed panel of A, columns of one of B, bytes of an element: 4 for float, 8 for double.
  int mr;
  int nr;
  int element_bytes;
};

/// What a call of such code computes: the tiles of some panels of B. All strides are in bytes. The code moves
/// b, c, start and bias on from panel to panel.
struct TileArguments {
  std::int64_t panels;
  std::int64_t count[2];
  std::int64_t k;
  std::int64_t panel_bytes;
  const void* a;
  /// From a high tile to the next, from a low one to the next.
  std::int64_t a_tile[2];
  /// Between rows of A; for LeftLayout::columns, between its columns.
  std::int64_t a_stride;
  const void* b;
  void* c;
  std::int64_t c_stride;
  const void* start;
  std::int64_t start_stride;
  const void* bias;
  /// Elements of the last vector, where C has only a part of it.
  std::int64_t last;
};

/// GemmTable::block, JIT-compiled when it is first needed and kept: with the same bits, registers that no
/// compiler has to spare, and the loops over tiles in them.
template <class T>
class GemmJit {
 public:
  /// The one of an instruction set; never destroyed.
  static GemmJit& of(Isa isa);

  GemmJit(const GemmJit&) = delete;
  GemmJit& operator=(const GemmJit&) = delete;

  /// Whether code can be compiled.
  bool available() const { return target_ != nullptr; }

  /// Computes a block of any layout. Returns false, and computes nothing, if no code can be compiled.
  bool run(const GemmBlock<T>& block);

 private:
  using Code = void (*)(TileArguments*);
  explicit GemmJit(Isa isa);
  /// The code for tiles of these heights and so many columns; null if it cannot be compiled.
  Code code_for(const TileCut& cut, std::int64_t columns, LeftLayout layout);
  Code compile(const TileCode& code, std::atomic<Code>& place);

  const JitTarget* target_;
  const GemmTable<T>& table_;
  /// By heights, vectors, whether partial, and layout.
  std::vector<std::atomic<Code>> compiled_;
  std::mutex mutex_;
  std::vector<JitMemory> memory_;
};

}  // namespace unspool::kernels
