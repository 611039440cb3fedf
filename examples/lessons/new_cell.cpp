// A new cell: from its equations to a trained and saved model.
//
//     scripts/example.sh new_cell
//
// The idea (FastGRNN: Kusupati et al. 2018): a GRU for small devices needs fewer weights. Let the gate z and
// the candidate c share both matrices, and differ in their biases only:
//
//     s = x W + h U      z = sigmoid(s + b_z)      c = tanh(s + b_c)
//     h_t = (zeta (1 - z) + nu) c + z h            zeta, nu: two numbers in (0, 1), which are trained
//
// The steps, all of which are below: write the equations as a cell; compare its gradients with finite
// differences; let check_layer() try what every layer must do (masks, configs, float64, samples that do not
// depend on each other, ...); read the backward pass that nobody wrote; train it; save it and load it again.
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <unspool/layers/check_layer.h>
#include <unspool/unspool.h>

#include "lesson.h"

using namespace unspool;

namespace {

struct FastGRNNOptions {
  required<Index> units;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;

  /// The options as they stand in a config, so that the cell can be saved.
  static const Fields& fields() {
    static const Fields all =
        fields_of<FastGRNNOptions>(field("units", &FastGRNNOptions::units, "the units"),
                                   field("name", &FastGRNNOptions::name, "the name"),
                                   field("trainable", &FastGRNNOptions::trainable, "whether it learns"),
                                   field("dtype", &FastGRNNOptions::dtype, "of weights"));
    return all;
  }
};

class FastGRNNCell : public OptionsLayer<FastGRNNOptions, Cell> {
 public:
  explicit FastGRNNCell(const FastGRNNOptions& options)
      : OptionsLayer(options, CellOptions{.state_sizes = {Index{options.units}},
                                          .name = options.name,
                                          .trainable = options.trainable,
                                          .dtype = options.dtype}) {}

  void build(const Shape& input) override {
    const Index units = options_.units;
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), units}});
    recurrent_ =
        add_weight({.name = "recurrent_kernel", .shape = {units, units}, .initializer = "orthogonal"});
    bias_z_ = add_weight({.name = "bias_z", .shape = {units}, .initializer = "ones"});
    bias_c_ = add_weight({.name = "bias_c", .shape = {units}, .initializer = "zeros"});
    zeta_ = add_weight({.name = "zeta", .shape = {1}, .initializer = Constant(1)});
    nu_ = add_weight({.name = "nu", .shape = {1}, .initializer = Constant(-4)});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor& h = states[0];
    const Tensor s = labeled(matmul(x, kernel_) + matmul(h, recurrent_), "s");
    const Tensor z = labeled(sigmoid(s + bias_z_), "z");
    const Tensor c = labeled(tanh(s + bias_c_), "c");
    const Tensor next = (sigmoid(zeta_) * (1 - z) + sigmoid(nu_)) * c + z * h;
    return {next, {next}};
  }

 private:
  Variable kernel_, recurrent_, bias_z_, bias_c_, zeta_, nu_;
};

struct Task {
  Tensor x;  // (samples, 20, 1): a first element of 1 or -1, then noise.
  Tensor y;  // (samples, 1): whether the first element was 1.
};

/// Remember the first of twenty elements.
Task remember_first(Index samples, std::int64_t seed) {
  const Tensor y = cast(greater(random_normal({samples, 1}, 0, 1, float32, seed), 0), float32);
  const Tensor noise = random_normal({samples, 19, 1}, 0, 0.5, float32, seed + 1);
  return {concat({expand_dims(2 * y - 1, 1), noise}, 1), y};
}

void teach(lesson::Claims& claims, const std::filesystem::path& folder) {
  set_seed(1);
  register_layer<FastGRNNCell>("lesson>FastGRNNCell");

  // Are the gradients right?
  const auto small = RNN(make<FastGRNNCell>(FastGRNNOptions{.units = 3, .dtype = float64}));
  const Tensor sample = random_normal({2, 5, 2}, 0, 1, float64, 1);
  small->build_once(sample.shape());
  const GradcheckResult gradients =
      gradcheck([&](const Tensor& x) { return Tensor(small(x)); }, sample, small->weights());
  claims.check(bool(gradients),
               "gradcheck: first and second derivatives agree with finite differences" + gradients.message);

  // Is it a good layer?
  const CheckReport report =
      check_layer(RNN(make<FastGRNNCell>(FastGRNNOptions{.units = 3}), {.return_sequences = true}),
                  {.input_shapes = {{2, 4, 2}}});
  claims.check(bool(report), "check_layer: " + to_string(report));

  // What does it compute, and what is its backward pass?
  const BackwardEquations equations = backward_equations(small->cell());
  std::printf("\n%s\n", equations.to_text().c_str());

  // Does it learn?
  const Task training = remember_first(1024, 10), test = remember_first(512, 20);
  const auto rnn = RNN(make<FastGRNNCell>(FastGRNNOptions{.units = 8}));
  Sequential model({Input({.shape = {20, 1}}), rnn, Dense({.units = 1, .activation = "sigmoid"})});
  model.compile({.optimizer = Adam(0.01), .loss = "binary_crossentropy", .metrics = {"accuracy"}});
  const Logs before = model.evaluate(test.x, test.y, {.verbose = 0});
  model.fit(training.x, training.y, {.batch_size = 32, .epochs = 10, .verbose = 0});
  const Logs after = model.evaluate(test.x, test.y, {.verbose = 0});
  const GRU gru({.units = 8});
  gru->build_once(Shape{32, 20, 1});
  std::printf("The cell has %d weights; a GRU of as many units has %d.\n\n",
              static_cast<int>(rnn->count_params()), static_cast<int>(gru->count_params()));
  claims.check(2 * rnn->count_params() < gru->count_params(), "that is less than half");
  std::printf("\nRemembering the first of 20 elements, on 512 sequences that were not used in training:\n\n");
  std::printf("%-16s %8s %10s\n", "", "loss", "accuracy");
  std::printf("%-16s %8.3f %9.1f%%\n", "before training", before["loss"], 100 * before["accuracy"]);
  std::printf("%-16s %8.3f %9.1f%%\n\n", "after training", after["loss"], 100 * after["accuracy"]);
  claims.check(before["accuracy"] < 0.65 && after["accuracy"] > 0.95,
               "accuracy rises from chance to more than 95 %");
  claims.check(after["loss"] < 0.25 * before["loss"], "the loss falls to less than a quarter");

  // Does it survive a file?
  const std::filesystem::path file = folder / "new_cell.unspool";
  model.save(file);
  const Model loaded = load_model(file);
  claims.check(lesson::difference(loaded.predict(test.x), model.predict(test.x)) == 0,
               "the model that was saved and loaded predicts the same bits");
}

}  // namespace

int main(int argc, char** argv) { return lesson::run("new_cell", argc, argv, teach); }
