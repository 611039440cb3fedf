// Sequences of different lengths: padding them to one length, and masks that tell layers which steps to skip.
// The blocks have the order of Keras' guide of that name.
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <vector>

#include <unspool/unspool.h>

#include "check.h"

using namespace unspool;
using guide::check;
using guide::near;
using guide::same;

namespace {

// A batch is one tensor, so its sequences need one length: shorter ones are filled with a value, here at the
// end.
Tensor pad_sequences(const std::vector<std::vector<std::int32_t>>& sequences, std::int32_t value = 0) {
  std::size_t longest = 0;
  for (const auto& sequence : sequences) longest = std::max(longest, sequence.size());
  std::vector<std::int32_t> padded;
  for (const auto& sequence : sequences) {
    padded.insert(padded.end(), sequence.begin(), sequence.end());
    padded.resize(padded.size() + longest - sequence.size(), value);
  }
  return Tensor::from(padded, {static_cast<Index>(sequences.size()), static_cast<Index>(longest)});
}

Tensor padding() {
  // Three sentences, whose words are numbers.
  const std::vector<std::vector<std::int32_t>> raw_inputs = {
      {711, 632, 71},
      {73, 8, 3215, 55, 927},
      {83, 91, 1, 645, 1253, 927},
  };
  const Tensor padded_inputs = pad_sequences(raw_inputs);
  std::cout << padded_inputs << '\n';
  check(padded_inputs.shape() == Shape{3, 6});
  check(same(padded_inputs[0], Tensor::of<std::int32_t>({711, 632, 71, 0, 0, 0})));
  return padded_inputs;
}

// There are three ways to say what is padding: an Embedding with mask_zero, a Masking layer, and the argument
// mask of a call. The first two attach the mask to their output: true where there is a word.
Tensor layers_that_make_masks(const Tensor& padded_inputs) {
  const auto embedding = Embedding({.input_dim = 5000, .output_dim = 16, .mask_zero = true});
  const Tensor masked_output = embedding(padded_inputs);
  std::cout << mask_of(masked_output) << '\n';
  const Tensor expected = Tensor::of<bool>({{1, 1, 1, 0, 0, 0}, {1, 1, 1, 1, 1, 0}, {1, 1, 1, 1, 1, 1}});
  check(same(mask_of(masked_output), expected));

  // Masking masks the steps all of whose features are 0. This stands for an embedding with ten features.
  const auto masking_layer = Masking();
  const Tensor unmasked_embedding = cast(tile(expand_dims(padded_inputs, -1), {1, 1, 10}), float32);
  const Tensor masked_embedding = masking_layer(unmasked_embedding);
  std::cout << mask_of(masked_embedding) << '\n';
  check(same(mask_of(masked_embedding), expected));
  check(!mask_of(unmasked_embedding));
  return masked_embedding;
}

// In a Sequential and in a functional model the mask goes from layer to layer, to those that use it.
void masks_in_models(const Tensor& padded_inputs) {
  const Sequential sequential({
      Embedding({.input_dim = 5000, .output_dim = 16, .mask_zero = true}),
      LSTM(32),
  });
  const Tensor y = sequential.predict(padded_inputs);

  const Tensor inputs = Input({.shape = {None}, .dtype = int32});
  const Tensor x = Embedding({.input_dim = 5000, .output_dim = 16, .mask_zero = true})(inputs);
  const Model functional(inputs, LSTM(32)(x));
  functional.set_weights(sequential.get_weights());
  check(same(functional.predict(padded_inputs), y));

  // Padding changes nothing: the first sentence without it has the same output.
  check(near(sequential.predict(slice(padded_inputs, {{0, 1}, {0, 3}})), slice(y, 0, 0, 1)));
}

// A layer that uses masks can be given one; a layer that makes masks can be asked for it.
class MyLayer : public Layer {
 public:
  Tensor call(const Tensor& inputs, const CallArgs&) override {
    const Tensor x = embedding_(inputs);
    // A mask can be made by hand as well: it is a bool tensor of shape (batch, time).
    const Tensor mask = embedding_->compute_mask({inputs}, {});
    return lstm_(x, {.mask = mask});
  }

 private:
  Ref<layers::Embedding> embedding_ =
      add_layer("embedding", Embedding({.input_dim = 5000, .output_dim = 16, .mask_zero = true}));
  Ref<layers::LSTM> lstm_ = add_layer("lstm", LSTM(32));
};

void masks_by_hand() {
  const auto layer = make<MyLayer>();
  const Tensor words = pad_sequences({{4, 8, 15}, {16, 23, 42, 4, 8}});
  const Tensor y = layer(words);
  check(y.shape() == Shape{2, 32});
  check(near(layer(pad_sequences({{4, 8, 15}}))[0], y[0]));
  check(layer.weights().size() == 4);

  // What is masked has no effect.
  const auto lstm = LSTM(4);
  const Tensor sequence = random_normal({2, 6, 3});
  const Tensor mask = Tensor::of<bool>({{1, 1, 0, 1, 0, 0}, {1, 1, 1, 1, 1, 1}});
  const Tensor other = where(expand_dims(mask, -1), sequence, 7);
  check(same(lstm(sequence, {.mask = mask}), lstm(other, {.mask = mask})));
  check(!near(lstm(sequence), lstm(other), 1e-6));
}

// A layer that changes the time dimension says what becomes of the mask: this one halves both.
class TemporalSplit : public Layer {
 public:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs&) override {
    return split(inputs[0], 2, 1);
  }
  std::vector<Tensor> compute_masks(const std::vector<Tensor>&, const Tensor& mask) override {
    if (!mask) return {};
    return split(mask, 2, 1);
  }
};

// A layer can make a mask from the values of its input.
class CustomEmbedding : public Layer {
 public:
  CustomEmbedding(Index input_dim, Index output_dim, bool mask_zero = false)
      : input_dim_(input_dim), output_dim_(output_dim), mask_zero_(mask_zero) {}

  void build(const Shape&) override {
    embeddings_ = add_weight(
        {.name = "embeddings", .shape = {input_dim_, output_dim_}, .initializer = "random_normal"});
  }
  Tensor call(const Tensor& inputs, const CallArgs&) override { return gather(embeddings_, inputs); }
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor&) override {
    if (!mask_zero_) return {};
    return not_equal(inputs[0], 0);
  }

 private:
  Index input_dim_, output_dim_;
  bool mask_zero_;
  Variable embeddings_;
};

void masks_of_layers_of_your_own(const Tensor& masked_embedding) {
  const auto [first_half, second_half] = unpack<2>(make<TemporalSplit>()(masked_embedding));
  std::cout << mask_of(first_half) << '\n' << mask_of(second_half) << '\n';
  check(first_half.shape() == Shape{3, 3, 10});
  check(same(mask_of(first_half), Tensor::of<bool>({{1, 1, 1}, {1, 1, 1}, {1, 1, 1}})));
  check(same(mask_of(second_half), Tensor::of<bool>({{0, 0, 0}, {1, 1, 0}, {1, 1, 1}})));

  const auto layer = make<CustomEmbedding>(10, 32, true);
  const Tensor x = cast(random_uniform({3, 10}) * 9, int32);
  const Tensor y = layer(x);
  const Tensor mask = layer->compute_mask({x}, {});
  std::cout << mask << '\n';
  check(y.shape() == Shape{3, 10, 32});
  check(same(mask, not_equal(x, 0)) && same(mask_of(y), mask));
}

// A layer of your own drops the mask, since only its author knows whether it still fits. One that leaves the
// steps as they are passes it on by supports_masking().
class MyActivation : public Layer {
 public:
  bool supports_masking() const override { return true; }
  Tensor call(const Tensor& x, const CallArgs&) override { return relu(x); }
};

void passing_masks_on() {
  const Tensor inputs = Input({.shape = {None}, .dtype = int32});
  Tensor x = Embedding({.input_dim = 5000, .output_dim = 16, .mask_zero = true})(inputs);
  x = make<MyActivation>()(x);
  std::cout << "the mask: " << describe(mask_of(x)) << '\n';
  check(mask_of(x).shape() == Shape{None, None} && mask_of(x).dtype() == boolean);
  const Model model(inputs, LSTM(32)(x));
  const Tensor words = Tensor::of<std::int32_t>({{5, 6, 7, 0, 0}});
  check(near(model.predict(words), model.predict(slice(words, 1, 0, 3))));
}

// A layer gets the mask of its input in args.mask. This one is a softmax over time, of the steps that are
// there.
class TemporalSoftmax : public Layer {
 public:
  Tensor call(const Tensor& inputs, const CallArgs& args) override {
    const Tensor kept = expand_dims(cast(args.mask, float32), -1);
    const Tensor inputs_exp = exp(inputs) * kept;
    return inputs_exp / sum(inputs_exp, 1, true);
  }
};

void using_masks() {
  const Tensor inputs = Input({.shape = {None}, .dtype = int32});
  Tensor x = Embedding({.input_dim = 10, .output_dim = 32, .mask_zero = true})(inputs);
  x = Dense(1)(x);
  const Model model(inputs, make<TemporalSoftmax>()(x));

  const Tensor words = random_integers({32, 100}, 0, 10);
  const Tensor y = model(words);
  check(y.shape() == Shape{32, 100, 1});
  check(near(sum(y, 1), ones({32, 1})));
  check(same(squeeze(y) > 0, not_equal(words, 0)));
}

}  // namespace

int main() {
  set_seed(1);
  const Tensor padded_inputs = padding();
  const Tensor masked_embedding = layers_that_make_masks(padded_inputs);
  masks_in_models(padded_inputs);
  masks_by_hand();
  masks_of_layers_of_your_own(masked_embedding);
  passing_masks_on();
  using_masks();
  std::cout << "understanding_masking_and_padding: all checks hold\n";
}
