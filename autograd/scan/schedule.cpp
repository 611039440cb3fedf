#include <algorithm>

#include <unspool/autograd/scan/executable.h>
#include <unspool/autograd/scan/schedule.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/kernels/machine.h>

namespace unspool::scan_compiler {
namespace {

bool by_rows(const CodeSegment& segment) { return segment.by_rows; }

double step_work(const Executable& executable, Index weights) {
  std::size_t elements = 0;
  for (std::size_t i = 0; i < executable.specs.size(); ++i) {
    if (executable.layout.slots[i].has_rows)
      elements += executable.value_bytes[i] / size_of(executable.specs[i].dtype);
  }
  return static_cast<double>(executable.rows) * static_cast<double>(weights) +
         static_cast<double>(elements) * static_cast<double>(machine::scan_element_multiply_adds);
}

/// Of so many threads, those that have such a share of a run of so many steps, or that of its tuning.
Index threads_with(Index multiply_adds, const Executable& executable, Index steps, Index threads) {
  const Index given = executable.program->tuning.task_multiply_adds;
  const Index share = std::max<Index>(1, given < 0 ? multiply_adds : given);
  const double shares = executable.cuts.step_work * static_cast<double>(steps) / static_cast<double>(share);
  return shares >= static_cast<double>(threads) ? threads : std::max<Index>(1, static_cast<Index>(shares));
}

}  // namespace

void make_cuts(Executable& executable) {
  using Kind = Task::Kind;
  using Cut = Region::Cut;
  Cuts& cuts = executable.cuts;
  const auto segments = [&](Phase phase) -> const std::vector<CodeSegment>& {
    return executable.segments[phase];
  };
  const auto have_rows = [&](const std::vector<BatchMajor>& list) {
    return std::ranges::all_of(list,
                               [&](const BatchMajor& each) { return executable.slot(each.value).has_rows; });
  };
  const std::vector<CodeSegment>& after = segments(Phase::after);
  const auto rest = static_cast<std::size_t>(std::ranges::find_if_not(after, by_rows) - after.begin());
  cuts.begins_by_rows = std::ranges::all_of(segments(Phase::before), by_rows) &&
                        have_rows(executable.layout.batch_major_sequences);
  const bool ends_by_rows = rest == after.size() && have_rows(executable.layout.batch_major_outputs);

  const Task read{Kind::read_batch_major};
  const Task write{Kind::write_batch_major};
  const Task reduce{Kind::reduce};
  const auto run = [&](Phase phase) { return Task{Kind::run, phase, 0, segments(phase).size()}; };
  const Task after_by_rows{Kind::run, Phase::after, 0, rest};
  const Task after_rest{Kind::run, Phase::after, rest, after.size()};
  const std::vector<Task> finish = {run(Phase::last), {Kind::finish_carries}};

  cuts.by_groups = {.group_by_group = true,
                    .chunk = {{Cut::within_tasks,
                               {read, run(Phase::before), run(Phase::loop), after_by_rows, reduce, write}}},
                    .finish = {{Cut::within_tasks, finish}}};
  cuts.by_tasks = {.group_by_group = false,
                   .chunk = {{Cut::within_tasks, {read, run(Phase::before)}},
                             {Cut::by_rows, {run(Phase::loop)}},
                             {Cut::within_tasks, {run(Phase::after), reduce, write}}},
                   .finish = {{Cut::within_tasks, finish}}};
  Region rows{Cut::by_rows, {read, run(Phase::before), run(Phase::loop), after_by_rows}};
  Region others{Cut::within_tasks, {after_rest, reduce}};
  (ends_by_rows ? rows : others).tasks.push_back(write);
  cuts.by_rows = {.group_by_group = false,
                  .chunk = {std::move(rows), std::move(others)},
                  .finish = {{Cut::within_tasks, finish}}};

  Index weights = 0;
  for (const Matrix& matrix : executable.matrices) weights += matrix.columns * matrix.depth;
  cuts.step_work = step_work(executable, weights);
  const Program& program = *executable.program;
  const Index least =
      program.tuning.grouped_weights < 0 ? machine::scan_group_weights : program.tuning.grouped_weights;
  if (!executable.row_parallel || weights < least) return;
  cuts.groups = std::clamp<Index>(executable.rows / machine::scan_group_rows, 1, machine::scan_max_groups);
  cuts.groups_apart = cuts.groups > 1 && cuts.begins_by_rows && ends_by_rows &&
                      std::ranges::all_of(segments(Phase::last), by_rows) &&
                      std::ranges::none_of(executable.reductions, [](const Reduction& reduction) {
                        return std::holds_alternative<ValueReduction>(reduction);
                      });
  std::size_t sums = 0;
  for (Value value : program.reduced_outputs) sums += executable.bytes(value);
  cuts.one_by_one =
      executable.packed_bytes <= machine::scan_cached_weight_bytes && sums > machine::scan_cached_sum_bytes;
}

Index useful_threads(const Executable& executable, Index steps, Index threads) {
  return threads_with(machine::scan_task_multiply_adds, executable, steps, threads);
}

Index sure_threads(const Executable& executable, Index steps, Index threads) {
  return threads_with(machine::scan_sure_multiply_adds, executable, steps, threads);
}

bool runs_group_by_group(const Cuts& cuts, Index groups, Index threads) {
  return groups > 1 && cuts.groups_apart && threads <= cuts.groups && (threads > 1 || cuts.one_by_one);
}

const Schedule& schedule_for(const Executable& executable, Index groups, Index threads) {
  const Cuts& cuts = executable.cuts;
  if (runs_group_by_group(cuts, groups, threads)) return cuts.by_groups;
  return row_shares(executable, threads) > 1 && cuts.begins_by_rows ? cuts.by_rows : cuts.by_tasks;
}

Index row_shares(const Executable& executable, Index threads) {
  return executable.row_parallel ? std::clamp<Index>(executable.rows / machine::scan_task_rows, 1, threads)
                                 : 1;
}

Index chunk_steps(const Executable& executable, Index steps, Index groups, Index threads) {
  const Program& program = *executable.program;
  auto fitting =
      static_cast<Index>(machine::scan_chunk_bytes / std::max<std::size_t>(1, executable.layout.chunk_bytes));
  // Products over the rows of a group: those of reductions, or all of them where it runs by itself.
  const bool by_groups = !program.reduced_outputs.empty() ||
                         runs_group_by_group(executable.cuts, executable.cuts.groups, threads);
  const Index rows =
      std::max<Index>(1, by_groups ? (executable.rows + groups - 1) / groups : executable.rows);
  const Index folded = (machine::scan_chunk_rows + rows - 1) / rows;
  const Index deep = machine::gemm_depth / rows;
  if (deep > 0 && fitting > deep) fitting -= fitting % deep;
  Index most = std::max<Index>(steps, 1);
  if (program.tuning.longest_chunk > 0) most = std::min(most, program.tuning.longest_chunk);
  return std::clamp<Index>(std::max(fitting, folded), 1, most);
}

std::string to_string(const Schedule& schedule) {
  static constexpr const char* kinds[] = {"read sequences whose second axis is time", "run", "reduce",
                                          "write outputs whose second axis is time", "finish carries"};
  std::string text;
  const auto regions = [&](const char* title, const std::vector<Region>& list) {
    for (const Region& region : list) {
      text += fmt::format("  {}, {}:", title,
                          region.cut == Region::Cut::by_rows ? "each thread with its rows" : "all rows");
      const char* separator = " ";
      for (const Task& task : region.tasks) {
        text += separator + std::string(kinds[static_cast<std::size_t>(task.kind)]);
        if (task.kind == Task::Kind::run) {
          text += fmt::format(" {} [{}, {})", name_of(task.phase), task.first, task.end);
        }
        separator = "; ";
      }
      text += "\n";
    }
  };
  if (schedule.group_by_group) text += "  each group of rows by itself\n";
  regions("each chunk", schedule.chunk);
  regions("at the end", schedule.finish);
  return text;
}

}  // namespace unspool::scan_compiler
