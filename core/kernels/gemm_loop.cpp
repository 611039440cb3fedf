#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <type_traits>
#include <vector>

#include <unspool/core/kernels/code_maker.h>
#include <unspool/core/kernels/gemm_loop.h>
#include <unspool/core/kernels/machine_code.h>

namespace unspool::kernels {

#ifdef UNSPOOL_MACHINE_CODE
namespace {

/// Tiles one below the other that share a panel of B. Strides are in bytes.
struct Tiles {
  std::int64_t count;
  std::int64_t k;
  const void* a;
  std::int64_t a_tile;
  /// Not read where A is packed.
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

/// The height of a tile, its vectors in a row, whether the last of them is a part, and how A lies.
struct Shape {
  int rows;
  int vectors;
  bool partly;
  bool packed;
};

using Code = void (*)(const Tiles*);

template <class T>
class TileMaker final : public CodeMaker {
 public:
  TileMaker(Shape shape, int mr, int nr, Isa isa)
      : CodeMaker(std::size_t{32} << 10U, isa),
        shape_(shape),
        a_step_(static_cast<int>(sizeof(T)) * (shape.packed ? mr : 1)),
        b_step_(static_cast<int>(sizeof(T)) * nr) {
    emit();
  }

 private:
  static constexpr bool single = std::is_same_v<T, float>;
  static constexpr int unrolled = 4;
  static constexpr int prefetched = 6;

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
  const Xbyak::Reg64 stride_ = rbx;
  const Xbyak::Reg64 plus_ = rbp;

  Address argument(std::size_t offset) { return ptr[tiles_ + offset]; }
  Register sum(int row, int v) const { return vector(row * shape_.vectors + v); }
  Register column(int v) const { return vector(registers() - 4 + v); }
  Register factor() const { return vector(registers() - 2); }
  Register lanes() const { return vector(registers() - 1); }
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
    for (int i = 0; i < shape_.rows; ++i) {
      for (int v = 0; v < shape_.vectors; ++v) f(i, v);
    }
  }

  /// Element p from here on of a row of A.
  Address element(int i, int p) {
    const int ahead = p * a_step_ + (shape_.packed ? i * static_cast<int>(sizeof(T)) : 0);
    if (shape_.packed) return beside(a_, ahead);
    const Xbyak::Reg64& base = i < 8 ? a_ : a8_;
    const Xbyak::RegExp rows[] = {
        base,         base + row_,      base + row_ * 2, base + row3_, base + row_ * 4,
        base + row5_, base + row3_ * 2, base + row7_};
    return beside(rows[i % 8], ahead);
  }

  void steps(int count) {
    for (int p = 0; p < count; ++p) {
      // A panel of 512 bits fills the nearest cache by itself, and comes from the second one for each tile.
      for (int line = 0; wide() && line < b_step_; line += 64)
        prefetcht0(beside(b_, (p + prefetched) * b_step_ + line));
      for (int v = 0; v < shape_.vectors; ++v)
        vmovups(column(v), beside(b_, p * b_step_ + v * vector_bytes()));
      for (int i = 0; i < shape_.rows; ++i) {
        single ? vbroadcastss(factor(), element(i, p)) : vbroadcastsd(factor(), element(i, p));
        for (int v = 0; v < shape_.vectors; ++v) {
          single ? vfmadd231ps(sum(i, v), column(v), factor()) : vfmadd231pd(sum(i, v), column(v), factor());
        }
      }
    }
    advance(a_, count * a_step_);
    if (!shape_.packed && shape_.rows > 8) advance(a8_, count * a_step_);
    advance(b_, count * b_step_);
  }

  void emit() {
    const Xbyak::Reg64 kept[] = {rbx, rbp, r12, r13, r14, r15};
    for (const Xbyak::Reg64& each : kept) push(each);
    if (shape_.partly) {
      mov(rcx, argument(offsetof(Tiles, last)));
      make_mask(lanes(), ones_, static_cast<int>(sizeof(T)));
    }
    mov(count_, argument(offsetof(Tiles, count)));
    mov(next_a_, argument(offsetof(Tiles, a)));
    mov(c_, argument(offsetof(Tiles, c)));
    mov(from_, argument(offsetof(Tiles, from)));
    mov(plus_, argument(offsetof(Tiles, plus)));
    if (!shape_.packed) {
      mov(row_, argument(offsetof(Tiles, a_row)));
      lea(row3_, ptr[row_ + row_ * 2]);
      lea(row5_, ptr[row_ + row_ * 4]);
      lea(row7_, ptr[row3_ + row_ * 4]);
    }
    Xbyak::Label tile;
    Xbyak::Label from_zero;
    Xbyak::Label begun;
    Xbyak::Label four;
    Xbyak::Label few;
    Xbyak::Label one;
    Xbyak::Label summed;
    Xbyak::Label added;
    align(16);
    L(tile);
    mov(a_, next_a_);
    add(next_a_, argument(offsetof(Tiles, a_tile)));
    if (!shape_.packed && shape_.rows > 8) lea(a8_, ptr[a_ + row_ * 8]);
    mov(b_, argument(offsetof(Tiles, b)));
    mov(k_, argument(offsetof(Tiles, k)));
    test(from_, from_);
    jz(from_zero, T_NEAR);
    mov(stride_, argument(offsetof(Tiles, from_row)));
    for (int i = 0; i < shape_.rows; ++i) {
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
    sub(k_, unrolled);
    jl(few, T_NEAR);
    align(16);
    L(four);
    steps(unrolled);
    sub(k_, unrolled);
    jge(four, T_NEAR);
    L(few);
    add(k_, unrolled);
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
    for (int i = 0; i < shape_.rows; ++i) {
      for (int v = 0; v < shape_.vectors; ++v) store(c_, sum(i, v), v);
      add(c_, stride_);
    }
    dec(count_);
    jnz(tile, T_NEAR);
    std::for_each(std::rbegin(kept), std::rend(kept), [&](const Xbyak::Reg64& each) { pop(each); });
    vzeroupper();
    ret();
    emit_lanes(ones_);
  }

  // What the next tile's sums begin from: they cannot begin before they have it.
  void fetch_next() {
    Xbyak::Label last;
    cmp(count_, 1);
    je(last, T_NEAR);
    mov(k_, from_);
    for (int i = 0; i < shape_.rows; ++i) {
      for (int line = 0; line < shape_.vectors * vector_bytes(); line += 64) prefetcht0(beside(k_, line));
      if (i + 1 < shape_.rows) add(k_, stride_);
    }
    mov(k_, argument(offsetof(Tiles, k)));
    L(last);
  }

  Shape shape_;
  int a_step_;
  int b_step_;
  Xbyak::Label ones_;
};

}  // namespace

template <class T>
struct GemmLoops<T>::Kernels {
  static constexpr int most_rows = 14;
  // By rows, vectors, whether partly, and how A lies.
  std::atomic<Code> made[most_rows + 1][3][2][2]{};
  std::mutex mutex;
  std::vector<CodeMemory> pieces;

  Code get(Shape shape, int mr, int nr, Isa isa) {
    std::atomic<Code>& place = made[shape.rows][shape.vectors][shape.partly ? 1 : 0][shape.packed ? 1 : 0];
    if (const Code code = place.load(std::memory_order_acquire)) return code;
    const std::lock_guard lock(mutex);
    if (const Code code = place.load(std::memory_order_acquire)) return code;
    try {
      pieces.push_back(TileMaker<T>(shape, mr, nr, isa).finish());
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
GemmLoops<T>::GemmLoops(Isa isa) : isa_(isa) {
  if (makes_machine_code(isa)) kernels_ = std::make_unique<Kernels>();
}

template <class T>
bool GemmLoops<T>::block(const GemmTable<T>& table, Size m, Size n, Size k, const T* a, Size a_tile,
                         Size a_row, Size a_step, const T* b, T* c, Size ldc, const T* from, Size from_row,
                         const T* plus) {
  if (kernels_ == nullptr) return false;
  constexpr auto bytes = static_cast<Size>(sizeof(T));
  const Size mr = table.mr;
  const Size nr = table.nr;
  const bool packed = a_row == 1 && a_step == mr;
  // Packed rows lie in whole tiles. Others are cut evenly: a low last tile would wait for its sums.
  const Size tiles = (m + mr - 1) / mr;
  const Size high = packed ? mr : (m + tiles - 1) / tiles;
  const Size low = packed ? m % mr : high - 1;
  const Size highs = packed ? m / mr : m - tiles * low;
  struct Band {
    Size tiles;
    Size rows;
    Size first;
  };
  const Band bands[] = {{highs, high, 0}, {tiles - highs, low, highs * high}};
  const Size width = nr / 2;
  const Size last = n % nr;
  // Of each band, for whole panels and for a last one that is not.
  Code codes[2][2]{};
  for (int i = 0; i < 2; ++i) {
    for (const bool part : {false, true}) {
      if (bands[i].tiles == 0 || (part ? last == 0 : n < nr)) continue;
      const Size columns = part ? last : nr;
      codes[i][part ? 1 : 0] = kernels_->get(
          {static_cast<int>(bands[i].rows), columns <= width ? 1 : 2, columns % width != 0, packed},
          static_cast<int>(mr), static_cast<int>(nr), isa_);
      if (codes[i][part ? 1 : 0] == nullptr) return false;
    }
  }
  for (Size j = 0; j < n; j += nr, b += nr * k) {
    for (int i = 0; i < 2; ++i) {
      const Band& band = bands[i];
      if (band.tiles == 0) continue;
      const Tiles run{.count = band.tiles,
                      .k = k,
                      .a = a + (packed ? band.first / mr * a_tile : band.first * a_row),
                      .a_tile = (packed ? a_tile : band.rows * a_row) * bytes,
                      .a_row = a_row * bytes,
                      .b = b,
                      .c = c + band.first * ldc + j,
                      .ldc = ldc * bytes,
                      .from = from == nullptr ? nullptr : from + band.first * from_row + j,
                      .from_row = from_row * bytes,
                      .plus = plus == nullptr ? nullptr : plus + j,
                      .last = last % width};
      codes[i][n - j < nr ? 1 : 0](&run);
    }
  }
  return true;
}

#else

template <class T>
struct GemmLoops<T>::Kernels {};
template <class T>
GemmLoops<T>::GemmLoops(Isa isa) : isa_(isa) {}
template <class T>
bool GemmLoops<T>::block(const GemmTable<T>&, Size, Size, Size, const T*, Size, Size, Size, const T*, T*,
                         Size, const T*, Size, const T*) {
  return false;
}

#endif

template <class T>
GemmLoops<T>& GemmLoops<T>::of(Isa isa) {
  static GemmLoops* const loops[] = {new GemmLoops(Isa::baseline), new GemmLoops(Isa::avx2),
                                     new GemmLoops(Isa::avx512)};
  return *loops[static_cast<std::size_t>(isa)];
}

template class GemmLoops<float>;
template class GemmLoops<double>;

}  // namespace unspool::kernels
