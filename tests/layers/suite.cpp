#include <functional>
#include <map>

#include <unspool/core/registry.h>
#include <unspool/layers/check_layer.h>
#include <unspool/layers/functional.h>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// A layer of a registered class, and what check_layer() is to know of it.
struct Case {
  Ref<Layer> layer;
  CheckLayerOptions options;
};

const std::vector<Shape> sequence = {{2, 4, 3}};
const std::vector<Shape> two_sequences = {{2, 4, 3}, {2, 4, 3}};

Case shared(const Ref<Layer>& layer, std::vector<Shape> shapes = sequence) {
  return {layer, {.input_shapes = std::move(shapes)}};
}
/// A layer whose weights have the size of the axis behind the batch.
Case fixed_length(const Ref<Layer>& layer, std::vector<Shape> shapes = sequence) {
  return {layer, {.input_shapes = std::move(shapes), .any_length = false}};
}

Ref<Layer> sequential(const std::vector<Ref<Layer>>& layers) {
  return make<layers::Sequential>(SequentialOptions{}, layers::Sequential::Input{}, layers);
}

/// Two sequences, a shared layer, an operation, and the mask of one sequence for the other.
Ref<Layer> functional() {
  const Tensor a = Input({.shape = {unknown, 3}});
  const Tensor b = Input({.shape = {unknown, 3}});
  const Ref<layers::Dense> dense = Dense({.units = 3, .activation = "tanh"});
  const Tensor y = SimpleRNN({.units = 2, .return_sequences = true})(dense(a) * 2 + dense(b));
  return make<layers::Functional>(std::vector<Tensor>{a, b}, std::vector<Tensor>{y, dense(b)});
}

/// At least one layer of every class of the registry; of a cell, an RNN around it.
std::map<std::string, std::vector<Case>> all_cases() {
  register_lambda("suite>square", [](const Tensor& x) { return square(x); });
  const RNNOptions both = {.return_sequences = true, .return_state = true};
  const std::vector<Shape> attended = {{2, 4, 3}, {2, 4, 5}, {2, 4, 3}};
  return {
      {"Activation", {shared(ActivationLayer({.activation = "tanh"}))}},
      {"ActivityRegularization", {shared(ActivityRegularization({.l1 = 0.1, .l2 = 0.2}))}},
      {"Add", {shared(Add(), two_sequences), fixed_length(Add(), {{2, 4, 3}, {2, 1, 3}})}},
      {"AdditiveAttention", {shared(AdditiveAttention({.dropout = 0.3}), attended)}},
      {"Attention",
       {shared(Attention({.use_scale = true}), two_sequences),
        shared(Attention({.score_mode = "concat", .dropout = 0.3, .return_attention_scores = true}),
               attended),
        // Where nothing is left to see the numbers are so large that differences say nothing.
        {Attention({.use_causal_mask = true}), {.input_shapes = two_sequences, .masks = false}}}},
      {"Average", {shared(Average(), two_sequences)}},
      {"BatchNormalization",
       {shared(BatchNormalization()),
        {BatchNormalization({.renorm = true}), {.input_shapes = {{5, 3}}, .gradients_in_training = false}},
        fixed_length(BatchNormalization({.axis = 1}), {{3, 2, 4, 2}})}},
      {"Bidirectional",
       {shared(Bidirectional(LSTM({.units = 2, .return_sequences = true}))),
        shared(Bidirectional(GRU({.units = 2}), {.merge_mode = "sum"}))}},
      {"Concatenate",
       {shared(Concatenate(), {{2, 4, 3}, {2, 4, 2}}),
        shared(Concatenate({.axis = 1}), {{2, 4, 3}, {2, 2, 3}})}},
      {"Dense", {shared(Dense({.units = 2, .activation = "tanh", .kernel_regularizer = "l2"}))}},
      {"Discretization",
       {{Discretization({.bin_boundaries = {-0.5, 0.5}}), {.input_shapes = sequence, .gradients = false}},
        {Discretization({.bin_boundaries = {-0.5, 0.5}, .output_mode = "one_hot"}),
         {.input_shapes = sequence, .gradients = false}}}},
      {"Dot",
       {shared(Dot({.axes = 2}), two_sequences),
        fixed_length(Dot({.axes = 1, .normalize = true}), {{2, 3}, {2, 3}})}},
      {"Dropout",
       {shared(Dropout({.rate = 0.4})), shared(Dropout({.rate = 0.4, .noise_shape = {-1, 1, -1}}))}},
      {"ELU", {shared(ELU())}},
      {"Embedding",
       {{Embedding({.input_dim = 5, .output_dim = 3, .mask_zero = true}),
         {.input_shapes = {{2, 4}}, .ids = 5}},
        {Embedding({.input_dim = 5, .output_dim = 3}), {.input_shapes = {{2, 4, 2}}, .ids = 5}}}},
      {"Flatten", {shared(Flatten()), shared(Flatten({.data_format = "channels_first"}), {{2, 3, 4, 2}})}},
      {"Functional", {shared(functional(), two_sequences)}},
      {"GRU",
       {shared(GRU({.units = 2, .return_sequences = true})),
        shared(GRU({.units = 2, .reset_after = false}))}},
      {"GRUCell", {shared(RNN(GRUCell({.units = 2}), both))}},
      {"GaussianNoise", {shared(GaussianNoise({.stddev = 0.4}))}},
      {"GlobalAveragePooling1D",
       {shared(GlobalAveragePooling1D()), shared(GlobalAveragePooling1D({.keepdims = true}))}},
      {"GlobalMaxPooling1D", {shared(GlobalMaxPooling1D())}},
      {"LSTM",
       {shared(LSTM({.units = 2, .return_state = true})), shared(LSTM({.units = 2, .go_backwards = true}))}},
      {"LSTMCell", {shared(RNN(LSTMCell({.units = 2}), both))}},
      {"Lambda", {shared(Lambda({.function = "suite>square"}))}},
      {"LayerNormalization",
       {shared(LayerNormalization()), fixed_length(LayerNormalization({.axis = {1, 2}, .center = false}))}},
      {"LeakyReLU", {shared(LeakyReLU())}},
      {"Masking", {shared(Masking())}},
      {"Maximum", {shared(Maximum(), two_sequences)}},
      {"Minimum", {shared(Minimum(), two_sequences)}},
      {"Multiply", {shared(Multiply(), two_sequences)}},
      {"Normalization", {shared(Normalization({.mean = {0.5, -0.5, 1}, .variance = {2, 0.5, 1}}))}},
      {"PReLU", {fixed_length(PReLU()), shared(PReLU({.shared_axes = 1}))}},
      {"Permute", {shared(Permute({.dims = {2, 1}}))}},
      {"RMSNormalization", {shared(RMSNormalization())}},
      {"RNN", {shared(RNN(SimpleRNNCell({.units = 2}), both))}},
      {"ReLU", {shared(ReLU({.max_value = 0.8, .negative_slope = 0.1}))}},
      {"RepeatVector", {shared(RepeatVector({.n = 3}), {{2, 4}})}},
      {"Rescaling", {shared(Rescaling({.scale = 2.0, .offset = -1.0}))}},
      {"Reshape", {shared(Reshape({.target_shape = {3, -1}}))}},
      {"Sequential",
       {shared(sequential({Dense({.units = 2}), LayerNormalization(), SimpleRNN({.units = 3})})),
        shared(sequential({Masking(), Dense({.units = 2})})),
        {sequential({Embedding({.input_dim = 5, .output_dim = 2, .mask_zero = true}), LSTM({.units = 2})}),
         {.input_shapes = {{2, 4}}, .ids = 5}}}},
      {"SimpleRNN",
       {shared(SimpleRNN({.units = 2, .return_sequences = true, .zero_output_for_mask = true}))}},
      {"SimpleRNNCell", {shared(RNN(SimpleRNNCell({.units = 2, .dropout = 0.3, .recurrent_dropout = 0.3})))}},
      {"Softmax", {shared(Softmax()), shared(Softmax({.axis = {1, 2}}))}},
      {"SpatialDropout1D", {shared(SpatialDropout1D({.rate = 0.4}))}},
      {"StackedRNNCells", {shared(RNN({SimpleRNNCell({.units = 2}), GRUCell({.units = 3})}, both))}},
      {"Subtract", {shared(Subtract(), two_sequences)}},
      {"TimeDistributed",
       {shared(TimeDistributed(Dense({.units = 2}))),
        shared(TimeDistributed(sequential({Dense({.units = 2}), Dense({.units = 1})})))}},
      {"UnitNormalization", {shared(UnitNormalization())}},
  };
}

/// The classes of the library: those of users have a '>' in their names.
std::vector<std::string> built_in_classes() {
  std::vector<std::string> names = layer_registry().names();
  std::erase_if(names, [](const std::string& name) { return contains(name, ">"); });
  return names;
}

/// `config`, and each time one of the values in it is another.
std::vector<Config> mutations_of(const Config& config) {
  if (config.is_map()) {
    std::vector<Config> all;
    for (const auto& [key, value] : config.items()) {
      for (const Config& other : mutations_of(value)) all.push_back(Config(config).set(key, other));
    }
    return all;
  }
  if (config.is_list() && !config.empty()) {
    std::vector<Config> all;
    for (std::size_t i = 0; i < config.size(); ++i) {
      for (const Config& other : mutations_of(config[i])) {
        std::vector<Config> elements = config.elements();
        elements[i] = other;
        all.push_back(Config::list(std::move(elements)));
      }
    }
    return all;
  }
  return {Config(),
          true,
          0,
          -1,
          7,
          2.5,
          -1e300,
          std::nan(""),
          "no such thing",
          Config::list(),
          Config::list({1, -1}),
          Config::map(),
          Config::map({{"class_name", "Nothing"}})};
}

}  // namespace

TEST_CASE("a config with a wrong value makes a layer, or a TypeError; that layer runs, or says why not") {
  std::size_t refused = 0;
  for (const auto& entry : all_cases()) {
    const std::string& name = entry.first;  // A name of a binding is nothing that clang 14 captures.
    const Case& one = entry.second.front();
    Config serialized = serialize_layer(*one.layer).erase("build_config");
    std::vector<Tensor> inputs;
    for (const Shape& shape : one.options.input_shapes) {
      inputs.push_back(one.options.ids > 0 ? Tensor::zeros(shape, int32) : some(shape, float32));
    }
    for (const Config& config : mutations_of(serialized["config"])) {
      const Config mutated = Config(serialized).set("config", config);
      try {
        const Ref<Layer> layer = layer_from_config(mutated);
        try {
          layer(inputs);
        } catch (const Error& error) {
          CHECK_MESSAGE(contains(error.what(), layer->name()), name << ": " << error.what());
        }
      } catch (const TypeError& error) {
        ++refused;
        CHECK_MESSAGE(
            contains(error.what(), "expected a config of the class " + one.layer->class_name() + ", got"),
            name << ": " << error.what());
      } catch (const std::exception& error) {
        FAIL_CHECK(name << ", " << config.describe() << ", another kind of error: " << error.what());
      }
    }
  }
  CHECK(refused > 1000);
}

TEST_CASE("every class of the registry goes through check_layer") {
  const std::map<std::string, std::vector<Case>> cases = all_cases();
  for (const std::string& name : built_in_classes()) {
    const auto found = cases.find(name);
    CHECK_MESSAGE(found != cases.end(), "no case for the class " << name << ": add one to all_cases()");
    if (found == cases.end()) continue;
    for (const Case& one : found->second) {
      const CheckReport report = check_layer(one.layer, one.options);
      CHECK_MESSAGE(report, name << ": " << to_string(report));
      CHECK(report.checks > 50);
    }
  }
}
