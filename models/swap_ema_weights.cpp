#include <unspool/core/error.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/models/model.h>
#include <unspool/models/swap_ema_weights.h>

namespace unspool {
namespace {

class AverageSwapper final : public Callback {
 public:
  explicit AverageSwapper(SwapEMAWeightsOptions options) : options_(options) {}

  void on_epoch_begin(Index) override { put_back(); }
  void on_epoch_end(Index) override {
    if (options_.swap_on_epoch) swap_in();
  }
  void on_test_begin() override { swap_in(); }
  void on_test_end() override { put_back(); }
  void on_predict_begin() override { swap_in(); }
  void on_predict_end() override { put_back(); }
  // fit() ends with the averages as weights.
  void on_train_end() override { trained_.clear(); }

 private:
  void swap_in() {
    const Optimizer optimizer = model().optimizer();
    if (!optimizer.config()["config"].get("use_ema", false)) {
      throw ValueError("SwapEMAWeights: expected an optimizer with use_ema = true, got " + optimizer->name() +
                       " without moving averages");
    }
    if (!trained_.empty()) return;
    variables_ = optimizer->built_for();
    for (const Variable& variable : variables_) trained_.push_back(variable.value());
    optimizer.finalize_variable_values();
  }

  void put_back() {
    for (std::size_t i = 0; i < trained_.size(); ++i) variables_[i].assign(trained_[i]);
    trained_.clear();
  }

  SwapEMAWeightsOptions options_;
  std::vector<Variable> variables_;
  // The weights that training goes on from, while the variables have their averages.
  std::vector<Tensor> trained_;
};

}  // namespace

std::shared_ptr<Callback> SwapEMAWeights(SwapEMAWeightsOptions options) {
  return make_shared_as<Callback, AverageSwapper>(options);
}

}  // namespace unspool
