#include <algorithm>

#include <unspool/autograd/scan/plan.h>
#include <unspool/autograd/scan/run.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/threads.h>

namespace unspool::scan_compiler {
namespace {

/// "in machine code", "by blocks of 12 rows, in machine code" and the like.
std::string how_it_runs(const CodeSegment& segment) {
  const bool machine_code = std::ranges::any_of(
      segment.code, [](const Code& code) { return std::holds_alternative<MachineLoop>(code); });
  if (segment.block_rows == 0) return "in machine code";
  return fmt::format("by blocks of {} row{}{}", segment.block_rows, segment.block_rows == 1 ? "" : "s",
                     machine_code ? ", in machine code" : "");
}

std::string text_of(const FusedProgram& fused, const Layout& layout, const Segment& segment,
                    const CodeSegment& code) {
  std::vector<std::string> lines;
  for (const Instruction& instruction : segment.instructions) {
    if (!layout.is_trajectory(instruction)) lines.push_back(to_string(fused.table, instruction));
  }
  const bool several = segment.elementwise && lines.size() > 1;
  std::string text = several ? fmt::format("    {}\n", how_it_runs(code)) : "";
  for (const std::string& line : lines) text += (several ? "      " : "    ") + line + "\n";
  return text;
}

std::string kibibytes(std::size_t bytes) {
  return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
}

}  // namespace

Executable compile(const Program& program) {
  const PhasedProgram phased = assign_phases(program);
  const FusedProgram fused = form_segments(place_concatenations(fuse_products(select_instructions(phased))));
  return emit(fused, lay_out(fused));
}

void Plan::run(std::span<const Array> inputs, std::span<const Array> outputs, Index steps,
               Index threads) const {
  const auto whole = [&](std::span<const Array> arrays) {
    SmallVector<ScanArray, 16> all(arrays.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = {arrays[i].data, steps};
    return all;
  };
  const auto from = whole(inputs);
  const auto to = whole(outputs);
  Run(executable_, steps, executable_.cuts.groups, threads)({from.data(), from.size()},
                                                            {to.data(), to.size()}, steps);
}

std::string Plan::describe(Index steps) const {
  const PhasedProgram phased = assign_phases(program_);
  const FusedProgram fused = form_segments(place_concatenations(fuse_products(select_instructions(phased))));
  const Layout& layout = executable_.layout;
  const Cuts& cuts = executable_.cuts;
  const Index chunk =
      chunk_steps(executable_, steps, cuts.groups, useful_threads(executable_, steps, num_threads()));
  std::string text = fmt::format(
      "  {} steps{}, in chunks of {}; {}\n", steps, program_.reverse ? " from the last to the first" : "",
      chunk,
      phased.row_parallel() ? fmt::format("{} rows, row-parallel", phased.rows)
                            : fmt::format("not row-parallel, since {}", phased.not_row_parallel_reason));
  if (cuts.groups > 1) text += fmt::format("  {} groups of rows, each with sums of its own\n", cuts.groups);
  const auto batch_major = [&](const char* what, const std::vector<BatchMajor>& list) {
    std::string names;
    for (const BatchMajor& each : list)
      names += (names.empty() ? "" : ", ") + name_of(fused.table, each.value);
    if (!names.empty())
      text += fmt::format("  time is the second axis of {}: {} chunk by chunk\n", names, what);
  };
  batch_major("read", layout.batch_major_sequences);
  batch_major("written", layout.batch_major_outputs);
  for (Phase phase : all_phases) {
    const bool reduces = phase == Phase::after && !fused.reductions.empty();
    std::string segments;
    auto code = executable_.segments[phase].begin();
    for (const Segment& segment : fused.segments[phase]) {
      if (std::ranges::all_of(segment.instructions, [&](const Instruction& instruction) {
            return layout.is_trajectory(instruction);
          })) {
        continue;
      }
      segments += text_of(fused, layout, segment, *code++);
    }
    for (const Instruction& reduction : fused.reductions) {
      if (reduces) segments += "    " + to_string(fused.table, reduction) + "\n";
    }
    if (!segments.empty()) text += fmt::format("  {}\n", name_of(phase)) + segments;
  }
  std::size_t stacked = 0;
  for (const Stacked& output : program_.stacked_outputs) stacked += bytes_of(program_.spec(output.value));
  text += fmt::format(
      "  stacked outputs {}, buffers: chunk {}, step {}, block {} a thread, packed weights {}, once {}\n",
      kibibytes(stacked * static_cast<std::size_t>(steps)),
      kibibytes(layout.chunk_bytes * static_cast<std::size_t>(chunk)), kibibytes(layout.step_bytes),
      kibibytes(layout.block_bytes), kibibytes(executable_.packed_bytes), kibibytes(layout.once_bytes));
  return text;
}

std::string Plan::stages() const {
  const PhasedProgram phased = assign_phases(program_);
  Instructions instructions = select_instructions(phased);
  std::string text = "traced program\n" + to_string(program_) + "phases\n" + to_string(phased) +
                     "instructions\n" + to_string(instructions);
  instructions = fuse_products(std::move(instructions));
  text += "instructions, products fused\n" + to_string(instructions);
  instructions = place_concatenations(std::move(instructions));
  text += "instructions, concatenations in place\n" + to_string(instructions);
  const FusedProgram fused = form_segments(std::move(instructions));
  return text + "segments\n" + to_string(fused) + "layout\n" + to_string(fused, executable_.layout) +
         "schedule\n" + to_string(schedule_for(executable_, executable_.cuts.groups, num_threads()));
}

}  // namespace unspool::scan_compiler
