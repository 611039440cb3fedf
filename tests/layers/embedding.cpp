#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("Embedding looks rows up") {
  const Ref<layers::Embedding> embedding =
      Embedding({.input_dim = 3, .output_dim = 2, .weights = Tensor::of({{0, 1}, {2, 3}, {4, 5}})});
  const Tensor ids = Tensor::of<std::int32_t>({{2, 0}, {1, 1}});
  CHECK(near(embedding(ids), {4, 5, 0, 1, 2, 3, 2, 3}));
  CHECK(embedding(cast(ids, int64)).shape() == Shape{2, 2, 2});
  // Keras cuts other numbers to integers.
  CHECK(near(embedding(Tensor::of({{1.9}})), {2, 3}));
  CHECK(embedding(Tensor::zeros({4}, int32)).shape() == Shape{4, 2});
  CHECK_FALSE(mask_of(embedding(ids)));
  CHECK(embedding->compute_output_shape({unknown, unknown}) == Shape{unknown, unknown, 2});
  CHECK(paths_of(embedding->weights()) == std::vector<std::string>{embedding->name() + "/embeddings"});
}

TEST_CASE("Embedding: id 0 is masked if it says so, and looked up all the same") {
  const Ref<layers::Embedding> embedding =
      Embedding({.input_dim = 2, .output_dim = 1, .mask_zero = true, .weights = Tensor::of({{7}, {8}})});
  const Tensor y = embedding(Tensor::of<std::int32_t>({{1, 0, 1}}));
  CHECK(near(y, {8, 7, 8}));
  CHECK(mask_of(y).to_vector<int>() == std::vector<int>{1, 0, 1});
}

TEST_CASE("an Embedding's mask reaches a recurrent layer that is given its first state, too") {
  // What Keras 3 loses: 3 in place of 2.
  const Ref<layers::Embedding> embedding =
      Embedding({.input_dim = 2, .output_dim = 1, .embeddings_initializer = "ones", .mask_zero = true});
  const Ref<layers::SimpleRNN> sum_of_steps = SimpleRNN(
      {.units = 1, .activation = "linear", .kernel_initializer = "ones", .recurrent_initializer = "ones"});
  const Tensor x = embedding(Tensor::of<std::int32_t>({{1, 1, 0}}));
  CHECK(near(sum_of_steps(x), {2}));
  CHECK(near(sum_of_steps(x, {.initial_state = {Tensor::zeros({1, 1})}}), {2}));
}

TEST_CASE("the gradient of an Embedding's table is dense, and repeated ids add up") {
  const Ref<layers::Embedding> embedding = Embedding({.input_dim = 3, .output_dim = 2});
  embedding->build_once(Shape{unknown});
  GradientTape tape;
  const Tensor y = embedding(Tensor::of<std::int32_t>({1, 1, 0}));
  const Tensor gradient = tape.gradient(y, embedding->weights()[0]);
  CHECK(near(gradient, {1, 1, 2, 2, 0, 0}));
}

TEST_CASE("errors of Embedding") {
  CHECK(contains(message_of<ValueError>([] { Embedding({.input_dim = 0, .output_dim = 2}); }),
                 "input_dim: expected a positive number, got 0"));
  CHECK(contains(message_of<ValueError>([] { Embedding({.input_dim = 2, .output_dim = -1}); }),
                 "output_dim: expected a positive number, got -1"));
  const Ref<layers::Embedding> embedding = Embedding({.input_dim = 3, .output_dim = 2, .name = "words"});
  for (const std::int32_t id : {3, -1}) {
    const std::string message = message_of<IndexError>([&] {
      embedding(Tensor::of<std::int32_t>({{0, id}}));
    });
    CHECK(contains(message, "words: expected ids from 0 to 2 (input_dim is 3), got " + std::to_string(id)));
    CHECK(contains(message, "int32[1, 2]"));
  }
  const std::string shape = message_of<ValueError>([] {
    Embedding({.input_dim = 2, .output_dim = 2, .weights = Tensor::ones({2, 3}), .name = "e"})(
        Tensor::zeros({1}, int32));
  });
  CHECK(contains(shape, "the layer e expected weights of shape [2, 2], got float32[2, 3]"));
}
