#include <functional>

#include "cases.h"

// Losses, metrics, penalties, steps of every optimizer, and whole runs of fit().

namespace checksums {
namespace {

/// Classes 0 to `classes` - 1.
Tensor labels(const Shape& shape, Index classes, std::uint64_t seed) {
  Draws draws(seed);
  return Tensor::generate<Index>(shape, [&](std::span<Index> out) {
    for (Index& label : out) label = draws.from_to(0, classes - 1);
  });
}

void run_losses() {
  const Tensor logits = values({6, 9, 5}, 90);
  const Tensor weights = abs(values({6, 9}, 91));
  const Tensor classes = labels({6, 9}, 5, 92);
  const Tensor mask = values({6, 9}, 93) > -0.5;
  struct LossCase {
    const char* name;
    Loss loss;
    Tensor target;
    bool probabilities;
  };
  const LossCase loss_cases[] = {
      {"mse", "mse", values({6, 9, 5}, 94), false},
      {"mae", "mae", values({6, 9, 5}, 94), false},
      {"bce", "binary_crossentropy", sigmoid(values({6, 9, 5}, 94)), true},
      {"bce of logits", BinaryCrossentropy({.from_logits = true}), sigmoid(values({6, 9, 5}, 94)), false},
      {"cce", "categorical_crossentropy", softmax(values({6, 9, 5}, 94)), true},
      {"cce of logits", CategoricalCrossentropy({.from_logits = true, .label_smoothing = 0.1}),
       one_hot(classes, 5), false},
      {"scce", "sparse_categorical_crossentropy", classes, true},
      {"scce of logits", SparseCategoricalCrossentropy({.from_logits = true, .ignore_class = 2}), classes,
       false},
  };
  for (const LossCase& one : loss_cases) {
    for (const bool weighted : {false, true}) {
      for (const bool masked : {false, true}) {
        const std::string name =
            "loss/" + std::string(one.name) + (weighted ? "/weighted" : "") + (masked ? "/masked" : "");
        run_case(name, [&](ChecksumLines& lines) {
          const auto function = [&](const std::vector<Tensor>& in) {
            Tensor prediction = one.probabilities ? softmax(in[0]) : in[0];
            if (masked) prediction = with_mask(prediction, mask);
            return std::vector<Tensor>{one.loss(one.target, prediction, weighted ? weights : Tensor())};
          };
          add_derivatives(lines, function, {logits}, 2);
        });
      }
    }
  }
  for (const char* name : {"sparse_categorical_accuracy", "sparse_categorical_crossentropy"}) {
    run_case("metric/" + std::string(name), [&](ChecksumLines& lines) {
      const Metric metric(name);
      for (int batch = 0; batch < 3; ++batch) {
        metric.update_state(classes, softmax(values({6, 9, 5}, 95 + static_cast<std::uint64_t>(batch))),
                            weights);
        lines.add("result", metric.result());
      }
    });
  }
}

void run_penalties() {
  const Tensor w = values({12, 7}, 96);
  for (const char* name : {"l1", "l2", "L1L2", "orthogonal_regularizer"}) {
    run_case("regularizer/" + std::string(name), [&](ChecksumLines& lines) {
      add_derivatives(
          lines, [&](const auto& in) { return std::vector<Tensor>{Regularizer(name)(in[0])}; }, {w}, 2);
    });
  }
  run_case("constraint", [&](ChecksumLines& lines) {
    lines.add("max_norm", MaxNorm({.max_value = 1})(w));
    lines.add("unit_norm", UnitNorm()(w));
    lines.add("min_max_norm",
              MinMaxNorm({.min_value = 0.5, .max_value = 1.5, .rate = 0.7, .axis = {0, 1}})(w));
    lines.add("non_neg", NonNeg()(w));
  });
}

/// Steps of a small network, written out.
void run_steps(const std::string& name, const std::function<Optimizer()>& make) {
  run_case("optimizer/" + name, [&](ChecksumLines& lines) {
    const Ref<layers::LSTM> lstm = LSTM({.units = 6, .recurrent_constraint = "max_norm"});
    const Ref<layers::Dense> head = Dense({.units = 2, .kernel_regularizer = "l2"});
    const Tensor x = values({10, 5, 4}, 97);
    const Tensor y = values({10, 2}, 98);
    head(lstm(x));
    std::vector<Variable> weights = lstm->trainable_weights();
    for (const Variable& weight : head->trainable_weights()) weights.push_back(weight);
    const Optimizer optimizer = make();
    for (int step = 0; step < 6; ++step) {
      GradientTape tape;
      Tensor loss = mean(square(head(lstm(x)) - y));
      for (const Tensor& penalty : head->losses()) loss = loss + penalty;
      lines.add("loss", loss);
      optimizer.apply_gradients(tape.gradient(optimizer.scale_loss(loss), weights), weights);
    }
    optimizer.finalize_variable_values();
    for (const Variable& weight : weights) lines.add("weight", weight.value());
    for (const Variable& state : optimizer.variables()) lines.add("state", state.value());
  });
}

void run_optimizers() {
  for (const char* name : {"sgd", "adam", "adamw", "adamax", "nadam", "rmsprop", "adagrad", "adadelta",
                           "adafactor", "ftrl", "lion", "lamb"}) {
    run_steps(name, [&] { return Optimizer(name); });
  }
  run_steps("sgd/momentum", [] { return SGD({.learning_rate = 0.1, .momentum = 0.9, .nesterov = true}); });
  run_steps("rmsprop/centered", [] { return RMSprop({.momentum = 0.5, .centered = true}); });
  run_steps("adam/amsgrad",
            [] { return Adam({.learning_rate = 0.05, .amsgrad = true, .weight_decay = 0.01}); });
  run_steps("adam/clipnorm", [] { return Adam({.learning_rate = 0.05, .clipnorm = 0.01}); });
  run_steps("adam/global_clipnorm", [] { return Adam({.learning_rate = 0.05, .global_clipnorm = 0.1}); });
  run_steps("sgd/averages", [] {
    return SGD({.learning_rate = 0.1, .clipvalue = 0.01, .use_ema = true, .ema_overwrite_frequency = 2});
  });
  run_steps("adam/accumulated", [] {
    return Adam({.learning_rate = 0.05, .loss_scale_factor = 128.0, .gradient_accumulation_steps = 2});
  });
  const std::pair<const char*, LearningRate> schedules[] = {
      {"ExponentialDecay",
       ExponentialDecay({.initial_learning_rate = 0.1, .decay_steps = 3, .decay_rate = 0.7})},
      {"InverseTimeDecay",
       InverseTimeDecay({.initial_learning_rate = 0.1, .decay_steps = 3, .decay_rate = 0.7})},
      {"PolynomialDecay", PolynomialDecay({.initial_learning_rate = 0.1, .decay_steps = 4, .power = 1.5})},
      {"CosineDecay",
       CosineDecay(
           {.initial_learning_rate = 0.1, .decay_steps = 5, .warmup_target = 0.2, .warmup_steps = 2})},
      {"CosineDecayRestarts", CosineDecayRestarts({.initial_learning_rate = 0.1, .first_decay_steps = 2})},
      {"PiecewiseConstantDecay",
       PiecewiseConstantDecay({.boundaries = {{1, 3}}, .values = {{0.1, 0.05, 0.01}}})},
  };
  for (const auto& entry : schedules)
    run_steps(std::string("sgd/") + entry.first, [&] { return SGD({.learning_rate = entry.second}); });
}

void add_history(ChecksumLines& lines, const History& history) {
  for (const auto& entry : history.history) {
    for (const double value : entry.second) lines.add("history " + entry.first, value);
  }
}

void add_logs(ChecksumLines& lines, const Logs& logs) {
  for (const auto& entry : logs) lines.add("evaluated " + entry.first, entry.second);
}

void run_models() {
  run_case("fit/Sequential", [](ChecksumLines& lines) {
    Sequential model({Input({.shape = {8, 6}}), Masking(),
                      SimpleRNN({.units = 16, .dropout = 0.1, .return_sequences = true}),
                      LSTM({.units = 12, .recurrent_dropout = 0.2}), Dropout({.rate = 0.2}),
                      BatchNormalization(), Dense({.units = 4, .activation = "softmax"})});
    model.compile({.optimizer = Adam({.learning_rate = 0.01}),
                   .loss = "sparse_categorical_crossentropy",
                   .metrics = {"accuracy"}});
    const Tensor x = values({100, 8, 6}, 99) * cast(values({100, 8, 1}, 100) > -0.7, float32);
    const Tensor y = labels({100}, 4, 101);
    add_history(lines,
                model.fit(x, y, {.batch_size = 16, .epochs = 3, .verbose = 0, .validation_split = 0.2}));
    lines.add("weight", model.get_weights());
    add_logs(lines, model.evaluate(x, y, {.verbose = 0}));
    lines.add("prediction", model.predict(x).all());
  });
  run_case("fit/functional", [](ChecksumLines& lines) {
    const Tensor words = Input({.shape = {12}, .dtype = int32});
    const Tensor numbers = Input({.shape = {5, 4}});
    const Tensor embedded = Embedding({.input_dim = 20, .output_dim = 8, .mask_zero = true})(words);
    const Tensor read = Bidirectional(GRU({.units = 8, .return_sequences = true}))(embedded);
    const Tensor attended = Attention({.use_scale = true})({read, read});
    const Ref<layers::LSTM> shared = LSTM({.units = 6});
    const Tensor both =
        Concatenate()({GlobalAveragePooling1D()(attended), shared(numbers), shared(numbers * 2)});
    Model model({words, numbers}, Dense({.units = 3})(both));
    model.compile(
        {.optimizer = SGD({.learning_rate = 0.05, .momentum = 0.9}), .loss = "mse", .metrics = {"mae"}});
    const std::vector<Tensor> x = {cast(labels({50, 12}, 20, 102), int32), values({50, 5, 4}, 103)};
    const Tensor y = values({50, 3}, 104);
    const Tensor weights = abs(values({50}, 105));
    add_history(lines,
                model.fit(x, y, {.batch_size = 8, .epochs = 2, .verbose = 0, .sample_weight = weights}));
    lines.add("weight", model.get_weights());
    add_logs(lines, model.evaluate(x, y, {.verbose = 0}));
    lines.add("prediction", model.predict(x).all());
  });
  // Large enough for groups of rows, with states that go from batch to batch.
  run_case("fit/stateful", [](ChecksumLines& lines) {
    Sequential model({Input({.shape = {20, 16}, .batch_size = 32}),
                      LSTM({.units = 128, .return_sequences = true, .stateful = true, .recompute_every = 6}),
                      TimeDistributed(Dense({.units = 3}))});
    model.compile({.optimizer = "rmsprop", .loss = "mse"});
    const Tensor x = values({96, 20, 16}, 106);
    const Tensor y = values({96, 20, 3}, 107);
    add_history(lines, model.fit(x, y, {.batch_size = 32, .epochs = 2, .verbose = 0, .shuffle = false}));
    lines.add("weight", model.get_weights());
  });
}

}  // namespace

void run_training() {
  run_losses();
  run_penalties();
  run_optimizers();
  run_models();
}

}  // namespace checksums
