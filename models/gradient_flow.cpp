#include <algorithm>
#include <map>
#include <ostream>
#include <set>
#include <unordered_map>

#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/internal/label_observer.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/labeled.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/cell.h>
#include <unspool/layers/internal/call_context.h>
#include <unspool/models/gradient_flow.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/probe.h>
#include <unspool/models/internal/spectral_radius.h>
#include <unspool/models/internal/stateful.h>
#include <unspool/models/internal/svg.h>
#include <unspool/serialization/event_file.h>
#include <unspool/serialization/file.h>

namespace unspool {
namespace {

/// The values that cells name, by cell, name and time step.
class NamedSteps final : public internal::LabelObserver {
 public:
  struct Series {
    std::string layer;
    std::string value;
    bool state;
    std::vector<Tensor> steps;
  };

  void see(const Tensor& tensor, Label label, Index step) override {
    if (step < 0 || !label || !is_floating(tensor.dtype())) return;
    const internal::CallContext& context = internal::CallContext::current();
    const auto* const cell = dynamic_cast<const Cell*>(context.layer);
    if (cell == nullptr || seen_.contains(tensor.id())) return;
    std::string name = label.text();
    const std::vector<std::string> states = cell->state_names();
    const bool entering = std::ranges::find(states, name) != states.end();
    // What goes into a step, the arguments of gates, and an output that is no state are left out.
    if (entering || name == "x_t" || name == "y_t" || name == "a" || name.starts_with("a_")) return;
    const bool state =
        name.ends_with("_t") && std::ranges::find(states, name.substr(0, name.size() - 2)) != states.end();
    if (state) name.resize(name.size() - 2);
    seen_.insert(tensor.id());
    std::vector<Tensor>& steps = series(cell->path().empty() ? context.path() : cell->path(), name, state,
                                        static_cast<std::size_t>(step))
                                     .steps;
    if (steps.size() <= static_cast<std::size_t>(step)) steps.resize(static_cast<std::size_t>(step) + 1);
    steps[static_cast<std::size_t>(step)] = tensor;
  }

  /// By layer, states first.
  std::vector<Series> all() const {
    std::vector<Series> ordered;
    for (const std::string& layer : layers_) {
      for (const bool state : {true, false}) {
        for (const Series& own : all_) {
          if (own.layer == layer && own.state == state) ordered.push_back(own);
        }
      }
    }
    return ordered;
  }

 private:
  /// A layer that is called again gets series of its own: "h #2".
  Series& series(const std::string& layer, const std::string& name, bool state, std::size_t step) {
    if (std::ranges::find(layers_, layer) == layers_.end()) layers_.push_back(layer);
    std::string own_name = name;
    for (int call = 2;; ++call) {
      const auto found = std::ranges::find_if(
          all_, [&](const Series& own) { return own.layer == layer && own.value == own_name; });
      if (found == all_.end()) break;
      if (found->steps.size() <= step || !found->steps[step]) return *found;
      own_name = fmt::format("{} #{}", name, call);
    }
    all_.push_back({layer, own_name, state, {}});
    return all_.back();
  }

  std::vector<Series> all_;
  std::vector<std::string> layers_;
  std::set<std::uint64_t> seen_;
};

/// Counts saturated elements and dead units of a gate, whose results have these bounds.
class Saturation {
 public:
  Saturation(Bounds bounds, Index units)
      : bounds_(bounds),
        low_(static_cast<std::size_t>(units), true),
        high_(static_cast<std::size_t>(units), true) {}

  /// The fraction of saturated elements of a step.
  double see(const Tensor& values) {
    std::size_t saturated = 0;
    const std::vector<double> all = values.to_vector<double>();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool low = bounds_.finite() ? all[i] < bounds_.low + near : all[i] <= bounds_.low;
      const bool high = bounds_.finite() ? all[i] > bounds_.high - near : all[i] >= bounds_.high;
      saturated += low || high ? 1 : 0;
      low_[i % low_.size()] = low_[i % low_.size()] && low;
      high_[i % high_.size()] = high_[i % high_.size()] && high;
    }
    return all.empty() ? 0 : static_cast<double>(saturated) / static_cast<double>(all.size());
  }
  Index dead() const {
    Index count = 0;
    for (std::size_t u = 0; u < low_.size(); ++u) count += low_[u] || high_[u] ? 1 : 0;
    return count;
  }

 private:
  static constexpr double near = 0.1;
  Bounds bounds_;
  std::vector<bool> low_;
  std::vector<bool> high_;
};

GradientFlowRow row_of(const NamedSteps::Series& series, const std::vector<Tensor>& gradients,
                       Bounds bounds) {
  GradientFlowRow row{.layer = series.layer, .value = series.value, .state = series.state};
  for (const Tensor& gradient : gradients) row.norms.push_back(internal::norm_of(gradient));
  for (const Tensor& step : series.steps) {
    if (step) row.units = step.shape().elements() / std::max<Index>(1, step.shape().front());
  }
  if (bounds == Bounds() || row.units == 0) return row;
  Saturation saturation(bounds, row.units);
  for (const Tensor& step : series.steps) {
    const double share = step ? saturation.see(step) : 0;
    if (bounds.finite()) row.saturated.push_back(share);
  }
  row.dead = saturation.dead();
  return row;
}

void add_spectral_radii(const LayerBase& layer, std::set<const void*>& done,
                        std::vector<SpectralRadius>& radii) {
  for (const Variable& weight : layer.weights()) {
    if (weight.name() != "recurrent_kernel" || weight.rank() != 2) continue;
    const Index units = weight.shape()[0];
    if (units == 0 || weight.shape()[1] % units != 0 || !done.insert(weight.key()).second) continue;
    const Index blocks = weight.shape()[1] / units;
    const std::vector<Tensor> parts = split(weight.value(), blocks);
    for (Index i = 0; i < blocks; ++i) {
      radii.push_back({.weight = blocks == 1 ? weight.path() : fmt::format("{}[{}]", weight.path(), i),
                       .radius = internal::spectral_radius(parts[static_cast<std::size_t>(i)])});
    }
  }
}

std::string label_of_row(const GradientFlowRow& row) {
  return row.layer.empty() ? row.value : row.layer + " " + row.value;
}

}  // namespace

GradientFlow gradient_flow(const Model& model, const NamedList<Tensor>& x, const NamedList<Tensor>& y) {
  Model::State& state = ModelAccess::state(model);
  state.compiled_or_fail();
  const Batch batch{x, y, {}};
  const internal::KeptStates kept(*state.network);
  GradientTape tape({.persistent = true});
  NamedSteps named;
  Tensor loss;
  std::unordered_map<std::uint64_t, Bounds> gates;
  {
    const internal::CallScope scope([](internal::CallContext& context) { context.one_by_one = true; });
    const TapeState* const records = Engine::of_this_thread().tape;
    const Outputs predicted = state.call(state.inputs_of(x, "x"), {.training = false});
    loss = model.compute_loss(batch, predicted);
    records->visit([&](const Operation& operation, std::span<const Tensor>, std::span<const Tensor> outputs,
                       const Attributes&) {
      if (operation.elementwise() && operation.bounds != Bounds())
        gates.emplace(outputs[0].id(), operation.bounds);
    });
  }
  tape.stop();

  GradientFlow flow{.loss = loss.item<double>(), .rows = {}, .spectral_radii = {}};
  const std::vector<NamedSteps::Series> all = named.all();
  std::vector<Source> sources;
  for (const NamedSteps::Series& series : all) {
    for (const Tensor& step : series.steps) {
      if (step && tape.recorded(step)) sources.emplace_back(step);
    }
  }
  const std::vector<Tensor> gradients =
      sources.empty() || !tape.recorded(loss) ? std::vector<Tensor>() : tape.gradient(loss, sources);
  std::size_t next = 0;
  for (const NamedSteps::Series& series : all) {
    std::vector<Tensor> own;
    Bounds bounds;
    for (const Tensor& step : series.steps) {
      const bool known = step && tape.recorded(step) && !gradients.empty();
      own.push_back(known ? gradients[next++] : Tensor());
      if (const auto found = step ? gates.find(step.id()) : gates.end(); found != gates.end())
        bounds = found->second;
    }
    flow.rows.push_back(row_of(series, own, bounds));
  }
  std::set<const void*> done;
  add_spectral_radii(*state.network, done, flow.spectral_radii);
  return flow;
}

const GradientFlowRow& GradientFlow::row(const std::string& value, const std::string& layer) const {
  for (const GradientFlowRow& own : rows) {
    if (own.value == value && (layer.empty() || own.layer == layer)) return own;
  }
  std::string known;
  for (const GradientFlowRow& own : rows) known += (known.empty() ? "" : ", ") + label_of_row(own);
  throw KeyError(fmt::format("gradient flow: expected one of {}, got {}", known.empty() ? "no rows" : known,
                             layer.empty() ? value : layer + " " + value));
}

std::string GradientFlow::to_text() const {
  std::size_t width = 5;
  for (const GradientFlowRow& own : rows) width = std::max(width, label_of_row(own).size());
  std::string text = fmt::format("loss {:.6g}\n\n{:<{}}  {:>9}  {:>9}  {:>10}  {:>9}  {:>6}\n", loss, "value",
                                 width, "|d first|", "|d last|", "first/last", "saturated", "dead");
  for (const GradientFlowRow& own : rows) {
    const double first = own.norms.empty() ? 0 : own.norms.front();
    const double last = own.norms.empty() ? 0 : own.norms.back();
    double saturated = 0;
    for (const double share : own.saturated) saturated += share / static_cast<double>(own.saturated.size());
    text += fmt::format("{:<{}}  {:>9.3g}  {:>9.3g}  {:>10}  {:>9}  {:>6}\n", label_of_row(own), width, first,
                        last, last > 0 ? fmt::format("{:.3g}", first / last) : "-",
                        own.saturated.empty() ? "-" : fmt::format("{:.0f} %", 100 * saturated),
                        own.dead == 0 ? "-" : fmt::format("{}/{}", own.dead, own.units));
  }
  if (!spectral_radii.empty()) text += "\nspectral radius\n";
  for (const SpectralRadius& own : spectral_radii)
    text += fmt::format("  {}  {:.4g}\n", own.weight, own.radius);
  return text;
}

std::string GradientFlow::to_csv() const {
  std::string text = "layer,value,step,norm,saturated\n";
  for (const GradientFlowRow& own : rows) {
    for (std::size_t t = 0; t < own.norms.size(); ++t) {
      text += fmt::format("{},{},{},{},{}\n", own.layer, own.value, t, own.norms[t],
                          own.saturated.empty() ? "" : fmt::format("{}", own.saturated[t]));
    }
  }
  return text;
}

std::string GradientFlow::lines_to_svg(const std::string& title) const {
  std::vector<internal::SvgPanel> panels;
  for (const GradientFlowRow& own : rows) {
    if (panels.empty() || panels.back().title != own.layer) {
      panels.push_back({.title = own.layer, .x_label = "time step", .logarithmic = true});
    }
    std::vector<internal::SvgLine>& lines = panels.back().lines;
    internal::SvgLine line{
        .label = own.value, .color = internal::svg_color(lines.size()), .dashed = !own.state};
    for (std::size_t t = 0; t < own.norms.size(); ++t)
      line.points.emplace_back(static_cast<double>(t), own.norms[t]);
    lines.push_back(std::move(line));
  }
  return internal::svg_image(title.empty() ? "norm of the gradient with respect to each value" : title,
                             panels, 520, 300);
}

std::string GradientFlow::heat_map_to_svg(const std::string& title) const {
  internal::SvgHeatMap map{.title = title.empty() ? "norm of the gradient with respect to each value" : title,
                           .x_label = "time step",
                           .value_label = "norm"};
  for (const GradientFlowRow& own : rows) {
    map.row_labels.push_back(label_of_row(own));
    map.rows.push_back(own.norms);
  }
  return internal::svg_image(map, 840);
}

void GradientFlow::save_csv(const std::string& path) const { write_file_atomically(path, to_csv()); }
void GradientFlow::save_lines(const std::string& path, const std::string& title) const {
  write_file_atomically(path, lines_to_svg(title));
}
void GradientFlow::save_heat_map(const std::string& path, const std::string& title) const {
  write_file_atomically(path, heat_map_to_svg(title));
}

void GradientFlow::write_events(const std::string& log_dir) const {
  EventFile file(log_dir);
  for (const GradientFlowRow& own : rows) {
    const std::string tag = own.layer.empty() ? own.value : own.layer + "/" + own.value;
    for (std::size_t t = 0; t < own.norms.size(); ++t) {
      file.scalar("gradient_flow/" + tag, static_cast<std::int64_t>(t), own.norms[t]);
      if (!own.saturated.empty())
        file.scalar("saturated/" + tag, static_cast<std::int64_t>(t), own.saturated[t]);
    }
  }
  file.flush();
}

std::string to_string(const GradientFlow& flow) { return flow.to_text(); }

std::ostream& operator<<(std::ostream& stream, const GradientFlow& flow) { return stream << flow.to_text(); }

}  // namespace unspool
