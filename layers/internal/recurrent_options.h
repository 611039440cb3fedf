#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <tuple>

#include <unspool/core/error.h>
#include <unspool/core/fields.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/dropout_cell.h>
#include <unspool/layers/internal/dropout.h>

/// What the options of SimpleRNN, LSTM, GRU and their cells have in common. Each lists its own fields, flat
/// and in the order of Keras' signature; their descriptions and what is made of them stand here once.
namespace unspool::internal {

/// units ... recurrent_dropout, with those of the fields between that O has.
template <class O>
auto cell_fields() {
  const auto first = std::tuple(field("units", &O::units, "the size of the state"),
                                field("activation", &O::activation, "of the new state"));
  const auto gates = [] {
    if constexpr (requires { &O::recurrent_activation; }) {
      return std::tuple(field("recurrent_activation", &O::recurrent_activation, "of the gates"));
    } else {
      return std::tuple();
    }
  }();
  const auto initializers =
      std::tuple(field("use_bias", &O::use_bias, "whether a bias is added"),
                 field("kernel_initializer", &O::kernel_initializer, "of the kernel"),
                 field("recurrent_initializer", &O::recurrent_initializer, "of the recurrent kernel"),
                 field("bias_initializer", &O::bias_initializer, "of the bias"));
  const auto forget = [] {
    if constexpr (requires { &O::unit_forget_bias; }) {
      return std::tuple(field("unit_forget_bias", &O::unit_forget_bias,
                              "the bias of the forget gate starts at 1, so that states are kept"));
    } else {
      return std::tuple();
    }
  }();
  const auto regularizers = std::tuple(
      field("kernel_regularizer", &O::kernel_regularizer, "a penalty on the kernel"),
      field("recurrent_regularizer", &O::recurrent_regularizer, "a penalty on the recurrent kernel"),
      field("bias_regularizer", &O::bias_regularizer, "a penalty on the bias"));
  const auto activity = [] {
    if constexpr (requires { &O::activity_regularizer; }) {
      return std::tuple(field("activity_regularizer", &O::activity_regularizer, "a penalty on the outputs"));
    } else {
      return std::tuple();
    }
  }();
  const auto rest = std::tuple(
      field("kernel_constraint", &O::kernel_constraint, "on the kernel after each update"),
      field("recurrent_constraint", &O::recurrent_constraint, "on the recurrent kernel after each update"),
      field("bias_constraint", &O::bias_constraint, "on the bias after each update"),
      field("dropout", &O::dropout, "the part of the input that a training call leaves out"),
      field("recurrent_dropout", &O::recurrent_dropout,
            "the part of the state that a training call leaves out"));
  return std::tuple_cat(first, gates, initializers, forget, regularizers, activity, rest);
}

template <class O>
auto seed_field() {
  return std::tuple(field("seed", &O::seed, "makes dropout repeat"));
}

template <class O>
auto reset_after_field() {
  return std::tuple(field("reset_after", &O::reset_after,
                          "the reset gate acts on the state's product, not on the state; two biases"));
}

/// Keras never writes it, and reads it.
template <class O>
auto implementation_field() {
  return std::tuple(field("implementation", &O::implementation,
                          "1: a dropout mask for each gate; 2: one for all, unless the state is dropped too")
                        .unless_default());
}

/// return_sequences ... unroll.
template <class O>
auto loop_fields() {
  return std::tuple(
      field("return_sequences", &O::return_sequences, "the outputs of all steps, not of the last alone"),
      field("return_state", &O::return_state, "the last states come after the output"),
      field("go_backwards", &O::go_backwards, "from the last step to the first; outputs stay in that order"),
      field("stateful", &O::stateful, "the next call starts with the states that this one ends with"),
      field("unroll", &O::unroll, "each step is recorded by itself"));
}

/// Keras 3 has neither time_major nor recompute_every: configs without them are Keras'.
template <class O>
auto sequence_fields() {
  return std::tuple(
      field("zero_output_for_mask", &O::zero_output_for_mask,
            "the output of a masked step is 0, not the one before"),
      field("time_major", &O::time_major, "sequences are (time, batch, ...)").unless_default(),
      field("recompute_every", &O::recompute_every,
            "training keeps the states of every so many steps only, and computes the rest again")
          .unless_default());
}

template <class O>
auto layer_fields() {
  return std::tuple(field("name", &O::name, "of the layer"),
                    field("trainable", &O::trainable, "whether training changes its weights"),
                    field("dtype", &O::dtype, "of weights and computation"));
}

/// The fields of O from groups of them.
template <class O, class... Groups>
Fields joined_fields(const Groups&... groups) {
  return std::apply([](const auto&... field) { return fields_of<O>(field...); }, std::tuple_cat(groups...));
}

/// The options of a cell whose states have these names and `units` elements each. Throws ValueError unless
/// units > 0 and the kernels' sizes can be counted.
template <Options O>
CellOptions cell_options(const O& options, std::string_view class_name, std::vector<std::string> states) {
  constexpr Index most = std::numeric_limits<std::int32_t>::max();
  if (options.units <= 0 || options.units > most) {
    throw ValueError(fmt::format("{}: units: expected {}, got {}", class_name,
                                 options.units <= 0 ? "a positive number" : fmt::format("at most {}", most),
                                 options.units.value()));
  }
  return {.state_sizes = std::vector<StateSize>(states.size(), options.units.value()),
          .state_names = std::move(states),
          .name = options.name,
          .trainable = options.trainable,
          .dtype = options.dtype};
}

/// One mask for all gates where a single product serves them, else one a gate, as in Keras.
template <Options O>
DropoutCellOptions dropout_options(const O& options, std::string_view class_name, int gates) {
  check_rate(std::string(class_name) + ": dropout", options.dropout);
  check_rate(std::string(class_name) + ": recurrent_dropout", options.recurrent_dropout);
  DropoutCellOptions dropout = {
      .dropout = options.dropout, .recurrent_dropout = options.recurrent_dropout, .seed = options.seed};
  if constexpr (requires { options.implementation; }) {
    if (options.implementation != 1 && options.implementation != 2) {
      throw ValueError(
          fmt::format("{}: implementation: expected 1 or 2, got {}", class_name, options.implementation));
    }
    if (options.implementation == 1 || options.recurrent_dropout != 0) dropout.masks = gates;
  }
  return dropout;
}

template <Options O>
WeightOptions kernel_options(const O& options, const Shape& input, Index gates) {
  return {.name = "kernel",
          .shape = {input.back(), gates * options.units},
          .initializer = options.kernel_initializer,
          .regularizer = options.kernel_regularizer,
          .constraint = options.kernel_constraint};
}

template <Options O>
WeightOptions recurrent_kernel_options(const O& options, Index gates) {
  return {.name = "recurrent_kernel",
          .shape = {options.units, gates * options.units},
          .initializer = options.recurrent_initializer,
          .regularizer = options.recurrent_regularizer,
          .constraint = options.recurrent_constraint};
}

template <Options O>
WeightOptions bias_options(const O& options, const Shape& shape) {
  return {.name = "bias",
          .shape = shape,
          .initializer = options.bias_initializer,
          .regularizer = options.bias_regularizer,
          .constraint = options.bias_constraint};
}

}  // namespace unspool::internal
