#include <algorithm>

#include <unspool/autograd/scan/gradient.h>
#include <unspool/autograd/scan/phases.h>
#include <unspool/autograd/scan/shared_program.h>
#include <unspool/core/internal/dot.h>
#include <unspool/core/internal/format.h>

namespace unspool::scan_compiler {
namespace {

using internal::DotWriter;
using internal::quote_dot;

/// Draws a program: its inputs, its uses within frames by phase if these are known, and its outputs.
class ProgramPicture {
 public:
  ProgramPicture(DotWriter& dot, const Program& program, std::string prefix)
      : dot_(dot),
        program_(program),
        prefix_(std::move(prefix)),
        names_(names_of(program)),
        makers_(program.values.size()) {}

  void draw(const PhasedProgram* phased) {
    draw_inputs();
    for (std::size_t u = 0; u < program_.uses.size(); ++u) {
      for (Value value : program_.uses[u].outputs)
        makers_[index_of(value)] = fmt::format("{}u{}", prefix_, u);
    }
    if (phased == nullptr) {
      for (std::size_t u = 0; u < program_.uses.size(); ++u) draw_use(u);
    } else {
      draw_phases(*phased);
    }
    draw_edges();
    draw_outputs();
  }

 private:
  std::string specs(std::span<const Value> values) const {
    std::string text;
    for (Value value : values) {
      text += (text.empty() ? "" : ", ") + to_string(program_.spec(value).shape);
    }
    return text;
  }

  void draw_inputs() {
    const auto draw = [&](Value value, const char* what, const char* style) {
      std::string& maker = makers_[index_of(value)];
      maker = fmt::format("{}v{}", prefix_, value);
      const std::string label = fmt::format("{}\n{} {}", names_[index_of(value)], what, specs({&value, 1}));
      dot_.node(maker, fmt::format("label={}, {}", quote_dot(label), style));
    };
    for (Value value : program_.carries) draw(value, "state", "shape=ellipse, fillcolor=\"#fff1c9\"");
    for (const Stacked& sequence : program_.sequences) {
      draw(sequence.value, "sequence", "shape=ellipse, fillcolor=\"#d8e9fb\"");
    }
    for (Value value : program_.captured) draw(value, "captured", "shape=box3d, fillcolor=\"#e3e3e3\"");
  }

  void draw_use(std::size_t u) {
    const Use& use = program_.uses[u];
    std::string results;
    for (Value value : use.outputs) results += (results.empty() ? "" : ", ") + names_[index_of(value)];
    const std::string label = fmt::format("{}\n{} {}", results, use.operation->name, specs(use.outputs));
    dot_.node(fmt::format("{}u{}", prefix_, u),
              fmt::format("label={}, shape=box, fillcolor=\"#ffffff\"", quote_dot(label)));
  }

  void draw_phases(const PhasedProgram& phased) {
    for (Phase phase : all_phases) {
      std::vector<std::size_t> uses;
      for (std::size_t u = 0; u < program_.uses.size(); ++u) {
        if (phased.uses[u].phase == phase) uses.push_back(u);
      }
      if (uses.empty()) continue;
      dot_.begin_cluster(prefix_ + name_of(phase), name_of(phase), "rounded");
      for (std::size_t u : uses) draw_use(u);
      dot_.end_cluster();
    }
  }

  void draw_edges() {
    for (std::size_t u = 0; u < program_.uses.size(); ++u) {
      std::vector<std::string> drawn;
      for (Value value : program_.uses[u].inputs) {
        const std::string& from = makers_[index_of(value)];
        if (std::ranges::find(drawn, from) != drawn.end()) continue;
        dot_.edge(from, fmt::format("{}u{}", prefix_, u), "color=\"#555555\"");
        drawn.push_back(from);
      }
    }
  }

  void draw_outputs() {
    for (std::size_t k = 0; k < program_.carries.size(); ++k) {
      dot_.edge(
          makers_[index_of(program_.next_carry[k])], makers_[index_of(program_.carries[k])],
          "style=dashed, constraint=false, color=\"#a06a00\", fontcolor=\"#a06a00\", label=\"next step\"");
    }
    const auto draw = [&](Value value, const std::string& id, const char* what) {
      const std::string label = fmt::format("{}\n{}", names_[index_of(value)], what);
      dot_.node(id, fmt::format("label={}, shape=note, fillcolor=\"#e2f3de\"", quote_dot(label)));
      dot_.edge(makers_[index_of(value)], id, "color=\"#3c7a2c\"");
    };
    for (std::size_t i = 0; i < program_.stacked_outputs.size(); ++i) {
      draw(program_.stacked_outputs[i].value, fmt::format("{}stacked{}", prefix_, i), "of all steps");
    }
    for (std::size_t i = 0; i < program_.reduced_outputs.size(); ++i) {
      draw(program_.reduced_outputs[i], fmt::format("{}summed{}", prefix_, i), "summed over the steps");
    }
  }

  DotWriter& dot_;
  const Program& program_;
  std::string prefix_;
  std::vector<std::string> names_;
  /// The node that makes each value.
  std::vector<std::string> makers_;
};

}  // namespace

std::string SharedProgram::to_dot(ScanPicture picture) const {
  DotWriter dot(
      picture == ScanPicture::step ? "step" : "plan",
      "  rankdir=TB;\n  fontname=Helvetica;\n  node [fontname=Helvetica, fontsize=11, style=filled];\n"
      "  edge [fontname=Helvetica, fontsize=9];\n");
  if (picture == ScanPicture::step) {
    ProgramPicture(dot, program_, "").draw(nullptr);
    return dot.text();
  }
  const Both both = with_backward();
  const auto draw = [&](const char* title, const Program& program) {
    dot.begin_cluster(title, title, "solid");
    const PhasedProgram phased = assign_phases(program);
    ProgramPicture(dot, program, std::string(title) + " ").draw(&phased);
    dot.end_cluster();
  };
  draw("forward", both.forward->shared().program());
  draw("backward", both.backward->program());
  return dot.text();
}

}  // namespace unspool::scan_compiler
