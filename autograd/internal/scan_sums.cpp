#include <algorithm>

#include <unspool/autograd/internal/scan_run.h>
#include <unspool/core/kernels/gemm.h>

namespace unspool::internal {
namespace {

/// Multiply-adds of a sum that are worth a thread's while.
constexpr Index worthwhile = 1 << 18;

}  // namespace

Index ScanRun::sum_stride(const Instruction& instruction) const {
  constexpr Index line = 64;
  const auto element = static_cast<Index>(plan_.element(instruction.inputs.back()));
  const Index columns = sum_columns_of(instruction);
  return columns * element % kernels::crowded_bytes == 0 ? columns + line / element : columns;
}

ScanRun::Sum ScanRun::sum(const Instruction& instruction, Index group) const {
  if (groups_ == 1) return {summed(instruction), sum_columns_of(instruction)};
  const Index ld = sum_stride(instruction);
  const Index elements = group * sum_rows_of(instruction) * ld;
  return {sums_apart_[static_cast<std::size_t>(instruction.index)] +
              static_cast<std::size_t>(elements) * plan_.element(instruction.inputs.back()),
          ld};
}

void ScanRun::finish_sums() const {
  if (groups_ == 1) return;
  for (const Segment& segment : segments(Phase::after)) {
    if (!segment.sums_by_rows()) continue;
    const Instruction& instruction = segment.instructions[0];
    const Index columns = sum_columns_of(instruction);
    std::byte* const whole = summed(instruction);
    visit_floating(plan_.values_[at(instruction.inputs.back())].dtype, [&]<class T>(T) {
      const auto [first, ld] = sum(instruction, 0);
      parallel_for(sum_rows_of(instruction), std::max<Index>(1, grain / std::max<Index>(1, columns)),
                   [&, first = first, ld = ld](Index begin, Index end) {
                     for (Index i = begin; i < end; ++i) {
                       T* const to = reinterpret_cast<T*>(whole) + i * columns;
                       const T* const own = reinterpret_cast<const T*>(first) + i * ld;
                       std::copy_n(own, columns, to);
                       for (Index group = 1; group < groups_; ++group) {
                         const T* const other =
                             reinterpret_cast<const T*>(sum(instruction, group).data) + i * ld;
                         for (Index j = 0; j < columns; ++j) to[j] += other[j];
                       }
                     }
                   });
    });
  }
}

void ScanRun::add_sums(std::span<const Segment> segments, Index group, Index end) const {
  while (!segments.empty()) {
    const Instruction& instruction = segments[0].instructions[0];
    std::size_t together = 1;
    if (instruction.kind == Kind::sum_product) {
      together = sharing(segments);
      sum_products(segments.first(together), group, end);
    } else {
      Frame frame(*this);
      place(frame, segments[0], lowest());
      sum_rows(instruction, frame, group, end);
    }
    segments = segments.subspan(together);
  }
}

std::size_t ScanRun::sharing(std::span<const Segment> segments) const {
  const Value right = segments[0].instructions[0].inputs[1];
  const Slot& whole = plan_.slot(right);
  const Index panel =
      visit_floating(plan_.values_[at(right)].dtype, []<class T>(T) { return kernels::panel_columns<T>(); });
  const auto shares = [&](const Segment& segment) {
    const Instruction& other = segment.instructions[0];
    if (other.kind != Kind::sum_product) return false;
    const Slot& part = plan_.slot(other.inputs[1]);
    return other.inputs[1] == right || (whole.root == right && whole.stride == whole.columns &&
                                        part.root == right && part.offset % panel == 0);
  };
  return static_cast<std::size_t>(std::ranges::find_if_not(segments, shares) - segments.begin());
}

void ScanRun::sum_products(std::span<const Segment> segments, Index group, Index end) const {
  const Value right = segments[0].instructions[0].inputs[1];
  const Index all_columns = plan_.slot(right).columns;
  Frame frame(*this);
  Index left_columns = 0;
  for (const Segment& segment : segments) {
    place(frame, segment, lowest());
    left_columns += plan_.slot(segment.instructions[0].inputs[0]).columns;
  }
  visit_floating(plan_.values_[at(right)].dtype, [&]<class T>(T) {
    const Index panel = kernels::panel_columns<T>();
    const Index panels = (all_columns + panel - 1) / panel;
    const Index pieces = (end - group) * panels;
    const Index work = left_columns * (end_ - first_) * group_rows() * panel;
    const Index share =
        std::max((pieces + num_threads() - 1) / num_threads(), worthwhile / std::max<Index>(1, work));
    parallel_for(pieces, std::max<Index>(1, share), [&](Index first, Index last) {
      // Those of one group follow one another.
      for (Index g = first / panels; g * panels < last; ++g) {
        const Index left = std::max(first - g * panels, Index{0}) * panel;
        const Index columns = std::min(all_columns, (last - g * panels) * panel) - left;
        sum_columns<T>(segments, frame, group + g, left, columns);
      }
    });
  });
}

kernels::Runs ScanRun::runs_from(Value value, Index group, Index row, std::byte*& data) const {
  const Value root = plan_.slot(value).root;
  const Index rows = group_begin(group + 1) - group_begin(group);
  const Index apart = step_rows(root);
  data += static_cast<std::size_t>(row / rows * apart + group_begin(group) + row % rows) * row_bytes(root);
  return apart == rows ? kernels::one_run : kernels::Runs{rows, apart, row % rows};
}

template <class T>
void ScanRun::sum_columns(std::span<const Segment> segments, Frame& frame, Index group, Index left,
                          Index columns) const {
  constexpr Index depth = kernels::gemm_depth;
  const Value right = segments[0].instructions[0].inputs[1];
  const Slot& b = plan_.slot(right);
  const Index own_rows = group_begin(group + 1) - group_begin(group);
  const Index rows = (end_ - first_) * own_rows;
  const PooledBuffer<T> packed(
      static_cast<std::size_t>(kernels::packed_size<T>(columns, std::min(rows, depth))));
  for (Index done = 0; done < rows; done += depth) {
    const Index part = std::min(depth, rows - done);
    std::byte* from = frame[right];
    const kernels::Runs right_runs = runs_from(right, group, done, from);
    kernels::pack_runs(right_runs, columns, part, reinterpret_cast<const T*>(from) + left, b.stride,
                       packed.data());
    for (const Segment& segment : segments) {
      const Instruction& instruction = segment.instructions[0];
      const Slot& a = plan_.slot(instruction.inputs[0]);
      const Slot& own = plan_.slot(instruction.inputs[1]);
      const Index begins = own.offset - b.offset;
      const Index begin = std::max(left, begins);
      const Index end = std::min(left + columns, begins + own.columns);
      if (begin >= end) continue;
      const auto [to, ld] = sum(instruction, group);
      T* const c = reinterpret_cast<T*>(to) + begin - begins;
      std::byte* first = frame[instruction.inputs[0]];
      const kernels::Runs runs = runs_from(instruction.inputs[0], group, done, first);
      kernels::gemm_packed_runs(runs, a.columns, end - begin, part, reinterpret_cast<const T*>(first),
                                a.stride, packed.data() + (begin - left) * part, c, ld,
                                goes_on() || done > 0);
    }
  }
}

void ScanRun::sum_rows(const Instruction& instruction, Frame& frame, Index group, Index end) const {
  constexpr Index together = 32;
  const Slot& x = plan_.slot(instruction.inputs[0]);
  visit_floating(plan_.values_[at(instruction.inputs[0])].dtype, [&]<class T>(T) {
    const T* from = reinterpret_cast<const T*>(frame[instruction.inputs[0]]);
    const Index apart = step_rows(x.root);
    const Index in_step = (group_rows() + together - 1) / together;
    const Index in_group = (end_ - first_) * in_step;
    const Index pieces = (end - group) * in_group;
    const Index longest = std::max(in_group, together);
    const PooledBuffer<T> memory(static_cast<std::size_t>(pieces * x.columns + longest));
    T* const sums = memory.data();
    T* const ones = sums + pieces * x.columns;
    std::fill_n(ones, longest, T{1});
    const Index share = std::max<Index>(1, grain / (together * std::max<Index>(1, x.columns)));
    parallel_for(pieces, share, [&](Index first, Index last) {
      for (Index piece = first; piece < last; ++piece) {
        const Index own = group + piece / in_group;
        const Index step = piece % in_group / in_step;
        const Index row = group_begin(own) + piece % in_step * together;
        const Index rows = std::clamp(group_begin(own + 1) - row, Index{0}, together);
        kernels::gemm(false, false, 1, x.columns, rows, ones, longest, from + (step * apart + row) * x.stride,
                      x.stride, sums + piece * x.columns, x.columns, false);
      }
    });
    for (Index g = group; g < end; ++g) {
      kernels::gemm(false, false, 1, x.columns, in_group, ones, longest,
                    sums + (g - group) * in_group * x.columns, x.columns,
                    reinterpret_cast<T*>(sum(instruction, g).data), x.columns, goes_on());
    }
  });
}

void ScanRun::sum_values(const Instruction& instruction, Frame& frame) const {
  const Value value = instruction.inputs[0];
  const Slot& slot = plan_.slot(value);
  const Index rows = slot.rows ? rows_ : 1;
  visit_floating(plan_.values_[at(value)].dtype, [&]<class T>(T) {
    T* to = reinterpret_cast<T*>(summed(instruction));
    const T* from = reinterpret_cast<const T*>(frame[value]);
    for (Index r = 0; r < rows; ++r) {
      for (Index c = 0; c < slot.columns; ++c) to[r * slot.columns + c] += from[r * slot.stride + c];
    }
  });
}

}  // namespace unspool::internal
