#pragma once

#include <string>
#include <string_view>
#include <typeinfo>

namespace unspool {

/// Keras' rule: "SimpleRNNCell" -> "simple_rnn_cell", "ConvLSTM2D" -> "conv_lstm2d".
std::string to_snake_case(std::string_view name);

/// `base` at its first use in this process, then base_1, base_2, ... Safe on any thread.
std::string unique_name(const std::string& base);

/// Names are counted from the start again.
void clear_session();

/// The name of a class without its namespaces and template arguments.
std::string class_name_of(const std::type_info& type);

}  // namespace unspool
