// Layers and models of your own: weights, sublayers, losses, configs, training and masks, and a variational
// autoencoder made of them. The blocks have the order of Keras' guide of that name.
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <unspool/unspool.h>

#include "check.h"

using namespace unspool;
using guide::check;
using guide::near;
using guide::same;

namespace {

// A layer is weights and what is computed with them. This one makes its weights when it is made.
class EagerLinear : public Layer {
 public:
  explicit EagerLinear(Index units = 32, Index input_dim = 32) {
    w = add_weight({.name = "w", .shape = {input_dim, units}, .initializer = "random_normal"});
    b = add_weight({.name = "b", .shape = {units}, .initializer = "zeros"});
  }
  Tensor call(const Tensor& inputs, const CallArgs&) override { return matmul(inputs, w) + b; }

  Variable w, b;
};

void own_layers() {
  const Tensor x = ones({2, 2});
  const auto linear_layer = make<EagerLinear>(4, 2);
  const Tensor y = linear_layer(x);
  std::cout << y << '\n';
  check(y.shape() == Shape{2, 4});
  check(near(y[0], sum(linear_layer->w, {0})));
  check(linear_layer.weights() == std::vector<Variable>{linear_layer->w, linear_layer->b});
}

// A weight that training does not change.
class ComputeSum : public Layer {
 public:
  explicit ComputeSum(Index input_dim) {
    total_ = add_weight({.name = "total", .shape = {input_dim}, .initializer = "zeros", .trainable = false});
  }
  Tensor call(const Tensor& inputs, const CallArgs&) override {
    total_.assign_add(sum(inputs, 0));
    return total_;
  }

 private:
  Variable total_;
};

void weights_that_are_not_trained() {
  const Tensor x = ones({2, 2});
  const auto my_sum = make<ComputeSum>(2);
  Tensor y = my_sum(x);
  std::cout << y << '\n';
  check(same(y, Tensor::of({2, 2})));
  y = my_sum(x);
  std::cout << y << '\n';
  check(same(y, Tensor::of({4, 4})));
  check(my_sum.weights().size() == 1);
  check(my_sum.non_trainable_weights().size() == 1);
  check(my_sum.trainable_weights().empty());
}

// Better: build() makes the weights at the first call, when the shape of the input is known.
class Linear : public Layer {
 public:
  explicit Linear(Index units = 32) : units_(units) {}

  void build(const Shape& input_shape) override {
    w_ = add_weight({.name = "w", .shape = {input_shape.back(), units_}, .initializer = "random_normal"});
    b_ = add_weight({.name = "b", .shape = {units_}, .initializer = "random_normal"});
  }
  Tensor call(const Tensor& inputs, const CallArgs&) override { return matmul(inputs, w_) + b_; }

 private:
  Index units_;
  Variable w_, b_;
};

void deferred_weights() {
  const auto linear_layer = make<Linear>(32);
  check(linear_layer.weights().empty());
  const Tensor y = linear_layer(ones({2, 2}));
  check(y.shape() == Shape{2, 32});
  check(linear_layer.weights()[0].shape() == Shape{2, 32});
}

// Layers within layers. add_layer() makes the inner layers part of the outer one, which then has their
// weights.
class MLPBlock : public Layer {
 public:
  Tensor call(const Tensor& inputs, const CallArgs&) override {
    Tensor x = linear_1_(inputs);
    x = relu(x);
    x = linear_2_(x);
    x = relu(x);
    return linear_3_(x);
  }

 private:
  Ref<Linear> linear_1_ = add_layer("linear_1", make<Linear>(32));
  Ref<Linear> linear_2_ = add_layer("linear_2", make<Linear>(32));
  Ref<Linear> linear_3_ = add_layer("linear_3", make<Linear>(1));
};

void layers_within_layers() {
  const auto mlp = make<MLPBlock>();
  const Tensor y = mlp(ones({3, 64}));  // The first call makes the weights.
  check(y.shape() == Shape{3, 1});
  std::cout << "weights: " << mlp.weights().size() << '\n';
  check(mlp.weights().size() == 6);
  check(mlp.trainable_weights().size() == 6);
}

// A layer can add to the loss that training minimizes.
class ActivityRegularizationLayer : public Layer {
 public:
  explicit ActivityRegularizationLayer(double rate = 1e-2) : rate_(rate) {}
  Tensor call(const Tensor& inputs, const CallArgs&) override {
    add_loss(rate_ * mean(inputs));
    return inputs;
  }

 private:
  double rate_;
};

class OuterLayer : public Layer {
 public:
  Tensor call(const Tensor& inputs, const CallArgs&) override { return activity_reg_(inputs); }

 private:
  Ref<ActivityRegularizationLayer> activity_reg_ =
      add_layer("activity_reg", make<ActivityRegularizationLayer>(1e-2));
};

class OuterLayerWithKernelRegularizer : public Layer {
 public:
  Tensor call(const Tensor& inputs, const CallArgs&) override { return dense_(inputs); }

 private:
  Ref<layers::Dense> dense_ = add_layer("dense", Dense({.units = 32, .kernel_regularizer = L2(1e-3)}));
};

void losses_of_layers() {
  const auto layer = make<OuterLayer>();
  check(layer.losses().empty());  // It was not called yet.
  layer(ones({1, 1}));
  check(layer.losses().size() == 1);
  layer(ones({1, 1}));  // Each call starts afresh.
  check(layer.losses().size() == 1);
  check(near(double(layer.losses()[0]), 1e-2));

  // The penalties of weights are among them: here 1e-3 times the sum of the squares of the kernel.
  const auto penalized = make<OuterLayerWithKernelRegularizer>();
  penalized(zeros({1, 1}));
  std::cout << penalized.losses()[0] << '\n';
  check(near(penalized.losses()[0], 1e-3 * sum(square(penalized.weights()[0]))));

  // In a training loop of your own they are added to the loss.
  const auto classifier = make<OuterLayerWithKernelRegularizer>();
  const Optimizer optimizer = SGD(0.1);
  const Loss loss_fn = SparseCategoricalCrossentropy({.from_logits = true});
  const Tensor x = random_normal({128, 8});
  const Tensor y = argmax(slice(x, 1, 0, 4));
  std::vector<double> losses;
  for (Index epoch = 0; epoch < 10; ++epoch) {
    for (Index first = 0; first < 128; first += 32) {
      GradientTape tape;
      const Tensor logits = classifier(slice(x, 0, first, first + 32));
      Tensor loss_value = loss_fn(slice(y, 0, first, first + 32), logits);
      for (const Tensor& loss : classifier.losses()) loss_value += loss;
      const auto grads = tape.gradient(loss_value, classifier.trainable_weights());
      optimizer.apply(grads, classifier.trainable_weights());
      losses.push_back(double(loss_value));
    }
  }
  check(losses.back() < 0.7 * losses.front());

  // fit() adds them by itself.
  const Tensor inputs = Input({.shape = {3}});
  const Tensor outputs = make<ActivityRegularizationLayer>()(Dense(3)(inputs));
  Model model(inputs, outputs);
  const Tensor data = random_uniform({2, 3});
  model.compile({.optimizer = "adam", .loss = "mse"});
  model.fit(data, random_uniform({2, 3}), {.verbose = 0});
  // Then compile() needs no loss.
  model.compile({.optimizer = "adam"});
  const double before = double(mean(model.predict(data)));
  model.fit(data, {}, {.epochs = 20, .verbose = 0});
  check(double(mean(model.predict(data))) < before);
}

// A layer that can be made from its config: get_config() has the arguments, from_config() makes a layer of
// them. The options that every layer takes, such as its name, are passed to the base class.
class SerializableLinear : public Layer {
 public:
  explicit SerializableLinear(Index units = 32, LayerOptions options = {})
      : Layer(std::move(options)), units_(units) {}

  void build(const Shape& input_shape) override {
    w_ = add_weight({.name = "w", .shape = {input_shape.back(), units_}, .initializer = "random_normal"});
    b_ = add_weight({.name = "b", .shape = {units_}, .initializer = "random_normal"});
  }
  Tensor call(const Tensor& inputs, const CallArgs&) override { return matmul(inputs, w_) + b_; }

  Config get_config() const override { return Layer::get_config().set("units", units_); }
  static Ref<SerializableLinear> from_config(const Config& config) {
    return make<SerializableLinear>(config["units"].as<Index>(),
                                    LayerOptions{.name = config["name"].as<std::string>()});
  }

 private:
  Index units_;
  Variable w_, b_;
};

// Shorter: a struct of options and the list of its fields. The config follows from them, in both directions.
struct OptionsLinearOptions {
  required<Index> units;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields() {
    static const Fields fields = fields_of<OptionsLinearOptions>(
        field("units", &OptionsLinearOptions::units, "the size of the output"),
        field("name", &OptionsLinearOptions::name, "the name"),
        field("trainable", &OptionsLinearOptions::trainable, "whether training changes the weights"),
        field("dtype", &OptionsLinearOptions::dtype, "the dtype of weights and results"),
        field("activity_regularizer", &OptionsLinearOptions::activity_regularizer,
              "a penalty on the output"));
    return fields;
  }
};
class OptionsLinear : public OptionsLayer<OptionsLinearOptions> {
 public:
  explicit OptionsLinear(OptionsLinearOptions options) : OptionsLayer(std::move(options)) {}
  void build(const Shape& input_shape) override {
    w_ = add_weight({.name = "w", .shape = {input_shape.back(), options_.units}});
  }
  Tensor call(const Tensor& inputs, const CallArgs&) override { return matmul(inputs, w_); }

 private:
  Variable w_;
};

void configs(const std::string& folder) {
  const auto layer = make<SerializableLinear>(64, LayerOptions{.name = "mine"});
  const Config config = layer.get_config();
  std::cout << to_json(config) << '\n';
  check(config["units"].as<Index>() == 64 && config["name"].as<std::string>() == "mine");
  const auto new_layer = SerializableLinear::from_config(config);
  check(new_layer.get_config() == config);

  // With a registered name a saved model can contain the class.
  register_layer<SerializableLinear>("guide>Linear");
  register_layer<OptionsLinear>("guide>OptionsLinear");
  const Sequential model({
      Input({.shape = {4}}),
      make<SerializableLinear>(8),
      make<OptionsLinear>(OptionsLinearOptions{.units = 2}),
  });
  model.save(folder + "/subclassing.unspool");
  const Model loaded = load_model(folder + "/subclassing.unspool");
  const Tensor x = random_normal({3, 4});
  check(same(loaded.predict(x), model.predict(x)));
}

// What a layer does in training only.
class CustomDropout : public Layer {
 public:
  explicit CustomDropout(double rate) : rate_(rate) {}
  Tensor call(const Tensor& inputs, const CallArgs& args) override {
    if (!args.training) return inputs;
    return unspool::dropout(inputs, rate_);
  }

 private:
  double rate_;
};

// A layer gets the mask of its input in args.mask: here for the mean over the steps that are there.
class MaskedMean : public Layer {
 public:
  Tensor call(const Tensor& inputs, const CallArgs& args) override {
    if (!args.mask) return mean(inputs, 1);
    const Tensor kept = expand_dims(cast(args.mask, float32), -1);
    return sum(inputs * kept, 1) / sum(kept, 1);
  }
};

void training_and_mask() {
  const auto dropout = make<CustomDropout>(0.5);
  const Tensor x = ones({100, 100});
  check(same(dropout(x), x));
  const Tensor dropped = dropout(x, {.training = true});
  check(near(double(mean(dropped)), 1, 0.1));
  check(near(double(max(dropped)), 2) && near(double(min(dropped)), 0));

  // fit() trains with dropout, predict() does without.
  Sequential model({Input({.shape = {100}}), dropout, Dense(1)});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  model.fit(x, slice(x, 1, 0, 1), {.verbose = 0});
  check(same(model.predict(x), model.predict(x)));

  const Sequential masked({
      Embedding({.input_dim = 10, .output_dim = 4, .mask_zero = true}),
      make<MaskedMean>(),
  });
  const Tensor short_one = masked(Tensor::of<std::int32_t>({{3, 5}}));
  check(near(masked(Tensor::of<std::int32_t>({{3, 5, 0, 0}})), short_one));
}

// A model of your own is a layer as well: Model(make<ResNet>(...)) adds fit(), evaluate(), predict(),
// summary() and save(). Its blocks here are recurrent layers with a residual connection.
class ResidualBlock : public Layer {
 public:
  explicit ResidualBlock(Index units)
      : rnn_(add_layer("rnn", GRU({.units = units, .return_sequences = true}))) {}
  Tensor call(const Tensor& x, const CallArgs&) override { return x + rnn_(x); }

 private:
  Ref<layers::GRU> rnn_;
};

class ResNet : public Layer {
 public:
  explicit ResNet(Index num_classes = 10) : classifier_(add_layer("classifier", Dense(num_classes))) {}
  Tensor call(const Tensor& inputs, const CallArgs&) override {
    Tensor x = block_1_(inputs);
    x = block_2_(x);
    x = global_pool_(x);
    return classifier_(x);
  }

 private:
  Ref<ResidualBlock> block_1_ = add_layer("block_1", make<ResidualBlock>(8));
  Ref<ResidualBlock> block_2_ = add_layer("block_2", make<ResidualBlock>(8));
  Ref<layers::GlobalAveragePooling1D> global_pool_ = add_layer("global_pool", GlobalAveragePooling1D());
  Ref<layers::Dense> classifier_;
};

struct Digits {
  Tensor images;  // (1797, 64), 0 to 1
  Tensor labels;  // (1797), int32
};

Digits read_digits() {
  const Tensor table = read_csv("examples/data/digits.csv");
  return {slice(table, 1, 0, 64) / 16, cast(squeeze(slice(table, 1, 64, 65)), int32)};
}

void models(const Digits& digits, const std::string& folder) {
  const Tensor x = reshape(digits.images, {-1, 8, 8});
  Model resnet(make<ResNet>(10));
  resnet.compile({.optimizer = Adam(0.01),
                  .loss = SparseCategoricalCrossentropy({.from_logits = true}),
                  .metrics = {"accuracy"}});
  const History history = resnet.fit(x, digits.labels, {.epochs = 5, .verbose = 0});
  std::cout << "accuracy of the residual network: " << history["accuracy"].back() << '\n';
  check(history["accuracy"].back() > 0.6);
  check(resnet.layers().size() == 4);

  resnet.save_weights(folder + "/resnet.weights");
  Model other(make<ResNet>(10));
  other(slice(x, 0, 0, 1));  // The first call makes the weights.
  other.load_weights(folder + "/resnet.weights");
  check(same(other.predict(x), resnet.predict(x)));
}

// All of it in one example, a variational autoencoder (Kingma and Welling 2013): an encoder turns a digit
// into the mean and the variance of a short code, a code is drawn, and a decoder turns it into a digit.
class Sampling : public Layer {
 public:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs&) override {
    const Tensor& z_mean = inputs[0];
    const Tensor& z_log_var = inputs[1];
    const Tensor epsilon = random_normal(z_mean.shape());
    return {z_mean + exp(0.5 * z_log_var) * epsilon};
  }
};

class Encoder : public Layer {
 public:
  Encoder(Index latent_dim, Index intermediate_dim, LayerOptions options = {.name = "encoder"})
      : Layer(std::move(options)),
        dense_proj_(add_layer("dense_proj", Dense(intermediate_dim, "relu"))),
        dense_mean_(add_layer("dense_mean", Dense(latent_dim))),
        dense_log_var_(add_layer("dense_log_var", Dense(latent_dim))),
        sampling_(add_layer("sampling", make<Sampling>())) {}

  /// The mean, the logarithm of the variance, and a code.
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs&) override {
    const Tensor x = dense_proj_(inputs[0]);
    const Tensor z_mean = dense_mean_(x);
    const Tensor z_log_var = dense_log_var_(x);
    const Tensor z = sampling_({z_mean, z_log_var});
    return {z_mean, z_log_var, z};
  }

 private:
  Ref<layers::Dense> dense_proj_, dense_mean_, dense_log_var_;
  Ref<Sampling> sampling_;
};

class Decoder : public Layer {
 public:
  Decoder(Index original_dim, Index intermediate_dim, LayerOptions options = {.name = "decoder"})
      : Layer(std::move(options)),
        dense_proj_(add_layer("dense_proj", Dense(intermediate_dim, "relu"))),
        dense_output_(add_layer("dense_output", Dense(original_dim, "sigmoid"))) {}
  Tensor call(const Tensor& inputs, const CallArgs&) override { return dense_output_(dense_proj_(inputs)); }

 private:
  Ref<layers::Dense> dense_proj_, dense_output_;
};

class VariationalAutoEncoder : public Layer {
 public:
  explicit VariationalAutoEncoder(Index original_dim, Index intermediate_dim = 64, Index latent_dim = 32,
                                  LayerOptions options = {.name = "autoencoder"})
      : Layer(std::move(options)),
        encoder_(add_layer("encoder", make<Encoder>(latent_dim, intermediate_dim))),
        decoder_(add_layer("decoder", make<Decoder>(original_dim, intermediate_dim))) {}

  Tensor call(const Tensor& inputs, const CallArgs&) override {
    const auto [z_mean, z_log_var, z] = unpack<3>(encoder_(inputs));
    const Tensor reconstructed = decoder_(z);
    // How far the codes are from a standard normal distribution.
    add_loss(-0.5 * mean(z_log_var - square(z_mean) - exp(z_log_var) + 1));
    return reconstructed;
  }

 private:
  Ref<Encoder> encoder_;
  Ref<Decoder> decoder_;
};

void end_to_end(const Digits& digits) {
  const Index original_dim = 64;
  const Tensor& x_train = digits.images;
  const auto vae = make<VariationalAutoEncoder>(original_dim, 64, 16);

  const Optimizer optimizer = Adam(1e-3);
  const Loss mse_loss_fn = MeanSquaredError();
  Mean loss_metric;
  std::vector<double> means;
  for (Index epoch = 0; epoch < 2; ++epoch) {
    const Tensor shuffled = shuffle(x_train);
    for (Index first = 0, step = 0; first < shuffled.shape()[0]; first += 64, ++step) {
      const Tensor x_batch_train = slice(shuffled, {{first, first + 64}});
      GradientTape tape;
      const Tensor reconstructed = vae(x_batch_train);
      Tensor loss = mse_loss_fn(x_batch_train, reconstructed);
      for (const Tensor& added : vae.losses()) loss += added;
      const auto grads = tape.gradient(loss, vae.trainable_weights());
      optimizer.apply(grads, vae.trainable_weights());

      loss_metric.update_state(loss);
      if (step % 10 == 0) std::cout << "step " << step << ": mean loss = " << loss_metric.result() << '\n';
    }
    means.push_back(loss_metric.result());
    loss_metric.reset_state();
  }
  check(means[1] < means[0]);

  // As a Model it trains with fit().
  Model model(make<VariationalAutoEncoder>(original_dim, 64, 16));
  model.compile({.optimizer = Adam(1e-3), .loss = MeanSquaredError()});
  const History history = model.fit(x_train, x_train, {.batch_size = 64, .epochs = 2, .verbose = 0});
  check(history["loss"][1] < history["loss"][0]);
  check(model.predict(x_train).shape() == x_train.shape());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = guide::folder(argc, argv);
  set_seed(1);
  own_layers();
  weights_that_are_not_trained();
  deferred_weights();
  layers_within_layers();
  losses_of_layers();
  configs(folder);
  training_and_mask();
  const Digits digits = read_digits();
  models(digits, folder);
  end_to_end(digits);
  std::cout << "making_new_layers_and_models_via_subclassing: all checks hold\n";
}
