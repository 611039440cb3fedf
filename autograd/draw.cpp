#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <unspool/autograd/draw.h>
#include <unspool/autograd/internal/formula.h>
#include <unspool/autograd/operation.h>
#include <unspool/autograd/tape_view.h>
#include <unspool/core/internal/dot.h>
#include <unspool/core/internal/format.h>

namespace unspool {
namespace {

using internal::DotWriter;
using internal::quote_dot;
using internal::TensorAccess;

class TapePicture {
 public:
  explicit TapePicture(TapeView view)
      : view_(std::move(view)),
        dot_("tape",
             "  rankdir=LR;\n  fontname=Helvetica;\n  node [fontname=Helvetica, fontsize=11, "
             "style=filled];\n") {}

  std::string draw() {
    std::vector<bool> read(view_.values.size(), false);
    for (std::size_t r = 0; r < view_.records.size(); ++r) {
      const TapeRecord& record = view_.records[r];
      frames_[record.layer][record.step].records.push_back(r);
      for (std::size_t input : record.inputs) read[input] = true;
      for (std::size_t output : record.outputs) made_by_.emplace(output, r);
    }
    for (std::size_t v = 0; v < view_.values.size(); ++v) {
      if (read[v] && !made_by_.contains(v)) frames_[view_.values[v].layer][-1].leaves.push_back(v);
    }
    for (const auto& [layer, steps] : frames_) draw_layer(layer, steps);
    draw_edges();
    return dot_.text();
  }

 private:
  struct Frame {
    std::vector<std::size_t> records;
    std::vector<std::size_t> leaves;
  };

  void draw_layer(const std::string& layer, const std::map<Index, Frame>& steps) {
    if (!layer.empty()) dot_.begin_cluster(layer, layer, "rounded");
    for (const auto& [step, frame] : steps) {
      if (step >= 0) {
        dot_.begin_cluster(fmt::format("{} {}", layer, step), fmt::format("time step {}", step), "dashed");
      }
      for (std::size_t value : frame.leaves) draw_leaf(value);
      for (std::size_t record : frame.records) draw_record(record);
      if (step >= 0) dot_.end_cluster();
    }
    if (!layer.empty()) dot_.end_cluster();
  }

  void draw_leaf(std::size_t index) {
    const TapeValue& value = view_.values[index];
    std::string name = value.name;
    const bool number =
        !value.recorded && value.tensor.rank() == 0 && TensorAccess::has_elements(value.tensor);
    if (number) name = internal::rounded(value.tensor, 4, 1);
    const std::string label = number ? name : fmt::format("{}\n{}", name, to_string(value.tensor.shape()));
    const char* style = value.variable   ? "shape=box3d, fillcolor=\"#e3e3e3\""
                        : value.recorded ? "shape=ellipse, fillcolor=\"#d8e9fb\""
                                         : "shape=plaintext, fillcolor=\"#ffffff00\"";
    dot_.node(leaf_id(index), fmt::format("label={}, {}", quote_dot(label), style));
  }

  void draw_record(std::size_t index) {
    const TapeRecord& record = view_.records[index];
    std::string results;
    for (std::size_t output : record.outputs) {
      // Of many results, as those of unstack, the first and the last.
      if (record.outputs.size() > 4 && output != record.outputs.front() && output != record.outputs.back()) {
        continue;
      }
      if (!results.empty()) results += record.outputs.size() > 4 ? " ... " : ", ";
      results += view_.values[output].name;
    }
    const std::string label = fmt::format("{}\n{} {}", results, record.operation->name,
                                          to_string(view_.values[record.outputs.front()].tensor.shape()));
    dot_.node(record_id(index), fmt::format("label={}, shape=box, fillcolor=\"#ffffff\"", quote_dot(label)));
  }

  void draw_edges() {
    for (std::size_t r = 0; r < view_.records.size(); ++r) {
      std::vector<std::string> drawn;
      for (std::size_t input : view_.records[r].inputs) {
        const auto maker = made_by_.find(input);
        const std::string from = maker == made_by_.end() ? leaf_id(input) : record_id(maker->second);
        if (std::ranges::find(drawn, from) != drawn.end()) continue;
        dot_.edge(from, record_id(r), "color=\"#555555\"");
        drawn.push_back(from);
      }
    }
  }

  static std::string leaf_id(std::size_t value) { return fmt::format("v{}", value); }
  static std::string record_id(std::size_t record) { return fmt::format("r{}", record); }

  TapeView view_;
  DotWriter dot_;
  std::map<std::string, std::map<Index, Frame>> frames_;
  std::map<std::size_t, std::size_t> made_by_;
};

}  // namespace

std::string to_dot(const GradientTape& tape) { return TapePicture(tape.view()).draw(); }

}  // namespace unspool
