#pragma once

#include <string>
#include <string_view>
#include <typeinfo>

namespace unspool {

/// The name of a class without its namespaces and template arguments: "SimpleRNN".
std::string class_name_of(const std::type_info& type);

/// Keras' rule for names made from class names: "SimpleRNNCell" -> "simple_rnn_cell", "ConvLSTM2D" ->
/// "conv_lstm2d".
std::string to_snake_case(std::string_view name);

}  // namespace unspool
