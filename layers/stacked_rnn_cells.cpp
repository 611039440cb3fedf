#include <algorithm>
#include <typeinfo>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/internal/recurrent_options.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/stacked_rnn_cells.h>

namespace unspool {

const Fields& StackedRNNCellsOptions::fields() {
  using O = StackedRNNCellsOptions;
  static const Fields all = internal::joined_fields<O>(internal::layer_fields<O>());
  return all;
}

template class WrapperMaker<layers::StackedRNNCells, std::vector<Ref<Cell>>>;

}  // namespace unspool

namespace unspool::layers {
namespace {

CellOptions options_of_stack(const std::vector<Ref<Cell>>& cells, const StackedRNNCellsOptions& options) {
  if (cells.empty()) throw ValueError("StackedRNNCells: expected at least one cell, got none");
  CellOptions stack = {.state_sizes = {}, .name = options.name, .trainable = options.trainable};
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!cells[i])
      throw ValueError(fmt::format("StackedRNNCells: expected a cell as cell {}, got an empty Ref", i));
    for (const Shape& size : cells[i]->state_sizes()) stack.state_sizes.emplace_back(size);
    for (std::string& name : cells[i]->state_names()) stack.state_names.push_back(std::move(name));
  }
  stack.output_size = StateSize(cells.back()->output_size());
  stack.dtype = options.dtype.value_or(cells.front()->dtype());
  return stack;
}

}  // namespace

StackedRNNCells::StackedRNNCells(std::vector<Ref<Cell>> cells, const StackedRNNCellsOptions& options)
    : OptionsLayer(options, options_of_stack(cells, options)), cells_(std::move(cells)) {
  add_layers("cells", cells_);
}

std::vector<Ref<Cell>> StackedRNNCells::cells() const { return cells_; }

std::vector<States> StackedRNNCells::by_cell(const States& states) const {
  if (states.size() != state_sizes().size()) {
    throw ValueError(fmt::format("the cells of {}: expected {} states, got {}", name(), state_sizes().size(),
                                 states.size()));
  }
  std::vector<States> all;
  auto next = states.begin();
  for (const Ref<Cell>& cell : cells_) {
    const auto end = next + static_cast<std::ptrdiff_t>(cell->state_sizes().size());
    all.emplace_back(next, end);
    next = end;
  }
  return all;
}

States StackedRNNCells::get_initial_state(Index batch_size, DType dtype) {
  States states;
  for (const Ref<Cell>& cell : cells_) {
    for (Tensor& state : cell->get_initial_state(batch_size, dtype)) states.push_back(std::move(state));
  }
  return states;
}

bool StackedRNNCells::is_pure() const {
  return typeid(*this) == typeid(StackedRNNCells) &&
         std::all_of(cells_.begin(), cells_.end(), [](const Ref<Cell>& cell) { return cell->is_pure(); });
}

bool StackedRNNCells::supports_constants() const {
  return std::any_of(cells_.begin(), cells_.end(),
                     [](const Ref<Cell>& cell) { return cell->supports_constants(); });
}

void StackedRNNCells::build_all(const std::vector<Shape>& input_shapes) {
  std::vector<Shape> shapes = input_shapes;
  DType first = built_for();
  for (const Ref<Cell>& cell : cells_) {
    cell->build_once(shapes, first);
    shapes.front() = Shape({shapes.front().front()}) + cell->output_size();
    first = cell->dtype();
  }
}

CellOutput StackedRNNCells::call(const Tensor& x, const States& states, const CallArgs& args) {
  const std::vector<States> before = by_cell(states);
  CellOutput result{x, {}};
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    CellOutput step = cells_[i](result.output, before[i], args);
    result.output = std::move(step.output);
    for (Tensor& state : step.states) result.states.push_back(std::move(state));
  }
  return result;
}

Config StackedRNNCells::get_config() const {
  std::vector<Config> cells;
  for (const Ref<Cell>& cell : cells_) cells.push_back(serialize_layer(*cell));
  return OptionsLayer::get_config().set("cells", Config::list(std::move(cells)));
}

Ref<StackedRNNCells> StackedRNNCells::from_config(const Config& config) {
  const Config arguments = detail::plain_layer_config(config);
  std::vector<Ref<Cell>> cells;
  for (const Config& cell : arguments["cells"].elements()) cells.push_back(layer_from_config<Cell>(cell));
  return make<StackedRNNCells>(std::move(cells),
                               unspool::from_config<StackedRNNCellsOptions>(arguments, {"cells"}));
}

}  // namespace unspool::layers
