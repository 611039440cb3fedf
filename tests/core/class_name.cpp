#include <doctest/doctest.h>
#include <utility>
#include <vector>

#include <unspool/core/class_name.h>

using namespace unspool;

namespace {

template <class T>
struct Wrapper {};
struct Inner {};

}  // namespace

TEST_CASE("class names become snake case by Keras' rule") {
  // What Keras 3 gives.
  const std::vector<std::pair<std::string, std::string>> known = {
      {"SimpleRNN", "simple_rnn"},
      {"SimpleRNNCell", "simple_rnn_cell"},
      {"LSTM", "lstm"},
      {"GRUCell", "gru_cell"},
      {"TimeDistributed", "time_distributed"},
      {"StackedRNNCells", "stacked_rnn_cells"},
      {"ConvLSTM2D", "conv_lstm2d"},
      {"MyABCLayer2", "my_abc_layer2"},
      {"Dense", "dense"},
      {"L1L2", "l1l2"},
      {"OrthogonalRegularizer", "orthogonal_regularizer"},
      {"A", "a"},
      {"", ""},
      {"already_snake", "already_snake"},
      {"with space", "withspace"},
  };
  for (const auto& [name, snake] : known) CHECK(to_snake_case(name) == snake);
}

TEST_CASE("a class is named without its namespaces and arguments") {
  struct Local {};
  CHECK(class_name_of(typeid(std::string_view)) == "basic_string_view");
  CHECK(class_name_of(typeid(Wrapper<Inner>)) == "Wrapper");
  CHECK(class_name_of(typeid(Wrapper<Wrapper<Inner>>)) == "Wrapper");
  CHECK(class_name_of(typeid(Inner)) == "Inner");
  CHECK(class_name_of(typeid(Local)) == "Local");
}
