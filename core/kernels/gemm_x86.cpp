#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include <unspool/core/internal/format.h>
#include <unspool/core/kernels/gemm_jit.h>
#include <unspool/core/kernels/machine.h>
#include <unspool/core/kernels/x86_emitter.h>

#ifdef UNSPOOL_X86_JIT

namespace unspool::kernels {
namespace {

std::string name_of(const TileCode& code) {
  static constexpr const char* layouts[] = {"by rows", "packed", "by columns"};
  return fmt::format("unspool: tiles of {} and {} rows, {}{} vectors, {}", code.rows[0], code.rows[1],
                     code.partial ? "part of " : "", code.vectors,
                     layouts[static_cast<std::size_t>(code.layout)]);
}

/// Emits void code(TileArguments*).
class TileEmitter final : public X86Emitter {
 public:
  TileEmitter(const JitTarget& target, const TileCode& code)
      : X86Emitter(std::size_t{64} << 10U, target),
        code_(code),
        a_step_(code.element_bytes * (code.layout == LeftLayout::packed ? code.mr : 1)),
        b_step_(code.element_bytes * code.nr),
        fetched_lines_(machine::gemm_unroll * b_step_ / line_bytes / 4) {
    emit();
  }

 private:
  static constexpr int line_bytes = machine::cache_line_bytes;

  // The address of the arguments; row 0 and row 8 of A, and the distance between its rows, times 1, 3, 5
  // and 7.
  const Xbyak::Reg64 arguments_ = rdi;
  const Xbyak::Reg64 a_ = r8;
  const Xbyak::Reg64 a8_ = r9;
  const Xbyak::Reg64 row_ = rcx;
  const Xbyak::Reg64 row3_ = rdx;
  const Xbyak::Reg64 row5_ = rsi;
  const Xbyak::Reg64 row7_ = r13;
  const Xbyak::Reg64 b_ = r10;
  const Xbyak::Reg64 k_ = rax;
  const Xbyak::Reg64 c_ = r11;
  const Xbyak::Reg64 start_ = r12;
  const Xbyak::Reg64 next_a_ = r14;
  const Xbyak::Reg64 count_ = r15;
  // The distance between rows of C; while sums run, that of the lines of the next panel which are fetched,
  // from b_.
  const Xbyak::Reg64 stride_ = rbx;
  const Xbyak::Reg64 ahead_ = rbx;
  const Xbyak::Reg64 bias_ = rbp;

  Address argument(std::size_t offset) { return qword[arguments_ + offset]; }
  Register sum(int row, int v) const { return vector(row * code_.vectors + v); }
  Register column(int v) const { return vector(registers() - 4 + v); }
  Register factor() const { return vector(registers() - 2); }
  Register lanes() const { return vector(registers() - 1); }
  bool single() const { return code_.element_bytes == 4; }
  bool second_base() const { return code_.layout == LeftLayout::rows && rows_ > 8; }
  bool masked(int v) const { return code_.partial && v + 1 == code_.vectors; }

  void load(const Register& to, const Xbyak::RegExp& from, int v) {
    const Address here = beside(from, v * vector_bytes());
    if (!masked(v)) {
      vmovups(to, here);
    } else if (wide()) {
      single() ? vmovups(to | k1 | T_z, here) : vmovupd(to | k1 | T_z, here);
    } else {
      single() ? vmaskmovps(to, lanes(), here) : vmaskmovpd(to, lanes(), here);
    }
  }
  void store(const Xbyak::RegExp& to, const Register& from, int v) {
    const Address here = beside(to, v * vector_bytes());
    if (!masked(v)) {
      vmovups(here, from);
    } else if (wide()) {
      single() ? vmovups(here | k1, from) : vmovupd(here | k1, from);
    } else {
      single() ? vmaskmovps(here, lanes(), from) : vmaskmovpd(here, lanes(), from);
    }
  }

  template <class F>
  void each_sum(F f) {
    for (int i = 0; i < rows_; ++i) {
      for (int v = 0; v < code_.vectors; ++v) f(i, v);
    }
  }

  // Element p of row i of A, counted from where a_ points.
  Address element(int i, int p) {
    const int bytes = code_.element_bytes;
    if (code_.layout == LeftLayout::packed) return beside(a_, p * a_step_ + i * bytes);
    if (code_.layout == LeftLayout::columns) {
      const Xbyak::RegExp columns[] = {a_, a_ + row_, a_ + row_ * 2, a_ + row3_};
      return beside(columns[p], i * bytes);
    }
    const Xbyak::Reg64& base = i < 8 ? a_ : a8_;
    const Xbyak::RegExp rows[] = {
        base,         base + row_,      base + row_ * 2, base + row3_, base + row_ * 4,
        base + row5_, base + row3_ * 2, base + row7_};
    return beside(rows[i % 8], p * a_step_);
  }

  // The column of A that is fetched at step p of four: columns 5 to 8 from a_, so that no column is left out.
  Address column_ahead(int p) {
    const Xbyak::RegExp columns[] = {a_ + row5_, a_ + row3_ * 2, a_ + row7_, a_ + row_ * 8};
    return beside(columns[p], 0);
  }

  void steps(int count) {
    if (count == machine::gemm_unroll) {
      for (int line = 0; line < fetched_lines_; ++line) prefetcht1(beside(b_ + ahead_, line * line_bytes));
    }
    for (int p = 0; p < count; ++p) {
      // A panel of two vectors of 512 bits fills L1, and comes from L2 for each tile.
      for (int line = 0; wide() && code_.vectors == 2 && line < b_step_; line += line_bytes)
        prefetcht0(beside(b_, (p + machine::gemm_prefetch_steps) * b_step_ + line));
      if (code_.layout == LeftLayout::columns) prefetcht0(column_ahead(p));
      for (int v = 0; v < code_.vectors; ++v)
        vmovups(column(v), beside(b_, p * b_step_ + v * vector_bytes()));
      for (int i = 0; i < rows_; ++i) {
        single() ? vbroadcastss(factor(), element(i, p)) : vbroadcastsd(factor(), element(i, p));
        for (int v = 0; v < code_.vectors; ++v) {
          single() ? vfmadd231ps(sum(i, v), column(v), factor())
                   : vfmadd231pd(sum(i, v), column(v), factor());
        }
      }
    }
    if (code_.layout == LeftLayout::columns) {
      count == machine::gemm_unroll ? lea(a_, ptr[a_ + row_ * machine::gemm_unroll]) : add(a_, row_);
    } else {
      advance(a_, count * a_step_);
    }
    if (second_base()) advance(a8_, count * a_step_);
    advance(b_, count * b_step_);
  }

  void emit() {
    const Xbyak::Reg64 saved[] = {rbx, rbp, r12, r13, r14, r15};
    for (const Xbyak::Reg64& each : saved) push(each);
    if (code_.partial) {
      mov(rcx, argument(offsetof(TileArguments, last)));
      make_mask(lanes(), ones_, code_.element_bytes);
    }
    if (code_.layout != LeftLayout::packed) {
      mov(row_, argument(offsetof(TileArguments, a_stride)));
      lea(row3_, ptr[row_ + row_ * 2]);
      lea(row5_, ptr[row_ + row_ * 4]);
      lea(row7_, ptr[row3_ + row_ * 4]);
    }
    Xbyak::Label panel;
    align(16);
    L(panel);
    mov(next_a_, argument(offsetof(TileArguments, a)));
    mov(c_, argument(offsetof(TileArguments, c)));
    mov(start_, argument(offsetof(TileArguments, start)));
    mov(bias_, argument(offsetof(TileArguments, bias)));
    for (std::size_t band = 0; band < code_.rows.size(); ++band) {
      rows_ = code_.rows[band];
      if (rows_ > 0) emit_tiles(band);
    }
    next_panel();
    dec(argument(offsetof(TileArguments, panels)));
    jnz(panel, T_NEAR);
    std::for_each(std::rbegin(saved), std::rend(saved), [&](const Xbyak::Reg64& each) { pop(each); });
    vzeroupper();
    ret();
    emit_mask_source(ones_);
  }

  void next_panel() {
    const auto by = static_cast<std::uint32_t>(b_step_);
    Xbyak::Label start_is_zero;
    Xbyak::Label no_bias;
    // The last tile left b_ where the next panel begins.
    mov(argument(offsetof(TileArguments, b)), b_);
    add(argument(offsetof(TileArguments, c)), by);
    cmp(argument(offsetof(TileArguments, start)), 0);
    je(start_is_zero);
    add(argument(offsetof(TileArguments, start)), by);
    L(start_is_zero);
    cmp(argument(offsetof(TileArguments, bias)), 0);
    je(no_bias);
    add(argument(offsetof(TileArguments, bias)), by);
    L(no_bias);
  }

  void emit_tiles(std::size_t band) {
    const std::size_t of_band = band * sizeof(std::int64_t);
    Xbyak::Label tile;
    Xbyak::Label start_is_zero;
    Xbyak::Label started;
    Xbyak::Label unrolled;
    Xbyak::Label rest;
    Xbyak::Label single_step;
    Xbyak::Label summed;
    Xbyak::Label added;
    mov(count_, argument(offsetof(TileArguments, count) + of_band));
    align(16);
    L(tile);
    mov(a_, next_a_);
    add(next_a_, argument(offsetof(TileArguments, a_tile) + of_band));
    if (second_base()) lea(a8_, ptr[a_ + row_ * 8]);
    mov(b_, argument(offsetof(TileArguments, b)));
    mov(k_, argument(offsetof(TileArguments, k)));
    test(start_, start_);
    jz(start_is_zero, T_NEAR);
    mov(stride_, argument(offsetof(TileArguments, start_stride)));
    for (int i = 0; i < rows_; ++i) {
      for (int v = 0; v < code_.vectors; ++v) load(sum(i, v), start_, v);
      add(start_, stride_);
    }
    fetch_next();
    jmp(started, T_NEAR);
    L(start_is_zero);
    each_sum([&](int i, int v) {
      vxorps(Xbyak::Xmm(sum(i, v).getIdx()), Xbyak::Xmm(sum(i, v).getIdx()), Xbyak::Xmm(sum(i, v).getIdx()));
    });
    L(started);
    // While one panel serves its tiles, the next one is fetched into L2, where it is not if B is large: a
    // fourth of its lines with each tile.
    mov(ahead_, count_);
    and_(ahead_, 3);
    imul(ahead_, ahead_, fetched_lines_ * line_bytes);
    add(ahead_, argument(offsetof(TileArguments, panel_bytes)));
    sub(k_, machine::gemm_unroll);
    jl(rest, T_NEAR);
    align(16);
    L(unrolled);
    steps(machine::gemm_unroll);
    sub(k_, machine::gemm_unroll);
    jge(unrolled, T_NEAR);
    L(rest);
    add(k_, machine::gemm_unroll);
    jz(summed, T_NEAR);
    L(single_step);
    steps(1);
    dec(k_);
    jnz(single_step, T_NEAR);
    L(summed);
    test(bias_, bias_);
    jz(added, T_NEAR);
    for (int v = 0; v < code_.vectors; ++v) load(column(v), bias_, v);
    each_sum([&](int i, int v) {
      single() ? vaddps(sum(i, v), sum(i, v), column(v)) : vaddpd(sum(i, v), sum(i, v), column(v));
    });
    L(added);
    mov(stride_, argument(offsetof(TileArguments, c_stride)));
    for (int i = 0; i < rows_; ++i) {
      for (int v = 0; v < code_.vectors; ++v) store(c_, sum(i, v), v);
      add(c_, stride_);
    }
    dec(count_);
    jnz(tile, T_NEAR);
  }

  // Fetches what the next tile's sums start from: they cannot begin before they have it.
  void fetch_next() {
    Xbyak::Label last;
    cmp(count_, 1);
    je(last, T_NEAR);
    mov(k_, start_);
    for (int i = 0; i < rows_; ++i) {
      for (int line = 0; line < code_.vectors * vector_bytes(); line += line_bytes)
        prefetcht0(beside(k_, line));
      if (i + 1 < rows_) add(k_, stride_);
    }
    mov(k_, argument(offsetof(TileArguments, k)));
    L(last);
  }

  TileCode code_;
  /// Rows of the tiles that are being emitted.
  int rows_ = 0;
  int a_step_;
  int b_step_;
  /// Lines of the next panel that each round of the loop over k fetches.
  int fetched_lines_;
  Xbyak::Label ones_;
};

}  // namespace

JitMemory emit_x86_tiles(const JitTarget& target, const TileCode& code) {
  return emit_x86<TileEmitter>(name_of(code), target, code);
}

}  // namespace unspool::kernels

#endif
