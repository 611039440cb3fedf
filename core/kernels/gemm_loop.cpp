#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

#include <unspool/core/internal/format.h>
#include <unspool/core/internal/quotient.h>
#include <unspool/core/kernels/gemm_loop.h>
#include <unspool/core/kernels/jit.h>
#include <unspool/core/kernels/machine.h>
#include <unspool/core/kernels/x86_emitter.h>

namespace unspool::kernels {

#ifdef UNSPOOL_X86_JIT
namespace {

/// Panels of B, and for each of them tiles one below the other: high ones, then low ones. Strides are in
/// bytes. The code moves b, c, from and plus on from panel to panel.
struct Tiles {
  std::int64_t panels;
  std::int64_t count[2];
  std::int64_t k;
  std::int64_t panel_bytes;
  const void* a;
  std::int64_t a_tile[2];
  /// Between rows of A, or between its columns where each row's elements do not lie side by side.
  std::int64_t a_row;
  const void* b;
  void* c;
  std::int64_t ldc;
  const void* from;
  std::int64_t from_row;
  const void* plus;
  /// Elements of the last vector, where C has not all of it.
  std::int64_t last;
};

/// How A lies: each row's elements side by side, in panels as high as a tile, or each column's side by side.
enum class Lies : std::uint8_t { by_rows, packed, by_columns };

/// The heights of high and low tiles (0: there are none), their vectors in a row, whether the last of them is
/// a part, and how A lies.
struct Shape {
  int rows[2];
  int vectors;
  bool partly;
  Lies lies;
};

std::string name_of(const Shape& shape) {
  static constexpr const char* lie[] = {"by rows", "packed", "by columns"};
  return fmt::format("unspool: tiles of {} and {} rows, {}{} vectors, {}", shape.rows[0], shape.rows[1],
                     shape.partly ? "part of " : "", shape.vectors,
                     lie[static_cast<std::size_t>(shape.lies)]);
}

using Code = void (*)(Tiles*);

template <class T>
class TileMaker final : public X86Emitter {
 public:
  TileMaker(Shape shape, int mr, int nr, const JitTarget& target)
      : X86Emitter(std::size_t{64} << 10U, target),
        shape_(shape),
        a_step_(static_cast<int>(sizeof(T)) * (shape.lies == Lies::packed ? mr : 1)),
        b_step_(static_cast<int>(sizeof(T)) * nr),
        lines_each_(machine::gemm_unroll * b_step_ / 64 / 4) {
    emit();
  }

 private:
  static constexpr bool single = std::is_same_v<T, float>;

  // The arguments; row 0 and row 8 of A, and what lies between its rows, times 1, 3, 5 and 7.
  const Xbyak::Reg64 tiles_ = rdi;
  const Xbyak::Reg64 a_ = r8;
  const Xbyak::Reg64 a8_ = r9;
  const Xbyak::Reg64 row_ = rcx;
  const Xbyak::Reg64 row3_ = rdx;
  const Xbyak::Reg64 row5_ = rsi;
  const Xbyak::Reg64 row7_ = r13;
  const Xbyak::Reg64 b_ = r10;
  const Xbyak::Reg64 k_ = rax;
  const Xbyak::Reg64 c_ = r11;
  const Xbyak::Reg64 from_ = r12;
  const Xbyak::Reg64 next_a_ = r14;
  const Xbyak::Reg64 count_ = r15;
  // Between rows of C; while sums run, what of the next panel is fetched beside b_.
  const Xbyak::Reg64 stride_ = rbx;
  const Xbyak::Reg64 ahead_ = rbx;
  const Xbyak::Reg64 plus_ = rbp;

  Address argument(std::size_t offset) { return qword[tiles_ + offset]; }
  Register sum(int row, int v) const { return vector(row * shape_.vectors + v); }
  Register column(int v) const { return vector(registers() - 4 + v); }
  Register factor() const { return vector(registers() - 2); }
  Register lanes() const { return vector(registers() - 1); }
  bool second_base() const { return shape_.lies == Lies::by_rows && rows_ > 8; }
  bool masked(int v) const { return shape_.partly && v + 1 == shape_.vectors; }

  void load(const Register& to, const Xbyak::RegExp& from, int v) {
    const Address here = beside(from, v * vector_bytes());
    if (!masked(v)) {
      vmovups(to, here);
    } else if (wide()) {
      single ? vmovups(to | k1 | T_z, here) : vmovupd(to | k1 | T_z, here);
    } else {
      single ? vmaskmovps(to, lanes(), here) : vmaskmovpd(to, lanes(), here);
    }
  }
  void store(const Xbyak::RegExp& to, const Register& from, int v) {
    const Address here = beside(to, v * vector_bytes());
    if (!masked(v)) {
      vmovups(here, from);
    } else if (wide()) {
      single ? vmovups(here | k1, from) : vmovupd(here | k1, from);
    } else {
      single ? vmaskmovps(here, lanes(), from) : vmaskmovpd(here, lanes(), from);
    }
  }

  template <class F>
  void each_sum(F f) {
    for (int i = 0; i < rows_; ++i) {
      for (int v = 0; v < shape_.vectors; ++v) f(i, v);
    }
  }

  /// Element p from here on of a row of A.
  Address element(int i, int p) {
    constexpr int bytes = sizeof(T);
    if (shape_.lies == Lies::packed) return beside(a_, p * a_step_ + i * bytes);
    if (shape_.lies == Lies::by_columns) {
      const Xbyak::RegExp columns[] = {a_, a_ + row_, a_ + row_ * 2, a_ + row3_};
      return beside(columns[p], i * bytes);
    }
    const Xbyak::Reg64& base = i < 8 ? a_ : a8_;
    const Xbyak::RegExp rows[] = {
        base,         base + row_,      base + row_ * 2, base + row3_, base + row_ * 4,
        base + row5_, base + row3_ * 2, base + row7_};
    return beside(rows[i % 8], p * a_step_);
  }

  /// Five to eight steps from step p on, so that four of them in a row leave none out.
  Address soon(int p) {
    const Xbyak::RegExp columns[] = {a_ + row5_, a_ + row3_ * 2, a_ + row7_, a_ + row_ * 8};
    return beside(columns[p], 0);
  }

  void steps(int count) {
    if (count == machine::gemm_unroll) {
      for (int line = 0; line < lines_each_; ++line) prefetcht1(beside(b_ + ahead_, line * 64));
    }
    for (int p = 0; p < count; ++p) {
      // A panel of two vectors of 512 bits fills the nearest cache, and comes from the second one for each
      // tile.
      for (int line = 0; wide() && shape_.vectors == 2 && line < b_step_; line += 64)
        prefetcht0(beside(b_, (p + machine::gemm_prefetch_steps) * b_step_ + line));
      if (shape_.lies == Lies::by_columns) prefetcht0(soon(p));
      for (int v = 0; v < shape_.vectors; ++v)
        vmovups(column(v), beside(b_, p * b_step_ + v * vector_bytes()));
      for (int i = 0; i < rows_; ++i) {
        single ? vbroadcastss(factor(), element(i, p)) : vbroadcastsd(factor(), element(i, p));
        for (int v = 0; v < shape_.vectors; ++v) {
          single ? vfmadd231ps(sum(i, v), column(v), factor()) : vfmadd231pd(sum(i, v), column(v), factor());
        }
      }
    }
    if (shape_.lies == Lies::by_columns) {
      count == machine::gemm_unroll ? lea(a_, ptr[a_ + row_ * machine::gemm_unroll]) : add(a_, row_);
    } else {
      advance(a_, count * a_step_);
    }
    if (second_base()) advance(a8_, count * a_step_);
    advance(b_, count * b_step_);
  }

  void emit() {
    const Xbyak::Reg64 kept[] = {rbx, rbp, r12, r13, r14, r15};
    for (const Xbyak::Reg64& each : kept) push(each);
    if (shape_.partly) {
      mov(rcx, argument(offsetof(Tiles, last)));
      make_mask(lanes(), ones_, static_cast<int>(sizeof(T)));
    }
    if (shape_.lies != Lies::packed) {
      mov(row_, argument(offsetof(Tiles, a_row)));
      lea(row3_, ptr[row_ + row_ * 2]);
      lea(row5_, ptr[row_ + row_ * 4]);
      lea(row7_, ptr[row3_ + row_ * 4]);
    }
    Xbyak::Label panel;
    align(16);
    L(panel);
    mov(next_a_, argument(offsetof(Tiles, a)));
    mov(c_, argument(offsetof(Tiles, c)));
    mov(from_, argument(offsetof(Tiles, from)));
    mov(plus_, argument(offsetof(Tiles, plus)));
    for (int band = 0; band < 2; ++band) {
      rows_ = shape_.rows[band];
      if (rows_ > 0) emit_tiles(static_cast<std::size_t>(band));
    }
    next_panel();
    dec(argument(offsetof(Tiles, panels)));
    jnz(panel, T_NEAR);
    std::for_each(std::rbegin(kept), std::rend(kept), [&](const Xbyak::Reg64& each) { pop(each); });
    vzeroupper();
    ret();
    emit_lanes(ones_);
  }

  void next_panel() {
    const auto by = static_cast<std::uint32_t>(b_step_);
    Xbyak::Label from_zero;
    Xbyak::Label nothing_added;
    // The last tile left b_ where the next panel begins.
    mov(argument(offsetof(Tiles, b)), b_);
    add(argument(offsetof(Tiles, c)), by);
    cmp(argument(offsetof(Tiles, from)), 0);
    je(from_zero);
    add(argument(offsetof(Tiles, from)), by);
    L(from_zero);
    cmp(argument(offsetof(Tiles, plus)), 0);
    je(nothing_added);
    add(argument(offsetof(Tiles, plus)), by);
    L(nothing_added);
  }

  void emit_tiles(std::size_t band) {
    const std::size_t of_band = band * sizeof(std::int64_t);
    Xbyak::Label tile;
    Xbyak::Label from_zero;
    Xbyak::Label begun;
    Xbyak::Label four;
    Xbyak::Label few;
    Xbyak::Label one;
    Xbyak::Label summed;
    Xbyak::Label added;
    mov(count_, argument(offsetof(Tiles, count) + of_band));
    align(16);
    L(tile);
    mov(a_, next_a_);
    add(next_a_, argument(offsetof(Tiles, a_tile) + of_band));
    if (second_base()) lea(a8_, ptr[a_ + row_ * 8]);
    mov(b_, argument(offsetof(Tiles, b)));
    mov(k_, argument(offsetof(Tiles, k)));
    test(from_, from_);
    jz(from_zero, T_NEAR);
    mov(stride_, argument(offsetof(Tiles, from_row)));
    for (int i = 0; i < rows_; ++i) {
      for (int v = 0; v < shape_.vectors; ++v) load(sum(i, v), from_, v);
      add(from_, stride_);
    }
    fetch_next();
    jmp(begun, T_NEAR);
    L(from_zero);
    each_sum([&](int i, int v) {
      vxorps(Xbyak::Xmm(sum(i, v).getIdx()), Xbyak::Xmm(sum(i, v).getIdx()), Xbyak::Xmm(sum(i, v).getIdx()));
    });
    L(begun);
    // While one panel serves its tiles, the next one comes into the second cache, where it is not if B is
    // large: a fourth of its lines with each tile.
    mov(ahead_, count_);
    and_(ahead_, 3);
    imul(ahead_, ahead_, lines_each_ * 64);
    add(ahead_, argument(offsetof(Tiles, panel_bytes)));
    sub(k_, machine::gemm_unroll);
    jl(few, T_NEAR);
    align(16);
    L(four);
    steps(machine::gemm_unroll);
    sub(k_, machine::gemm_unroll);
    jge(four, T_NEAR);
    L(few);
    add(k_, machine::gemm_unroll);
    jz(summed, T_NEAR);
    L(one);
    steps(1);
    dec(k_);
    jnz(one, T_NEAR);
    L(summed);
    test(plus_, plus_);
    jz(added, T_NEAR);
    for (int v = 0; v < shape_.vectors; ++v) load(column(v), plus_, v);
    each_sum([&](int i, int v) {
      single ? vaddps(sum(i, v), sum(i, v), column(v)) : vaddpd(sum(i, v), sum(i, v), column(v));
    });
    L(added);
    mov(stride_, argument(offsetof(Tiles, ldc)));
    for (int i = 0; i < rows_; ++i) {
      for (int v = 0; v < shape_.vectors; ++v) store(c_, sum(i, v), v);
      add(c_, stride_);
    }
    dec(count_);
    jnz(tile, T_NEAR);
  }

  // What the next tile's sums begin from: they cannot begin before they have it.
  void fetch_next() {
    Xbyak::Label last;
    cmp(count_, 1);
    je(last, T_NEAR);
    mov(k_, from_);
    for (int i = 0; i < rows_; ++i) {
      for (int line = 0; line < shape_.vectors * vector_bytes(); line += 64) prefetcht0(beside(k_, line));
      if (i + 1 < rows_) add(k_, stride_);
    }
    mov(k_, argument(offsetof(Tiles, k)));
    L(last);
  }

  Shape shape_;
  /// Of the tiles that are being written.
  int rows_ = 0;
  int a_step_;
  int b_step_;
  /// Of the next panel, in each round of the loop over k.
  int lines_each_;
  Xbyak::Label ones_;
};

}  // namespace

template <class T>
struct GemmLoops<T>::Kernels {
  static constexpr int most_rows = 14;
  // By the rows of high and low tiles, vectors, whether partly, and how A lies.
  std::atomic<Code> made[most_rows + 1][most_rows][3][2][3]{};
  std::mutex mutex;
  std::vector<JitMemory> pieces;

  Code get(Shape shape, int mr, int nr, const JitTarget& target) {
    std::atomic<Code>& place = made[shape.rows[0]][shape.rows[1]][shape.vectors][shape.partly ? 1 : 0]
                                   [static_cast<std::size_t>(shape.lies)];
    if (const Code code = place.load(std::memory_order_acquire)) return code;
    const std::lock_guard lock(mutex);
    if (const Code code = place.load(std::memory_order_acquire)) return code;
    try {
      pieces.push_back(TileMaker<T>(shape, mr, nr, target).finish(name_of(shape)));
    } catch (const Xbyak::Error&) {
      return nullptr;
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
    const Code code = reinterpret_cast<Code>(pieces.back().data());
    place.store(code, std::memory_order_release);
    return code;
  }
};

template <class T>
GemmLoops<T>::GemmLoops(Isa isa) : target_(jit_target(isa)) {
  if (target_ != nullptr) kernels_ = std::make_unique<Kernels>();
}

template <class T>
bool GemmLoops<T>::block(const GemmTable<T>& table, Size m, Size n, Size k, const T* a, Size a_tile,
                         Size a_row, Size a_step, const T* b, T* c, Size ldc, const T* from, Size from_row,
                         const T* plus) {
  if (kernels_ == nullptr) return false;
  using internal::quotient;
  constexpr auto bytes = static_cast<Size>(sizeof(T));
  const Size mr = table.mr;
  const Size nr = table.nr;
  const Lies lies = a_step == 1 ? Lies::by_rows : a_step == mr ? Lies::packed : Lies::by_columns;
  const bool packed = lies == Lies::packed;
  // Packed rows lie in whole tiles. Others are cut evenly: a low last tile would wait for its sums.
  const Size tiles = quotient(m + mr - 1, mr);
  Size rows[] = {packed ? std::min(m, mr) : quotient(m + tiles - 1, tiles), 0};
  Size count[] = {packed ? quotient(m, rows[0]) : tiles - (tiles * rows[0] - m), 0};
  count[1] = tiles - count[0];
  if (count[1] > 0) rows[1] = packed ? m - count[0] * mr : rows[0] - 1;
  const Size width = nr / 2;
  const Size panels = quotient(n, nr);
  const Size last = n - panels * nr;
  const auto code = [&](Size columns) {
    return kernels_->get({{static_cast<int>(rows[0]), static_cast<int>(rows[1])},
                          columns <= width ? 1 : 2,
                          columns != nr && columns != width,
                          lies},
                         static_cast<int>(mr), static_cast<int>(nr), *target_);
  };
  const Code whole = panels == 0 ? nullptr : code(nr);
  const Code part = last == 0 ? nullptr : code(last);
  if ((whole == nullptr && panels != 0) || (part == nullptr && last != 0)) return false;
  Tiles run{.panels = panels,
            .count = {count[0], count[1]},
            .k = k,
            .panel_bytes = k * nr * bytes,
            .a = a,
            .a_tile = {(packed ? a_tile : rows[0] * a_row) * bytes, rows[1] * a_row * bytes},
            .a_row = (lies == Lies::by_columns ? a_step : a_row) * bytes,
            .b = b,
            .c = c,
            .ldc = ldc * bytes,
            .from = from,
            .from_row = from_row * bytes,
            .plus = plus,
            .last = last > width ? last - width : last};
  if (whole != nullptr) whole(&run);
  if (part != nullptr) {
    run.panels = 1;
    part(&run);
  }
  return true;
}

#else

template <class T>
struct GemmLoops<T>::Kernels {};
template <class T>
GemmLoops<T>::GemmLoops(Isa isa) : target_(jit_target(isa)) {}
template <class T>
bool GemmLoops<T>::block(const GemmTable<T>&, Size, Size, Size, const T*, Size, Size, Size, const T*, T*,
                         Size, const T*, Size, const T*) {
  return false;
}

#endif

template <class T>
GemmLoops<T>& GemmLoops<T>::of(Isa isa) {
  static GemmLoops* const loops[] = {
#define UNSPOOL_INSTRUCTION_SET(name, ...) new GemmLoops(Isa::name),
#include <unspool/core/kernels/instruction_sets.def>
#undef UNSPOOL_INSTRUCTION_SET
  };
  return *loops[static_cast<std::size_t>(isa)];
}

template class GemmLoops<float>;
template class GemmLoops<double>;

}  // namespace unspool::kernels
