#include <algorithm>

#include <unspool/autograd/internal/scan_run.h>
#include <unspool/core/kernels/gemm.h>

namespace unspool::internal {
namespace {

/// Multiply-adds of a sum that are worth a thread's while.
constexpr Index worthwhile = 1 << 18;

}  // namespace

std::byte* ScanRun::sum(const Instruction& instruction) const {
  return output(program_.next.size() + program_.each.size() + static_cast<std::size_t>(instruction.index));
}

std::size_t ScanRun::sum_products(const std::vector<Segment>& segments, std::size_t first, Index low,
                                  Index high) const {
  constexpr Index depth = kernels::gemm_depth;
  const Value right = segments[first].instructions[0].inputs[1];
  const Slot& b = plan_.slot(right);
  visit_floating(plan_.values_[at(right)].dtype, [&]<class T>(T) {
    const auto shares = [&](const Instruction& other) {
      if (other.kind != Kind::sum_product) return false;
      const Slot& part = plan_.slot(other.inputs[1]);
      const bool whole = b.root == right && b.stride == b.columns;
      return other.inputs[1] == right ||
             (whole && part.root == right && part.offset % kernels::panel_columns<T>() == 0);
    };
    std::size_t end = first;
    while (end < segments.size() && shares(segments[end].instructions[0])) ++end;
    Frame frame(*this);
    for (std::size_t s = first; s < end; ++s) place(frame, segments[s], low);
    const Index rows = (high - low) * rows_;
    const Index panel = kernels::panel_columns<T>();
    const Index panels = (b.columns + panel - 1) / panel;
    Index work = 0;
    for (std::size_t s = first; s < end; ++s)
      work += plan_.slot(segments[s].instructions[0].inputs[0]).columns;
    work *= rows * panel;
    const Index share =
        std::max((panels + num_threads() - 1) / num_threads(), worthwhile / std::max<Index>(1, work));
    parallel_for(panels, std::max<Index>(1, share), [&](Index first_panel, Index last_panel) {
      const Index left = first_panel * panel;
      const Index columns = std::min(b.columns, last_panel * panel) - left;
      const PooledBuffer<T> packed(
          static_cast<std::size_t>(kernels::packed_size<T>(columns, std::min(rows, depth))));
      for (Index row = 0; row < rows; row += depth) {
        const Index part = std::min(depth, rows - row);
        kernels::pack(false, columns, part, reinterpret_cast<const T*>(frame[right]) + row * b.stride + left,
                      b.stride, packed.data());
        for (std::size_t s = first; s < end; ++s) {
          const Instruction& instruction = segments[s].instructions[0];
          const Slot& a = plan_.slot(instruction.inputs[0]);
          const Slot& own = plan_.slot(instruction.inputs[1]);
          const Index begins = own.offset - b.offset;
          const Index from = std::max(left, begins);
          const Index to = std::min(left + columns, begins + own.columns);
          if (from >= to) continue;
          T* const c = reinterpret_cast<T*>(sum(instruction)) + from - begins;
          kernels::gemm_packed(true, a.columns, to - from, part,
                               reinterpret_cast<const T*>(frame[instruction.inputs[0]]) + row * a.stride,
                               a.stride, packed.data() + (from - left) * part, c, own.columns,
                               {c, own.columns});
        }
      }
    });
    first = end - 1;
  });
  return first;
}

void ScanRun::sum_rows(const Instruction& instruction, Frame& frame, Index rows) const {
  constexpr Index together = 32;
  const Slot& x = plan_.slot(instruction.inputs[0]);
  visit_floating(plan_.values_[at(instruction.inputs[0])].dtype, [&]<class T>(T) {
    const T* from = reinterpret_cast<const T*>(frame[instruction.inputs[0]]);
    const Index groups = (rows + together - 1) / together;
    const Index longest = std::max(groups, together);
    const PooledBuffer<T> memory(static_cast<std::size_t>(groups * x.columns + longest));
    T* const sums = memory.data();
    T* const ones = sums + groups * x.columns;
    std::fill_n(ones, longest, T{1});
    const Index share = std::max<Index>(1, grain / (together * std::max<Index>(1, x.columns)));
    parallel_for(groups, share, [&](Index begin, Index last) {
      for (Index g = begin; g < last; ++g) {
        kernels::gemm(false, false, 1, x.columns, std::min(together, rows - g * together), ones, longest,
                      from + g * together * x.stride, x.stride, sums + g * x.columns, x.columns, false);
      }
    });
    kernels::gemm(false, false, 1, x.columns, groups, ones, longest, sums, x.columns,
                  reinterpret_cast<T*>(sum(instruction)), x.columns, true);
  });
}

void ScanRun::sum_values(const Instruction& instruction, Frame& frame) const {
  const Value value = instruction.inputs[0];
  const Slot& slot = plan_.slot(value);
  const Index rows = slot.rows ? rows_ : 1;
  visit_floating(plan_.values_[at(value)].dtype, [&]<class T>(T) {
    T* to = reinterpret_cast<T*>(sum(instruction));
    const T* from = reinterpret_cast<const T*>(frame[value]);
    for (Index r = 0; r < rows; ++r) {
      for (Index c = 0; c < slot.columns; ++c) to[r * slot.columns + c] += from[r * slot.stride + c];
    }
  });
}

}  // namespace unspool::internal
