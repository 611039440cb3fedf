#pragma once

#include <cstddef>
#include <cstdint>

// The tuned numbers of the library: every limit that was chosen by measuring, in one place. Who ports
// the library to another processor starts here. None of them changes a bit of a result but the last ones,
// which say so. What depends on the registers of an instruction set (rows and columns of a tile) is beside
// that set's kernels, gemm_<set>.cpp.
//
// The measurements are in docs/design/gemm.md, jit.md and scan.md. "Skylake" is a shared Xeon at 2.5
// GHz (L1 32 KiB, L2 1 MiB), "Zen 5" a shared EPYC at 4.2 GHz (L1 48 KiB, L2 1 MiB), two virtual cores each.
// A number without a figure was chosen on Skylake in November 2026 from the sizes of the caches: no
// measurement of it alone was kept.

namespace unspool::machine {

// Caches.

/// Bytes that a cache loads at a time.
constexpr std::int64_t cache_line_bytes = 64;

/// Rows that lie a multiple of this many bytes apart compete for the same places of L1: a cache of 64 sets
/// and lines of 64 bytes has 2 sets for them. Copied or padded rows avoid it. (gemm.md: C[32, 256] with k =
/// 1024 went from 0.64 to 0.84 of the multiply-add peak; AVX-512, Skylake, 2026-11-21.)
constexpr std::int64_t l1_alias_stride = 2048;

/// So many aliasing rows still find places in L1, whose sets hold 8 (Skylake) or 12 (Zen 5) lines.
constexpr std::int64_t l1_alias_rows = 8;

// Work for a thread. Waking a thread takes about 5 us, so a task should take as long.

/// Elements of an elementwise operation, a reduction or a sum over rows.
constexpr std::int64_t elementwise_task_elements = 1 << 15;
/// Elements of a strided copy, which moves more memory for each.
constexpr std::int64_t copy_task_elements = 1 << 14;
/// Elements of a tensor of random numbers.
constexpr std::int64_t random_task_elements = 1 << 14;
/// Elements of a variable that an optimizer updates: a few tensors of so many stay in L2.
constexpr std::int64_t optimizer_task_elements = 1 << 14;
/// Multiply-adds of a matrix product. (gemm.md: without tasks of 5 us, a SimpleRNN at size M had 1.52 of one
/// thread's speed on two threads, with them 1.66; Skylake, 2026-11-21.)
constexpr std::int64_t gemm_task_multiply_adds = 1 << 18;
/// Elements to pack for a matrix product.
constexpr std::int64_t pack_task_elements = 1 << 14;

// Matrix products (gemm.cpp).

/// The block of k that a panel of B covers: 256 x 16 floats are 16 KiB, half of L1.
constexpr std::int64_t gemm_depth = 256;
/// Columns and rows of the blocks of B and A that are packed at a time: 2 MiB and 3 MiB of floats.
constexpr std::int64_t gemm_block_columns = 2048;
constexpr std::int64_t gemm_block_rows = 3072;
/// Columns of the tasks that threads take: their part of B, 256 KiB of floats, stays in L2.
constexpr std::int64_t gemm_task_columns = 256;
/// Up to so many rows, a product packs a few panels of B, uses them while they are in L2, and forgets them.
constexpr std::int64_t gemm_small_batch_rows = 192;
constexpr std::int64_t gemm_small_batch_panels = 8;
/// Up to so many rows, reading A in place is as fast as packed. (Commit 2e0b1ce, Skylake, 2026-11-21: 6 to
/// 8 % of the peak for the products that a scan takes out of its loop.)
constexpr std::int64_t gemm_unpacked_rows = 96;
/// Packing A costs one pass over it and saves a slow pass for each panel of B. With fewer panels than these
/// it costs more than it saves; A transposed gains earlier, since each step of k takes another cache line.
/// (Commit 8991b75, 2026-11-22.)
constexpr std::int64_t gemm_unpacked_panels = 16;
constexpr std::int64_t gemm_unpacked_panels_transposed = 4;
/// Copying aliasing rows of A pays from so many panels of B on.
constexpr std::int64_t gemm_copy_panels = 4;
/// Up to so many rows, B is read once, in place.
constexpr std::int64_t gemv_rows = 4;
/// Columns that a task of such a product covers at least: a multiple of every set's widest tile.
constexpr std::int64_t gemv_task_columns = 512;
/// Up to so many multiply-adds, plain loops are faster than anything that is prepared first.
constexpr std::int64_t gemm_plain_multiply_adds = 512;

// JIT-compiled tiles of matrix products (gemm_jit.cpp).

/// Steps of k in one round of the loop.
constexpr int gemm_unroll = 4;
/// Steps of k that lines of B are fetched ahead, where a panel does not stay in L1. (jit.md: with
/// AVX-512 on Zen 5; with AVX2, whose panels stay in L1, it costs as much as it saves.)
constexpr int gemm_prefetch_steps = 6;

// Packing (gemm_block.inc).

/// Panels that are packed together, so that a row of B, which may lie a page apart from the next, is read in
/// one go.
constexpr std::int64_t pack_panels = 8;
/// Rows that packing fetches ahead: no hardware prefetcher follows rows that are pages apart.
constexpr std::int64_t pack_prefetch_rows = 8;

// Strided copies (strided.cpp).

/// Side of the squares in which a transposition goes: the lines of both sides stay in L1.
constexpr std::int64_t transpose_tile = 16;
/// Lines that are fetched ahead, and bytes of each.
constexpr std::int64_t copy_prefetch_lines = 4;
constexpr std::int64_t copy_prefetch_bytes = 512;
/// Up to so many bytes, moving words inline is faster than a call of memcpy. (scan.md: 5 to 9 % of a
/// SimpleRNN's step at size S together with copying sequences by chunks, Zen 5.)
constexpr std::size_t inline_copy_bytes = 512;

// Reductions (reduce.cpp).

/// Neighbouring outputs that are reduced together where the reduced axis is not the innermost: one line of 64
/// accumulators in double for each of eight lanes stays in L1.
constexpr std::int64_t reduce_columns = 64;

// JIT-compiled elementwise loops (vector_schedule.cpp).

/// Instructions that a processor begins in a cycle, as the list scheduler supposes.
constexpr int vector_issue_width = 3;
/// Registers that the scheduler leaves free for temporaries. (jit.md: limits between 5 and 16 values
/// alive made no difference; no limit made an LSTM's training step at size S 4 % longer.)
constexpr int vector_spare_registers = 3;

// Scans (autograd/scan).

/// Elements of a block of rows that elementwise operations run on one after the other: their operands stay in
/// L1, or nearly. Twice or half as much made no difference (scan.md, "Smaller blocks gained nothing").
constexpr std::int64_t scan_block_elements = 3072;
/// Bytes of the buffers of a chunk of time steps, which are to stay in L2. (scan.md: 4 MiB made the smallest
/// size a tenth slower; Zen 5.)
constexpr std::size_t scan_chunk_bytes = std::size_t{512} << 10U;
/// Rows times time steps that make a product over a chunk worth having: no chunk is shorter. Packs of B are
/// then used often enough (gemm_small_batch_rows).
constexpr std::int64_t scan_chunk_rows = 192;
/// Rows below which a thread's products lose speed, because tiles are no longer full.
constexpr std::int64_t scan_task_rows = 8;
/// Multiply-adds of a thread's share, at least. With less than scan_sure_multiply_adds for each, it depends
/// on the machine, and on the minute, whether several threads are faster: thread_trial.h finds out. (scan.md,
/// Zen 4 and Zen 5, 2026-11-30: a SimpleRNN of 8 steps, 32 rows and 64 units takes 0.79 of one thread's time
/// on two, or 1.45 times that.)
constexpr std::int64_t scan_task_multiply_adds = std::int64_t{1} << 19U;
constexpr std::int64_t scan_sure_multiply_adds = std::int64_t{1} << 21U;
/// Multiply-adds that take as long as one elementwise operation on one element, roughly.
constexpr std::int64_t scan_element_multiply_adds = 4;
/// One thread takes the groups one after the other if the packed weights have at most so many bytes, which
/// then stay in L2 and L3 from one group to the next, and the sums of one group more than so many, so that
/// those of two groups would not. (scan.md, 2026-11-22, Zen 5.)
constexpr std::size_t scan_cached_weight_bytes = std::size_t{2} << 20U;
constexpr std::size_t scan_cached_sum_bytes = std::size_t{1} << 20U;

// Part of results: these say in which order numbers are added up, so another value changes bits.

/// A scan splits rows into groups, which run independently and synchronize once; each sums up gradients of
/// its own, and these are added. It does if a group has so many rows and the weights so many elements, with
/// so many groups at most. (scan.md, Zen 5, 2026-11-22: two threads have 1.65 to 2.0 times the speed of one
/// at size M, 1.4 to 1.75 times without groups; smaller weights lose up to a twentieth of a SimpleRNN's
/// step.)
constexpr std::int64_t scan_group_rows = 8;
constexpr std::int64_t scan_group_weights = 1 << 15;
constexpr std::int64_t scan_max_groups = 2;
/// Rows that a scan's sum over rows adds up in one chain. It has two levels, since one long chain loses
/// digits.
constexpr std::int64_t scan_chain_rows = 32;
/// A reduction keeps so many accumulators, which vector units run side by side, and joins them as a tree; so
/// many elements make one partial result.
constexpr std::int64_t reduce_lanes = 8;
constexpr std::int64_t reduce_chunk = 8192;
/// Elements of a partial result of sum_of_squares.
constexpr std::int64_t sum_of_squares_elements = 1 << 14;

}  // namespace unspool::machine
