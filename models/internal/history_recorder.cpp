#include <unspool/core/fields.h>
#include <unspool/models/internal/history_recorder.h>

namespace unspool::internal {

Snapshot HistoryRecorder::get_state() const {
  Snapshot state{Config::map({{"epoch", to_config(history_.epoch)}}), {}};
  for (const auto& [name, values] : history_.history) state.tensors.push_back({name, Tensor::from(values)});
  return state;
}

void HistoryRecorder::set_state(const Snapshot& state) {
  history_ = {};
  history_.epoch = state.config["epoch"].as<std::vector<Index>>();
  for (const NamedTensor& values : state.tensors) {
    history_.history.set(values.name, values.tensor.to_vector<double>());
  }
}

}  // namespace unspool::internal
