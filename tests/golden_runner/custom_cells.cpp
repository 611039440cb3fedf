#include "custom_cells.h"

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/reduction.h>
#include <unspool/core/error.h>
#include <unspool/layers/cell.h>
#include <unspool/layers/registry.h>

namespace golden {
namespace {

using namespace unspool;

/// Keras writes a dtype as a policy.
DType dtype_in(const Config& config) {
  const Config dtype = config["dtype"];
  return (dtype.is_map() ? dtype["config"]["name"] : dtype).as<DType>();
}

CellOptions options_in(const Config& config, std::vector<StateSize> state_sizes) {
  return {.state_sizes = std::move(state_sizes),
          .name = config.get("name", ""),
          .trainable = config.get("trainable", true),
          .dtype = dtype_in(config)};
}

Index size_in(const Config& config, const char* name) { return config[name].as<Index>(); }

/// A cell whose config is the one that it was made from.
class ConfiguredCell : public Cell {
 public:
  Config get_config() const override {
    Config config = config_;
    for (auto& [key, value] : Cell::get_config().items()) config.set(key, value);
    return config;
  }

 protected:
  ConfiguredCell(const Config& config, CellOptions options) : Cell(std::move(options)), config_(config) {}

 private:
  Config config_;
};

class MinimalGatedUnitCell : public ConfiguredCell {
 public:
  explicit MinimalGatedUnitCell(const Config& config)
      : ConfiguredCell(config, options_in(config, {size_in(config, "units")})),
        units_(size_in(config, "units")) {}

 protected:
  void build(const Shape& input) override {
    wf_ = add_weight({.name = "kernel_f", .shape = {input.back(), units_}});
    uf_ = add_weight({.name = "recurrent_kernel_f", .shape = {units_, units_}});
    bf_ = add_weight({.name = "bias_f", .shape = {units_}});
    wc_ = add_weight({.name = "kernel_c", .shape = {input.back(), units_}});
    uc_ = add_weight({.name = "recurrent_kernel_c", .shape = {units_, units_}});
    bc_ = add_weight({.name = "bias_c", .shape = {units_}});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor& h = states[0];
    const Tensor f = sigmoid(matmul(x, wf_) + matmul(h, uf_) + bf_);
    const Tensor c = tanh(matmul(x, wc_) + matmul(f * h, uc_) + bc_);
    const Tensor next = (1 - f) * h + f * c;
    return {next, {next}};
  }

 private:
  Index units_;
  Variable wf_, uf_, bf_, wc_, uc_, bc_;
};

class RNNCellWithConstants : public ConfiguredCell {
 public:
  explicit RNNCellWithConstants(const Config& config)
      : ConfiguredCell(config, options_in(config, {size_in(config, "units")})),
        units_(size_in(config, "units")),
        constant_size_(size_in(config, "constant_size")) {}

 protected:
  void build(const Shape& input) override {
    w_ = add_weight({.name = "kernel", .shape = {input.back(), units_}});
    u_ = add_weight({.name = "recurrent_kernel", .shape = {units_, units_}});
    v_ = add_weight({.name = "constant_kernel", .shape = {constant_size_, units_}});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    const Tensor next = matmul(x, w_) + matmul(states[0], u_) + matmul(args.constants.at(0), v_);
    return {next, {next}};
  }

 private:
  Index units_;
  Index constant_size_;
  Variable w_, u_, v_;
};

class GatedConstantsCell : public ConfiguredCell {
 public:
  explicit GatedConstantsCell(const Config& config)
      : ConfiguredCell(config, options_in(config, {size_in(config, "units")})),
        units_(size_in(config, "units")),
        constant_size_(size_in(config, "constant_size")) {}

 protected:
  void build(const Shape& input) override {
    w_ = add_weight({.name = "kernel", .shape = {input.back(), units_}});
    u_ = add_weight({.name = "recurrent_kernel", .shape = {units_, units_}});
    v_ = add_weight({.name = "constant_kernel", .shape = {constant_size_, units_}});
    d_ = add_weight({.name = "bias", .shape = {units_}});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    const Tensor g = sigmoid(matmul(args.constants.at(0), v_) + d_);
    const Tensor next = tanh(matmul(x, w_) + matmul(states[0] * g, u_));
    return {next + args.constants.at(1), {next}};
  }

 private:
  Index units_;
  Index constant_size_;
  Variable w_, u_, v_, d_;
};

/// A cell whose state is a matrix: h' = tanh(X A + P h + b).
class MatrixStateCell : public ConfiguredCell {
 public:
  explicit MatrixStateCell(const Config& config)
      : MatrixStateCell(config, options_in(config, {state_in(config)})) {}

 protected:
  MatrixStateCell(const Config& config, CellOptions options)
      : ConfiguredCell(config, std::move(options)),
        rows_(size_in(config, "rows")),
        columns_(size_in(config, "cols")) {}
  static StateSize state_in(const Config& config) {
    return {size_in(config, "rows"), size_in(config, "cols")};
  }
  void build(const Shape& input) override {
    a_ = add_weight({.name = "kernel", .shape = {input.back(), columns_}});
    p_ = add_weight({.name = "row_kernel", .shape = {rows_, rows_}});
    b_ = add_weight({.name = "bias", .shape = {columns_}});
  }
  Tensor next(const Tensor& x, const Tensor& h) const { return tanh(matmul(x, a_) + matmul(p_, h) + b_); }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor h = next(x, states[0]);
    return {h, {h}};
  }

 private:
  Index rows_;
  Index columns_;
  Variable a_, p_, b_;
};

/// A MatrixStateCell with a vector as second state and output: v' = v / 2 + the mean of the rows of h'.
class MatrixAndVectorStateCell : public MatrixStateCell {
 public:
  explicit MatrixAndVectorStateCell(const Config& config) : MatrixStateCell(config, sizes_in(config)) {}

 protected:
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor h = next(x, states[0]);
    const Tensor v = 0.5f * states[1] + mean(h, {1});
    return {v, {h, v}};
  }

 private:
  static CellOptions sizes_in(const Config& config) {
    CellOptions options = options_in(config, {state_in(config), size_in(config, "cols")});
    options.output_size = StateSize(size_in(config, "cols"));
    return options;
  }
};

template <class C>
void register_cell(const std::string& name) {
  register_layer<C>(name, [](const Config& config) { return make<C>(config); });
}

}  // namespace

void register_custom_cells() {
  register_cell<MinimalGatedUnitCell>("golden>MinimalGatedUnitCell");
  register_cell<RNNCellWithConstants>("golden>RNNCellWithConstants");
  register_cell<GatedConstantsCell>("golden>GatedConstantsCell");
  register_cell<MatrixStateCell>("golden>MatrixStateCell");
  register_cell<MatrixAndVectorStateCell>("golden>MatrixAndVectorStateCell");
}

}  // namespace golden
