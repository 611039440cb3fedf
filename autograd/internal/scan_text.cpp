#include <unspool/autograd/internal/scan_plan.h>
#include <unspool/core/internal/format.h>

namespace unspool::internal {

std::string ScanPlan::name(Value value) const {
  const Slot& own = slot(value);
  const auto numbered = [&](const char* kind) { return fmt::format("{}{}", kind, own.index); };
  for (const Turned& turned : turned_sequences_) {
    if (turned.value == value) return numbered("x");
  }
  if (own.root == value) {
    switch (own.place) {
      case Place::sequence:
        return numbered("x");
      case Place::captured:
        return numbered("w");
      case Place::carry:
        return numbered("c");
      default:
        break;
    }
  }
  return fmt::format("%{}", value);
}

std::string ScanPlan::text(const Instruction& instruction) const {
  const auto names = [&](const auto& values) {
    std::string all;
    for (Value value : values) all += (all.empty() ? "" : ", ") + name(value);
    return all;
  };
  const auto operation = [&] {
    return std::string(program_->uses[static_cast<std::size_t>(instruction.use)].operation->name);
  };
  const auto with_shapes = [&](const auto& values) {
    std::string all;
    for (Value value : values) {
      const Spec& spec = values_[static_cast<std::size_t>(value)];
      all += fmt::format("{}{} {}{}", all.empty() ? "" : ", ", name(value), name_of(spec.dtype),
                         to_string(spec.shape));
    }
    return all;
  };
  switch (instruction.kind) {
    case Kind::sum_product:
      return fmt::format("sum {} += transpose({}) times {}, all steps in one product", instruction.index,
                         name(instruction.inputs[0]), name(instruction.inputs[1]));
    case Kind::sum_rows:
      return fmt::format("sum {} += the rows of {}", instruction.index, name(instruction.inputs[0]));
    case Kind::sum_values:
      return fmt::format("sum {} += {}", instruction.index, name(instruction.inputs[0]));
    case Kind::copy:
      return fmt::format("{} = {}", with_shapes(instruction.outputs), names(instruction.inputs));
    case Kind::product: {
      const std::string product =
          fmt::format("{} times {}{}{}{}", name(instruction.inputs[0]), name(instruction.inputs[1]),
                      matrices_[static_cast<std::size_t>(instruction.index)].transpose ? " transposed" : "",
                      instruction.plus ? " + " : "", instruction.plus ? name(instruction.inputs.back()) : "");
      const std::string made = with_shapes(instruction.outputs);
      if (!instruction.has_start()) return fmt::format("{} = {}", made, product);
      const Value start = instruction.inputs[2];
      const Slot& from = slot(start);
      const Slot& to = slot(instruction.outputs[0]);
      const bool in_place = from.root == to.root && from.offset == to.offset;
      return in_place ? fmt::format("{} += {}", made, product)
                      : fmt::format("{} = {} + {}", made, name(start), product);
    }
    case Kind::nothing:
      return fmt::format("{} = {}({}), in place", with_shapes(instruction.outputs),
                         instruction.use < 0 ? "stacked" : operation(), names(instruction.inputs));
    case Kind::whole:
      return fmt::format("{} = {}({}), whole", with_shapes(instruction.outputs), operation(),
                         names(instruction.inputs));
    default:
      return fmt::format("{} = {}({})", with_shapes(instruction.outputs), operation(),
                         names(instruction.inputs));
  }
}

std::string ScanPlan::describe(Index steps) const {
  std::string all = fmt::format(
      "  {} steps{}, chunks of {}, {}\n", steps, program_->reverse ? " from the last to the first" : "",
      chunk_steps(steps, groups_),
      dealt_ ? fmt::format("{} rows dealt to threads", rows_) : fmt::format("whole, since {}", why_whole_));
  if (groups_ > 1) all += fmt::format("  {} groups of rows, each with sums of its own\n", groups_);
  const auto turned = [&](const char* what, const std::vector<Turned>& list) {
    std::string names;
    for (const Turned& each : list) names += (names.empty() ? "" : ", ") + name(each.value);
    if (!names.empty()) all += fmt::format("  time is the second axis of {}: {} by chunks\n", names, what);
  };
  turned("read", turned_sequences_);
  turned("written", turned_each_);
  static constexpr const char* titles[phases] = {"once", "before the loop", "in the loop", "after the loop",
                                                 "at the last step"};
  for (std::size_t phase = 0; phase < phases; ++phase) {
    if (segments_[phase].empty()) continue;
    all += fmt::format("  {}\n", titles[phase]);
    for (const Segment& segment : segments_[phase]) {
      const bool several = segment.blocks && segment.instructions.size() > 1;
      if (several) {
        // Machine code needs no blocks if nothing but itself reads what it makes on its way.
        const bool whole = !segment.loops.empty() && segment.in_block.empty();
        all += whole ? "    in machine code\n"
                     : fmt::format("    by blocks of {} row{}{}\n", segment.block_rows,
                                   segment.block_rows == 1 ? "" : "s",
                                   segment.loops.empty() ? "" : ", in machine code");
      }
      for (const Instruction& instruction : segment.instructions) {
        all += (several ? "      " : "    ") + text(instruction) + "\n";
      }
    }
  }
  std::size_t kept = 0;
  for (const StepProgram::Stacked& stacked : program_->each) {
    const Spec& spec = program_->spec(stacked.value);
    kept += static_cast<std::size_t>(spec.shape.elements()) * size_of(spec.dtype);
  }
  const auto bytes = [](std::size_t count) {
    return fmt::format("{:.1f} KiB", static_cast<double>(count) / 1024);
  };
  all += fmt::format(
      "  stacked outputs {}, buffers: chunk {}, step {}, block {} a thread, packed weights {}, once {}\n",
      bytes(kept * static_cast<std::size_t>(steps)),
      bytes(chunk_bytes_ * static_cast<std::size_t>(chunk_steps(steps, groups_))), bytes(step_bytes_),
      bytes(block_bytes_), bytes(packed_bytes_), bytes(once_bytes_));
  return all;
}

}  // namespace unspool::internal
