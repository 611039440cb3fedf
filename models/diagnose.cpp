#include <algorithm>
#include <cmath>
#include <numeric>
#include <ostream>
#include <random>
#include <sstream>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/dataset.h>
#include <unspool/data/internal/rows.h>
#include <unspool/models/diagnose.h>
#include <unspool/models/internal/examination.h>
#include <unspool/models/internal/kept_model.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/source.h>
#include <unspool/models/internal/stateful.h>

namespace unspool {

using internal::Examination;
using internal::rows_of;

bool Examination::has(Fault fault) const {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Finding& each) { return each.fault == fault; });
}

internal::TensorList Examination::labels() const {
  return ModelAccess::state(model).labels_of(sample.y, "diagnose: y");
}

std::string Examination::output_layer(std::size_t output) const {
  const bool known = output < seen.output_layers.size() && !seen.output_layers[output].empty();
  return known ? seen.output_layers[output] : model.name();
}

namespace {

constexpr Index most_samples = 1024;
constexpr Index most_batches = 16;
/// The step-by-step pass keeps some twenty tensors for each sample and time step.
constexpr Index most_probed_elements = 20000;

template <class F>
Batch mapped(const Batch& batch, F&& f) {
  const auto each = [&](const NamedList<Tensor>& list) {
    std::vector<NamedList<Tensor>::Entry> entries = list.entries();
    for (auto& entry : entries) entry.value = f(entry.value);
    return NamedList<Tensor>(std::move(entries));
  };
  return {each(batch.x), each(batch.y), each(batch.sample_weight)};
}

Batch listed_rows(const Batch& batch, std::span<const Index> rows) {
  return mapped(batch, [&](const Tensor& tensor) { return internal::take_rows(tensor, rows); });
}

/// At most `count` numbers below `samples`, evenly spaced.
std::vector<Index> spread(Index samples, Index count) {
  count = std::min(samples, count);
  std::vector<Index> rows;
  for (Index i = 0; i < count; ++i) rows.push_back(i * samples / count);
  return rows;
}

/// The time steps of the longest input, if it is a sequence.
Index time_steps(const Batch& batch) {
  Index steps = 1;
  for (const auto& entry : batch.x.entries()) {
    if (entry.value && entry.value.rank() >= 2) steps = std::max(steps, entry.value.shape()[1]);
  }
  return steps;
}

Diagnosis examined(Examination examination) {
  const Model& model = examination.model;
  Model::State& state = ModelAccess::state(model);
  const Batch& sample = examination.sample;
  const Index samples = internal::samples_of(sample, "diagnose");
  if (internal::stateful_layers(*state.network).empty()) {
    const Index rows = std::clamp<Index>(most_probed_elements / time_steps(sample), 16, 128);
    examination.seen = internal::probe(model, listed_rows(sample, spread(samples, rows)));
  } else {
    examination.seen = internal::probe(model, examination.batches.front());
  }
  examine_masks(examination);
  examine_scale(examination);
  examine_labels(examination);
  examine_order(examination);
  examine_gradients(examination);
  examine_activations(examination);
  examine_learning_rate(examination);
  std::stable_sort(examination.findings.begin(), examination.findings.end(),
                   [](const Finding& a, const Finding& b) { return a.fault < b.fault; });
  return {std::move(examination.findings)};
}

/// Builds the model for such a batch, if it is not built, by a call that leaves everything else as it was.
void build_for(const Model& model, const Batch& batch) {
  Model::State& state = ModelAccess::state(model);
  state.compiled_or_fail();
  if (model.built()) return;
  const internal::TensorList inputs = state.inputs_of(batch.x, "diagnose: x");
  std::vector<Spec> specs;
  for (const Tensor& input : inputs) specs.push_back({input.shape(), input.dtype()});
  state.build(specs);
}

}  // namespace

std::ostream& operator<<(std::ostream& stream, const Diagnosis& diagnosis) {
  if (diagnosis.healthy()) return stream << "Nothing wrong was found.\n";
  for (std::size_t i = 0; i < diagnosis.findings.size(); ++i) {
    stream << i + 1 << ". " << diagnosis.findings[i] << '\n';
  }
  if (diagnosis.findings.size() > 1) {
    stream << "Mend them in this order: one may be the consequence of another before it.\n";
  }
  return stream;
}

Diagnosis diagnose(const Model& model, const NamedList<Tensor>& x, const NamedList<Tensor>& y,
                   const DiagnoseOptions& options) {
  if (options.batch_size < 1) {
    throw ValueError(fmt::format("diagnose: expected batch_size >= 1, got {}", options.batch_size));
  }
  if (!(options.validation_split >= 0 && options.validation_split < 1)) {
    throw ValueError(
        fmt::format("diagnose: expected validation_split in [0, 1), got {}", options.validation_split));
  }
  const Batch all{x, y, options.sample_weight};
  const Index samples = internal::samples_of(all, "diagnose");
  Model::State& state = ModelAccess::state(model);
  const bool stateful = !internal::stateful_layers(*state.network).empty();
  const Index batch_size = std::min(options.batch_size, samples);
  internal::check_stateful("diagnose", *state.network, samples, batch_size);
  build_for(model, rows_of(all, 0, batch_size));

  const auto split = static_cast<Index>(std::lround(static_cast<double>(samples) * options.validation_split));
  const Index training = std::max<Index>(1, samples - split);
  Examination examination{.model = model};
  examination.sample = listed_rows(all, spread(samples, stateful ? batch_size : most_samples));
  std::vector<Index> order(static_cast<std::size_t>(training));
  std::iota(order.begin(), order.end(), 0);
  // An order of its own, so that the program's random numbers stay as they are.
  if (options.shuffle && !stateful) std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  for (Index first = 0; first + batch_size <= training; first += batch_size) {
    if (static_cast<Index>(examination.batches.size()) == most_batches) break;
    examination.batches.push_back(
        listed_rows(all, std::span<const Index>(order).subspan(static_cast<std::size_t>(first),
                                                               static_cast<std::size_t>(batch_size))));
  }
  if (examination.batches.empty()) examination.batches.push_back(rows_of(all, 0, training));
  if (!options.shuffle && !stateful) {
    examination.labels_in_order = state.labels_of(rows_of(all, 0, training).y, "diagnose: y");
  }
  if (split > 0) {
    examination.training_labels = state.labels_of(rows_of(all, 0, training).y, "diagnose: y");
    examination.validation_labels = state.labels_of(rows_of(all, training, samples).y, "diagnose: y");
  }
  return examined(std::move(examination));
}

Diagnosis diagnose(const Model& model, const Dataset& data) {
  Model::State& state = ModelAccess::state(model);
  const bool stateful = !internal::stateful_layers(*state.network).empty();
  internal::DatasetSource source(data, {}, "diagnose");
  std::vector<Batch> batches;
  {
    const internal::KeptGenerators generators(*state.network);
    source.start(0);
    for (Index i = 0; i < most_batches; ++i) {
      std::optional<Batch> batch = source.next();
      if (!batch) break;
      batches.push_back(std::move(*batch));
    }
  }
  if (batches.empty()) throw ValueError("diagnose: expected at least one batch, got none");
  build_for(model, batches.front());
  Examination examination{.model = model};
  examination.sample = batches.front();
  examination.batches = batches;
  // Batches of sequences may differ in their numbers of time steps; the labels of classes do not.
  std::vector<internal::TensorList> labels;
  for (const Batch& batch : batches) labels.push_back(state.labels_of(batch.y, "diagnose: y"));
  for (std::size_t i = 0; i < labels.front().size() && !stateful; ++i) {
    std::vector<Tensor> parts;
    for (const internal::TensorList& list : labels) {
      if (list[i] && list[i].rank() >= 1 && list[i].rank() <= 2) parts.push_back(list[i]);
    }
    const bool alike = !parts.empty() && std::all_of(parts.begin(), parts.end(), [&](const Tensor& part) {
      return part.shape().sub(1, part.rank()) == parts.front().shape().sub(1, parts.front().rank());
    });
    examination.labels_in_order.push_back(alike ? internal::join_rows(parts) : Tensor());
  }
  return examined(std::move(examination));
}

}  // namespace unspool
