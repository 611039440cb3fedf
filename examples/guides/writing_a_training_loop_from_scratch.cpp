// Training without fit(): the gradient tape, metrics, a training step as a function, losses of layers, and a
// generative adversarial network. The blocks have the order of Keras' guide of that name.
#include <chrono>
#include <cmath>
#include <iostream>
#include <tuple>
#include <utility>
#include <vector>

#include <unspool/unspool.h>

#include "check.h"

using namespace unspool;
using guide::check;
using guide::near;

namespace {

constexpr Index batch_size = 64;

struct Samples {
  Tensor x, y;  // (samples, 64) and (samples)
};

// Handwritten digits: 1797 images of 64 pixels.
Samples read_digits() {
  const Tensor table = read_csv("examples/data/digits.csv");
  return {slice(table, 1, 0, 64) / 16, cast(squeeze(slice(table, 1, 64, 65)), int32)};
}

// The samples in batches, in random order if asked to.
std::vector<Samples> batches(const Samples& data, bool shuffled) {
  const Index samples = data.x.shape()[0];
  Samples all = data;
  if (shuffled) {
    const RandomKey order = next_random_key();  // One order for both.
    all = {shuffle(data.x, 0, order), shuffle(data.y, 0, order)};
  }
  std::vector<Samples> parts;
  for (Index first = 0; first < samples; first += batch_size) {
    const Slice range{.begin = first, .end = first + batch_size};
    parts.push_back({slice(all.x, {range}), slice(all.y, {range})});
  }
  return parts;
}

Model make_model() {
  const Tensor inputs = Input({.shape = {64}, .name = "digits"});
  const Tensor x1 = Dense(64, "relu")(inputs);
  const Tensor x2 = Dense(64, "relu")(x1);
  return Model(inputs, Dense({.units = 10, .name = "predictions"})(x2));
}

// For each batch: a tape records how the loss follows from the weights, gradient() returns how the loss
// changes with each weight, and the optimizer changes the weights accordingly.
void first_loop(const Samples& training) {
  const Model model = make_model();
  const Optimizer optimizer = SGD(0.1);
  const Loss loss_fn = SparseCategoricalCrossentropy({.from_logits = true});

  std::vector<double> losses;
  for (Index epoch = 0; epoch < 2; ++epoch) {
    std::cout << "epoch " << epoch << '\n';
    Index step = 0;
    for (const auto& [x_batch_train, y_batch_train] : batches(training, true)) {
      GradientTape tape;  // Records from here on.
      const Tensor logits = model(x_batch_train, {.training = true});
      const Tensor loss_value = loss_fn(y_batch_train, logits);

      const auto grads = tape.gradient(loss_value, model.trainable_weights());
      optimizer.apply(grads, model.trainable_weights());

      losses.push_back(double(loss_value));
      if (step % 10 == 0) {
        std::cout << "  step " << step << ", " << (step + 1) * batch_size << " samples: loss "
                  << losses.back() << '\n';
      }
      ++step;
    }
  }
  check(losses.back() < 0.9 * losses.front());
  check(optimizer.iterations() == static_cast<Index>(losses.size()));
}

// A metric collects batches: update_state() adds one, result() is the value so far, reset_state() starts
// again.
void use_metrics(const Samples& training, const Samples& validation) {
  const Model model = make_model();
  const Optimizer optimizer = SGD(0.1);
  const Loss loss_fn = SparseCategoricalCrossentropy({.from_logits = true});
  const Metric train_acc_metric = SparseCategoricalAccuracy();
  const Metric val_acc_metric = SparseCategoricalAccuracy();

  std::vector<double> accuracies;
  for (Index epoch = 0; epoch < 4; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    for (const auto& [x_batch_train, y_batch_train] : batches(training, true)) {
      GradientTape tape;
      const Tensor logits = model(x_batch_train, {.training = true});
      const Tensor loss_value = loss_fn(y_batch_train, logits);
      const auto grads = tape.gradient(loss_value, model.trainable_weights());
      optimizer.apply(grads, model.trainable_weights());
      train_acc_metric.update_state(y_batch_train, logits);
    }
    const double train_acc = double(train_acc_metric.result());
    train_acc_metric.reset_state();

    for (const auto& [x_batch_val, y_batch_val] : batches(validation, false)) {
      val_acc_metric.update_state(y_batch_val, model(x_batch_val));
    }
    const double val_acc = double(val_acc_metric.result());
    val_acc_metric.reset_state();

    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::cout << "epoch " << epoch << ": accuracy " << train_acc << ", of validation " << val_acc << ", "
              << taken.count() << " s\n";
    accuracies.push_back(val_acc);
  }
  check(accuracies.back() > accuracies.front());

  // That is what evaluate() computes.
  Model compiled = model;
  compiled.compile({.loss = loss_fn, .metrics = {SparseCategoricalAccuracy()}});
  const Logs logs = compiled.evaluate(validation.x, validation.y, {.verbose = 0});
  check(near(logs["sparse_categorical_accuracy"], accuracies.back()));
}

// A step as a function. TensorFlow compiles such a function to make it faster. Here nothing has to be marked:
// operations run at once, and the loops of recurrent layers, where the time goes, are compiled in any case.
void steps_as_functions(const Samples& training, const Samples& validation) {
  Model model = make_model();
  const Optimizer optimizer = SGD(0.1);
  const Loss loss_fn = SparseCategoricalCrossentropy({.from_logits = true});
  const Metric train_acc_metric = SparseCategoricalAccuracy();
  const Metric val_acc_metric = SparseCategoricalAccuracy();

  const auto train_step = [&](const Tensor& x, const Tensor& y) {
    GradientTape tape;
    const Tensor logits = model(x, {.training = true});
    const Tensor loss_value = loss_fn(y, logits);
    const auto grads = tape.gradient(loss_value, model.trainable_weights());
    optimizer.apply(grads, model.trainable_weights());
    train_acc_metric.update_state(y, logits);
    return loss_value;
  };
  const auto test_step = [&](const Tensor& x, const Tensor& y) { val_acc_metric.update_state(y, model(x)); };

  double first = 0, last = 0;
  for (Index epoch = 0; epoch < 2; ++epoch) {
    for (const auto& [x, y] : batches(training, true)) {
      last = double(train_step(x, y));
      if (first == 0) first = last;
    }
    for (const auto& [x, y] : batches(validation, false)) test_step(x, y);
    std::cout << "epoch " << epoch << ": accuracy " << train_acc_metric.result() << ", of validation "
              << val_acc_metric.result() << '\n';
    train_acc_metric.reset_state();
    val_acc_metric.reset_state();
  }
  check(last < 0.9 * first);

  // train_on_batch() is such a step: it gives the same weights.
  Model other = make_model();
  model.set_weights(other.get_weights());
  other.compile({.optimizer = SGD(0.1), .loss = loss_fn});
  const auto [x, y] = batches(training, false)[0];
  const double loss_value = double(train_step(x, y));
  check(near(other.train_on_batch(x, y)["loss"], loss_value, 1e-6));
  for (std::size_t i = 0; i < model.weights().size(); ++i) {
    check(near(model.get_weights()[i], other.get_weights()[i], 1e-6));
  }
}

// A layer that adds to the loss.
class ActivityRegularizationLayer : public Layer {
 public:
  Tensor call(const Tensor& inputs, const CallArgs&) override {
    add_loss(1e-2 * sum(inputs));
    return inputs;
  }
};

// losses() has what the layers of a model added in its last call. A training step adds them to its loss.
void losses_of_layers(const Samples& training) {
  const Tensor inputs = Input({.shape = {64}, .name = "digits"});
  Tensor x = Dense(64, "relu")(inputs);
  x = make<ActivityRegularizationLayer>()(x);
  x = Dense(64, "relu")(x);
  const Model model(inputs, Dense({.units = 10, .name = "predictions"})(x));

  const Optimizer optimizer = SGD(0.01);
  const Loss loss_fn = SparseCategoricalCrossentropy({.from_logits = true});
  const auto train_step = [&](const Tensor& batch, const Tensor& labels) {
    GradientTape tape;
    const Tensor logits = model(batch, {.training = true});
    Tensor loss_value = loss_fn(labels, logits);
    for (const Tensor& loss : model.losses()) loss_value += loss;
    const auto grads = tape.gradient(loss_value, model.trainable_weights());
    optimizer.apply(grads, model.trainable_weights());
    return loss_value;
  };

  const auto [batch, labels] = batches(training, false)[0];
  model(batch);
  check(model.losses().size() == 1);
  const double before = double(model.losses()[0]);
  const double added = double(train_step(batch, labels)) - double(loss_fn(labels, model(batch)));
  check(added > 0.5 * before);
  for (Index step = 0; step < 20; ++step) train_step(batch, labels);
  check(double(model.losses()[0]) < 0.5 * before);
}

// A generator turns random numbers into images, and a discriminator tells them from real ones; each is
// trained against the other (Goodfellow et al. 2014). Both are recurrent here: a row of the image is a step.
void adversarial_network(const Samples& training) {
  const Index latent_dim = 16;
  const Sequential discriminator(
      {
          Input({.shape = {8, 8}}),
          GRU({.units = 32, .return_sequences = true}),
          LeakyReLU(0.2),
          GRU({.units = 32, .return_sequences = true}),
          LeakyReLU(0.2),
          GlobalMaxPooling1D(),
          Dense(1),
      },
      {.name = "discriminator"});
  discriminator.summary();
  const Sequential generator(
      {
          Input({.shape = {latent_dim}}),
          Dense(8 * 16),
          LeakyReLU(0.2),
          Reshape({8, 16}),
          GRU({.units = 32, .return_sequences = true}),
          LeakyReLU(0.2),
          TimeDistributed(Dense(8, "sigmoid")),
      },
      {.name = "generator"});
  check(generator(random_normal({2, latent_dim})).shape() == Shape{2, 8, 8});

  const Optimizer d_optimizer = Adam(0.003);
  const Optimizer g_optimizer = Adam(0.004);
  const Loss loss_fn = BinaryCrossentropy({.from_logits = true});

  const auto train_step = [&](const Tensor& real_images) {
    const Index real = real_images.shape()[0];
    // Images from random points, and real ones, with labels: 1 for the former. Some noise in the labels
    // helps.
    const Tensor generated_images = generator(random_normal({batch_size, latent_dim}));
    const Tensor combined_images = concat({generated_images, real_images}, 0);
    Tensor labels = concat({ones({batch_size, 1}), zeros({real, 1})}, 0);
    labels += 0.05 * random_uniform(labels.shape());

    // Train the discriminator.
    GradientTape d_tape;
    const Tensor d_loss = loss_fn(labels, discriminator(combined_images));
    d_optimizer.apply(d_tape.gradient(d_loss, discriminator.trainable_weights()),
                      discriminator.trainable_weights());

    // Train the generator, with labels that say "all real". Only its own weights change.
    const Tensor misleading_labels = zeros({batch_size, 1});
    GradientTape g_tape;
    const Tensor g_loss =
        loss_fn(misleading_labels, discriminator(generator(random_normal({batch_size, latent_dim}))));
    g_optimizer.apply(g_tape.gradient(g_loss, generator.trainable_weights()), generator.trainable_weights());
    return std::pair(double(d_loss), double(g_loss));
  };

  const auto brightness = [](const Tensor& images) { return double(mean(images)); };
  const Tensor points = random_normal({200, latent_dim});
  const double real = brightness(training.x);
  const double before = brightness(generator.predict(points));
  for (Index epoch = 0; epoch < 6; ++epoch) {
    double d_loss = 0, g_loss = 0;
    for (const auto& [x, y] : batches(training, true)) {
      std::tie(d_loss, g_loss) = train_step(reshape(x, {-1, 8, 8}));
    }
    std::cout << "epoch " << epoch << ": loss of the discriminator " << d_loss << ", of the generator "
              << g_loss << '\n';
    check(d_loss > 0 && d_loss < 10 && g_loss > 0 && g_loss < 10);
  }
  // The generated images became as dark as real ones.
  const double after = brightness(generator.predict(points));
  std::cout << "mean of the pixels: real " << real << ", generated before " << before << ", after " << after
            << '\n';
  check(std::abs(after - real) < std::abs(before - real));
}

}  // namespace

int main() {
  set_seed(1);
  const Samples digits = read_digits();
  // The last 300 images are for validation.
  const Samples training{slice(digits.x, {{.end = -300}}), slice(digits.y, {{.end = -300}})};
  const Samples validation{slice(digits.x, {{.begin = -300}}), slice(digits.y, {{.begin = -300}})};
  check(training.x.shape() == Shape{1497, 64} && validation.y.shape() == Shape{300});

  first_loop(training);
  use_metrics(training, validation);
  steps_as_functions(training, validation);
  losses_of_layers(training);
  adversarial_network(training);
  std::cout << "writing_a_training_loop_from_scratch: all checks hold\n";
}
