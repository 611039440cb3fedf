#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/labeled.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/embedding.h>
#include <unspool/layers/internal/call_context.h>
#include <unspool/layers/internal/layer_access.h>
#include <unspool/layers/internal/output_observer.h>
#include <unspool/layers/rnn.h>
#include <unspool/models/internal/kept_model.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/probe.h>

namespace unspool::internal {

namespace {

/// Records with the numbers [first, last) of the tape.
struct RecordRange {
  std::size_t first;
  std::size_t last;
};

/// One call of a cell.
struct CellCall {
  std::vector<Tensor> states_before;
  std::vector<Tensor> states_after;
  std::vector<RecordRange> records;
};

/// The calls of a cell by a recurrent layer, in the order of the visits.
struct CellRun {
  const LayerTree* cell;
  const layers::RNN* layer = nullptr;
  std::string name;
  Tensor mask;  ///< (batch, time); empty if there is none.
  std::vector<CellCall> calls;
};

struct LayerRun {
  const LayerTree* layer;
  std::vector<RecordRange> records;
};

bool owns_a_cell(const LayerTree& layer) {
  const std::vector<Ref<LayerBase>> below = layer.sublayers();
  return std::any_of(below.begin(), below.end(), [](const Ref<LayerBase>& each) {
    return dynamic_cast<const Cell*>(each.pointer().get()) != nullptr;
  });
}

/// Whether the layer multiplies its input by weights of its own, or of its cell. The rows that an Embedding
/// looks up have nothing to do with the size of its input.
bool has_kernel(const LayerTree& layer) {
  if (dynamic_cast<const layers::RNN*>(&layer) != nullptr) return true;
  if (dynamic_cast<const layers::Embedding*>(&layer) != nullptr) return false;
  const std::vector<Variable>& weights = LayerAccess::trainable_weights(layer);
  return std::any_of(weights.begin(), weights.end(), [](const Variable& each) { return each.rank() >= 2; });
}

/// Notes what the layers do, and which records of the tape belong to which of them.
class CallNotebook final : public OutputObserver {
 public:
  explicit CallNotebook(const GradientTape& tape) : tape_(tape) {}

  bool sees_steps() const override { return true; }

  void enter(const LayerTree& layer) override {
    attribute_records();
    stack_.push_back({&layer, {}});
  }

  void see(const ObservedCall& call) override {
    attribute_records();
    LayerRun run = std::move(stack_.back());
    stack_.pop_back();
    if (call.outputs.front().is_abstract()) return;
    if (dynamic_cast<const Cell*>(&call.layer) != nullptr) {
      see_cell(call, std::move(run.records));
      return;
    }
    if (const auto* rnn = dynamic_cast<const layers::RNN*>(&call.layer)) see_rnn(*rnn, call.mask);
    runs_.push_back(std::move(run));
    see_mask(call);
    see_input(call);
    for (const Tensor& output : call.outputs) makers_.try_emplace(output.id(), &call.layer);
  }

  const std::vector<CellRun>& cell_runs() const { return cell_runs_; }
  const std::vector<LayerRun>& layer_runs() const { return runs_; }
  const std::vector<std::pair<const LayerTree*, Tensor>>& masks() const { return masks_; }
  const std::vector<std::pair<const LayerTree*, Tensor>>& inputs() const { return inputs_; }
  /// The innermost layer that returned this tensor; null if none did.
  const LayerTree* maker_of(const Tensor& tensor) const {
    const auto found = makers_.find(tensor.id());
    return found == makers_.end() ? nullptr : found->second;
  }

 private:
  void attribute_records() {
    const std::size_t now = tape_.size();
    if (!stack_.empty() && now > attributed_) stack_.back().records.push_back({attributed_, now});
    attributed_ = now;
  }

  void see_cell(const ObservedCall& call, std::vector<RecordRange> records) {
    // The states of a cell of cells are those of its cells, which are seen themselves.
    if (owns_a_cell(call.layer)) return;
    auto run = std::find_if(open_.begin(), open_.end(),
                            [&](const CellRun& each) { return each.cell == &call.layer; });
    if (run == open_.end()) run = open_.insert(open_.end(), CellRun{.cell = &call.layer});
    run->calls.push_back({{call.inputs.begin() + 1, call.inputs.end()},
                          {call.outputs.begin() + 1, call.outputs.end()},
                          std::move(records)});
  }

  void see_rnn(const layers::RNN& rnn, const Tensor& mask) {
    for (CellRun& run : open_) {
      run.layer = &rnn;
      const bool only = static_cast<const LayerTree*>(rnn.cell().pointer().get()) == run.cell;
      run.name = only ? rnn.path() : run.cell->path();
      run.mask = mask;
      cell_runs_.push_back(std::move(run));
    }
    open_.clear();
  }

  void see_mask(const ObservedCall& call) {
    const Tensor mask = mask_of(call.outputs.front());
    if (!mask || mask.is_abstract() || (!call.inputs.empty() && mask_of(call.inputs.front()))) return;
    if (masks_seen_.insert(mask.id()).second) masks_.push_back({&call.layer, mask});
  }

  void see_input(const ObservedCall& call) {
    if (call.inputs.empty() || !has_kernel(call.layer)) return;
    const Tensor& input = call.inputs.front();
    if (!is_floating(input.dtype()) || input.is_abstract() || tape_.recorded(input)) return;
    inputs_.push_back({&call.layer, input});
  }

  const GradientTape& tape_;
  std::size_t attributed_ = 0;
  std::vector<LayerRun> stack_;
  std::vector<LayerRun> runs_;
  std::vector<CellRun> open_;
  std::vector<CellRun> cell_runs_;
  std::unordered_set<std::uint64_t> masks_seen_;
  std::vector<std::pair<const LayerTree*, Tensor>> masks_;
  std::vector<std::pair<const LayerTree*, Tensor>> inputs_;
  std::unordered_map<std::uint64_t, const LayerTree*> makers_;
};

/// What is read of a record of the tape.
struct RecordedResult {
  const Operation* operation;
  Tensor result;
  double product_flops = 0;
};

double product_flops(std::span<const Tensor> operands, const Tensor& result) {
  const auto size = [](const Tensor& t) { return static_cast<double>(t.size()); };
  if (result.size() == 0) return 0;
  const auto matrix = [](const Tensor& t) {
    return static_cast<double>(t.shape()[-1]) * static_cast<double>(t.rank() > 1 ? t.shape()[-2] : 1);
  };
  const bool batched = operands[0].rank() > 2 && operands[1].rank() > 2;
  const double matrices = batched ? size(operands[0]) / matrix(operands[0]) : 1;
  const double inner = std::sqrt(size(operands[0]) * size(operands[1]) / (size(result) * matrices));
  return 2 * size(result) * inner;
}

std::vector<RecordedResult> read_records(const TapeState& tape) {
  std::vector<RecordedResult> results;
  tape.visit([&](const Operation& operation, std::span<const Tensor> operands,
                 std::span<const Tensor> outputs, const Attributes& attributes) {
    RecordedResult& result = results.emplace_back();
    result.operation = &operation;
    result.result = outputs[0];
    if (operation.form == nullptr) return;
    const Form form = operation.form({operation, operands, attributes});
    if (std::holds_alternative<form::Product>(form))
      result.product_flops = product_flops(operands, outputs[0]);
  });
  return results;
}

/// Calls f(i, value) for each element.
template <class F>
void each_value(const Tensor& tensor, F&& f) {
  visit_dtype(tensor.dtype(), [&]<class T>(T) {
    std::size_t i = 0;
    for (const T value : tensor.data<T>()) f(i++, static_cast<double>(value));
  });
}

bool saturates(const Operation& operation) { return operation.elementwise() && operation.bounds.finite(); }
/// Gives 0 to all units that are off, as relu does.
bool switches_off(const Operation& operation) {
  return operation.elementwise() && operation.bounds.low == 0 && !operation.bounds.finite();
}
/// How far a value is from saturation: 1 in the middle, 0 at a bound. For sigmoid and tanh this is the
/// derivative as a part of its maximum.
double relative_derivative(const Bounds& bounds, double value) {
  return 4 * (value - bounds.low) * (bounds.high - value) /
         ((bounds.high - bounds.low) * (bounds.high - bounds.low));
}

constexpr double saturated_below = 0.01;

/// Which samples have step t; empty if all have.
std::vector<bool> samples_at(const CellRun& run, Index t) {
  if (!run.mask) return {};
  const bool time_major = run.layer->time_major();
  const Index batch = run.mask.shape()[time_major ? 1 : 0];
  const Index time = run.mask.shape()[time_major ? 0 : 1];
  const std::vector<int> mask = run.mask.to_vector<int>();
  std::vector<bool> samples;
  for (Index b = 0; b < batch; ++b) {
    samples.push_back(mask[static_cast<std::size_t>(time_major ? t * batch + b : b * time + t)] != 0);
  }
  return samples;
}

struct Share {
  double part = 0;
  double all = 0;
  double value() const { return all == 0 ? std::numeric_limits<double>::quiet_NaN() : part / all; }
};

Share saturated_share(const RecordedResult& gate, const std::vector<bool>& samples) {
  Share share;
  const Index rows = gate.result.shape().front();
  const auto width = static_cast<std::size_t>(rows == 0 ? 1 : gate.result.size() / rows);
  each_value(gate.result, [&](std::size_t i, double value) {
    if (!samples.empty() && !samples[i / width]) return;
    share.part += relative_derivative(gate.operation->bounds, value) < saturated_below ? 1 : 0;
    share.all += 1;
  });
  return share;
}

/// The units that were above 0 for any of the values so far.
class LiveUnits {
 public:
  void add(const Tensor& relu) {
    if (relu.rank() == 0 || relu.size() == 0) return;
    const auto units = static_cast<std::size_t>(relu.shape().back());
    live_.resize(units);
    each_value(relu, [&](std::size_t i, double value) {
      if (value != 0) live_[i % units] = true;
    });
    values_ += relu.size() / relu.shape().back();
  }
  ProbedUnits summary(std::string layer) const {
    return {.layer = std::move(layer),
            .dead = static_cast<Index>(std::count(live_.begin(), live_.end(), false)),
            .all = static_cast<Index>(live_.size()),
            .values = values_};
  }

 private:
  std::vector<bool> live_;
  Index values_ = 0;
};

/// Turns notes and records into what a Probe says.
class ProbeReader {
 public:
  ProbeReader(const Model& model, const CallNotebook& notes, const std::vector<RecordedResult>& records)
      : model_(model), notes_(notes), records_(records) {
    for (const CellRun& run : notes.cell_runs()) names_[run.cell] = run.name;
  }

  /// The name of a layer for people. A cell that is alone in its recurrent layer has the name of that layer.
  std::string name(const LayerTree& layer) const {
    const auto found = names_.find(&layer);
    const std::string path = found == names_.end() ? layer.path() : found->second;
    return path_in(model_, path.empty() ? layer.name() : path);
  }

  void read_gates(const CellRun& run, ProbedSequence& sequence) const {
    const std::size_t steps = run.calls.size();
    std::vector<Share> totals;
    for (std::size_t n = 0; n < steps; ++n) {
      const std::size_t t = time_of(run, n);
      const std::vector<bool> samples = samples_at(run, static_cast<Index>(t));
      sequence.used[t] = samples.empty() || std::find(samples.begin(), samples.end(), true) != samples.end();
      const std::vector<const RecordedResult*> gates = gates_of(run.calls[n]);
      // All steps run the same code.
      if (n == 0) name_gates(gates, t, sequence);
      totals.resize(sequence.gates.size());
      for (std::size_t g = 0; g < std::min(gates.size(), totals.size()); ++g) {
        const Share share = saturated_share(*gates[g], samples);
        sequence.gates[g].saturated[t] = share.value();
        totals[g].part += share.part;
        totals[g].all += share.all;
      }
    }
    for (std::size_t g = 0; g < totals.size(); ++g) sequence.gates[g].share = totals[g].value();
  }

  /// Dead units of layers, and of cells over all steps.
  std::vector<ProbedUnits> units() const {
    std::vector<ProbedUnits> found;
    const auto add = [&](const std::vector<LiveUnits>& uses, const std::string& layer) {
      for (const LiveUnits& use : uses) found.push_back(use.summary(layer));
    };
    for (const LayerRun& run : notes_.layer_runs()) {
      std::vector<LiveUnits> uses;
      read_relus(run.records, uses);
      if (!uses.empty()) add(uses, name(*run.layer));
    }
    for (const CellRun& run : notes_.cell_runs()) {
      std::vector<LiveUnits> uses;
      for (const CellCall& call : run.calls) read_relus(call.records, uses);
      if (!uses.empty()) add(uses, name(*run.cell));
    }
    return found;
  }

  /// Null if the tape did not record it.
  const Operation* operation_of(const Tensor& output) const {
    for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
      if (record->result.id() == output.id()) return record->operation;
    }
    return nullptr;
  }

  static std::size_t time_of(const CellRun& run, std::size_t n) {
    return run.layer->go_backwards() ? run.calls.size() - 1 - n : n;
  }

 private:
  std::vector<const RecordedResult*> gates_of(const CellCall& call) const {
    std::vector<const RecordedResult*> gates;
    for (const RecordRange& range : call.records) {
      for (std::size_t i = range.first; i < range.last; ++i) {
        const RecordedResult& record = records_[i];
        if (saturates(*record.operation) && TensorAccess::has_elements(record.result))
          gates.push_back(&record);
      }
    }
    return gates;
  }

  /// Names gates as the cell labels them, "f" for "f_0" at step 0; others after their functions.
  static void name_gates(const std::vector<const RecordedResult*>& gates, std::size_t step,
                         ProbedSequence& sequence) {
    std::vector<std::string> names;
    for (const RecordedResult* gate : gates) {
      std::string name = label_of(gate->result);
      const std::string end = fmt::format("_{}", step);
      if (name.ends_with(end)) name.resize(name.size() - end.size());
      names.push_back(name.empty() ? std::string(gate->operation->name) : name);
    }
    tell_apart(names);
    for (std::string& name : names) {
      sequence.gates.push_back(
          {.name = std::move(name), .saturated = std::vector<double>(sequence.gradient.size())});
    }
  }

  void read_relus(const std::vector<RecordRange>& ranges, std::vector<LiveUnits>& uses) const {
    std::size_t use = 0;
    for (const RecordRange& range : ranges) {
      for (std::size_t i = range.first; i < range.last; ++i) {
        const RecordedResult& record = records_[i];
        if (!switches_off(*record.operation) || !TensorAccess::has_elements(record.result)) continue;
        if (uses.size() <= use) uses.resize(use + 1);
        uses[use++].add(record.result);
      }
    }
  }

  const Model& model_;
  const CallNotebook& notes_;
  const std::vector<RecordedResult>& records_;
  std::map<const LayerTree*, std::string> names_;
};

/// The layers with weights of their own, each once.
void add_weighted_layers(const LayerTree& layer, std::vector<const LayerTree*>& found) {
  if (std::find(found.begin(), found.end(), &layer) != found.end()) return;
  found.push_back(&layer);
  for (const Ref<LayerBase>& below : layer.sublayers()) add_weighted_layers(*below, found);
}

}  // namespace

std::string path_in(const Model& model, const std::string& path) {
  const std::string prefix = model.name() + "/";
  return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

double norm_of(const Tensor& tensor) {
  if (!tensor) return 0;
  double sum = 0;
  each_value(tensor, [&](std::size_t, double value) { sum += value * value; });
  return std::sqrt(sum);
}

Probe probe(const Model& model, const Batch& batch) {
  Model::State& state = ModelAccess::state(model);
  const KeptModel kept(*state.network);
  Probe seen;
  GradientTape tape;
  std::optional<CallNotebook> notes(tape);
  std::optional<CallScope> one_by_one(std::in_place, [](CallContext& context) { context.one_by_one = true; });
  const Outputs outputs = state.call(state.inputs_of(batch.x, "x"), {.training = true});
  one_by_one.reset();
  Tensor loss;
  try {
    loss = model.compute_loss(batch, outputs);
    seen.loss = loss.item<double>();
  } catch (const Error& error) {
    seen.loss_error = error.what();
  }
  const std::vector<RecordedResult> records = read_records(*Engine::of_this_thread().tape);
  const ProbeReader reader(model, *notes, records);

  seen.outputs = outputs.all();
  for (const Tensor& output : seen.outputs) {
    const LayerTree* const maker = notes->maker_of(output);
    seen.output_layers.push_back(maker == nullptr ? std::string() : reader.name(*maker));
    seen.output_operations.push_back(reader.operation_of(output));
  }
  for (const auto& [layer, mask] : notes->masks()) {
    seen.masks.push_back({reader.name(*layer), layer->path(), mask});
  }
  for (const auto& [layer, input] : notes->inputs()) seen.inputs.push_back({reader.name(*layer), input});
  for (const RecordedResult& record : records) seen.product_flops += record.product_flops;
  seen.units = reader.units();

  // One sweep gives the gradients of all weights and of all states.
  std::vector<Source> sources;
  std::vector<const LayerTree*> weighted;
  add_weighted_layers(*state.network, weighted);
  for (const LayerTree* layer : weighted) {
    for (const Variable& weight : LayerAccess::own_weights(*layer)) {
      if (!weight.trainable()) continue;
      seen.weights.push_back({reader.name(*layer), weight, {}});
      sources.emplace_back(weight);
    }
  }
  std::vector<double*> norms;
  for (const CellRun& run : notes->cell_runs()) {
    ProbedSequence& sequence = seen.sequences.emplace_back();
    sequence.layer = reader.name(*run.cell);
    sequence.backwards = run.layer->go_backwards();
    sequence.gradient.resize(run.calls.size());
    sequence.used.resize(run.calls.size());
    reader.read_gates(run, sequence);
  }
  for (std::size_t i = 0; i < seen.sequences.size(); ++i) {
    const CellRun& run = notes->cell_runs()[i];
    for (std::size_t n = 0; n < run.calls.size(); ++n) {
      // What the next step read, since a mask keeps the states of the step before.
      const std::vector<Tensor>& states =
          n + 1 < run.calls.size() ? run.calls[n + 1].states_before : run.calls[n].states_after;
      for (const Tensor& each : states) {
        if (!tape.recorded(each)) continue;
        sources.emplace_back(each);
        norms.push_back(&seen.sequences[i].gradient[ProbeReader::time_of(run, n)]);
      }
    }
  }
  notes.reset();
  if (!loss || !tape.recorded(loss)) return seen;
  const std::vector<Tensor> gradients = tape.gradient(loss, Sources(std::move(sources)));
  for (std::size_t i = 0; i < seen.weights.size(); ++i) seen.weights[i].gradient = gradients[i];
  for (std::size_t i = 0; i < norms.size(); ++i) {
    *norms[i] = std::hypot(*norms[i], norm_of(gradients[seen.weights.size() + i]));
  }
  return seen;
}

}  // namespace unspool::internal
