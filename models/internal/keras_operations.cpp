#include <algorithm>
#include <array>
#include <string_view>

#include <unspool/core/error.h>
#include <unspool/core/fields.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/keras_operations.h>

namespace unspool::internal {
namespace {

constexpr std::string_view own_operations = "unspool.operations";
constexpr std::string_view keras_operations = "keras.src.ops";

/// An operation in Keras and here. A reduction has axis and keepdims; the others take two tensors.
struct OperationNames {
  std::string_view keras;
  std::string_view own;
  bool reduction = false;
};
constexpr std::array<OperationNames, 13> operation_names{{{"Add", "add"},
                                                          {"Subtract", "subtract"},
                                                          {"Multiply", "multiply"},
                                                          {"TrueDivide", "divide"},
                                                          {"Divide", "divide"},
                                                          {"Equal", "equal"},
                                                          {"NotEqual", "not_equal"},
                                                          {"Less", "less"},
                                                          {"LessEqual", "less_equal"},
                                                          {"Greater", "greater"},
                                                          {"GreaterEqual", "greater_equal"},
                                                          {"Any", "any", true},
                                                          {"All", "all", true}}};

std::string text_at(const Config& config, std::string_view key) {
  const std::optional<Config> value = config.find(key);
  return value && value->is_string() ? value->as<std::string>() : std::string();
}

bool is_tensor_config(const Config& config) {
  return config.is_map() && text_at(config, "class_name") == "__keras_tensor__";
}

bool is_list_of_nulls(const Config& config) {
  if (!config.is_list()) return false;
  const std::vector<Config> elements = config.elements();
  return std::all_of(elements.begin(), elements.end(), [](const Config& one) { return one.is_null(); });
}

/// The dtype and the rank of the first symbolic tensor in a call.
struct Operand {
  std::string dtype;
  Index rank = 0;
};
Operand operand_of(const Config& arguments) {
  for (const Config& argument : arguments.elements()) {
    if (!is_tensor_config(argument)) continue;
    const Config tensor = argument["config"];
    return {tensor["dtype"].as<std::string>(), static_cast<Index>(tensor["shape"].size())};
  }
  throw FileError(arguments.path() + ": expected a tensor among the arguments of an operation, got none");
}

Config own_argument(const Config& argument, const std::string& dtype) {
  if (!argument.is_list() && !argument.is_map() && !argument.is_null()) {
    return Config::map(
        {{"class_name", "__tensor__"},
         {"config", Config::map({{"value", argument}, {"dtype", dtype}, {"shape", Config::list({})}})}});
  }
  return argument;
}

Config own_operation(const Config& item) {
  const std::string name = text_at(item, "class_name");
  const auto found = std::find_if(operation_names.begin(), operation_names.end(),
                                  [&](const OperationNames& names) { return names.keras == name; });
  if (found == operation_names.end()) {
    throw FileError(
        fmt::format("{}: expected a layer or a simple operation, got the operation {} of keras.ops on "
                    "tensors of the graph: use a layer in Keras, and save the model again",
                    item.path(), name));
  }
  const Config arguments = item["config"];
  Config attributes = Config::map();
  std::vector<Config> calls;
  for (const Config& call : item["inbound_nodes"].elements()) {
    const Config given = call["args"];
    const Operand operand = operand_of(given);
    std::vector<Config> own;
    for (const Config& argument : given.elements()) own.push_back(own_argument(argument, operand.dtype));
    if (own.size() != (found->reduction ? 1U : 2U) || !call["kwargs"].empty()) {
      throw FileError(fmt::format("{}: expected the operation {} with tensors only, got other arguments",
                                  call.path(), name));
    }
    if (found->reduction) {
      const Config axis = arguments.find("axis").value_or(Config());
      std::vector<Index> axes;
      if (axis.is_null()) {
        for (Index i = 0; i < operand.rank; ++i) axes.push_back(i);
      } else if (axis.is_list()) {
        axes = axis.as<std::vector<Index>>();
      } else {
        axes = {axis.as<Index>()};
      }
      for (Index& one : axes) one += one < 0 ? operand.rank : 0;
      attributes = Config::map({{"axes", to_config(axes)}, {"keepdims", arguments.get("keepdims", false)}});
    }
    calls.push_back(Config::map({{"args", Config::list(std::move(own))}, {"kwargs", Config::map()}}));
  }
  return Config::map(
      {{"module", own_operations},
       {"class_name", "Operation"},
       {"config",
        Config::map({{"name", item["name"]}, {"operation", found->own}, {"attributes", attributes}})},
       {"registered_name", Config()},
       {"name", item["name"]},
       {"inbound_nodes", Config::list(std::move(calls))}});
}

/// An axis counts from the end, as in masks that Keras makes.
Config keras_arguments(const Config& item, bool reduction) {
  if (!reduction) return Config::map({{"name", item["name"]}});
  // Without a name: Any and All take one since Keras 3.15 or so, and refused it before.
  Config arguments = Config::map();
  const Config attributes = item["config"]["attributes"];
  const auto axes = attributes["axes"].as<std::vector<Index>>();
  const Index rank = operand_of(item["inbound_nodes"][0]["args"]).rank;
  std::vector<Config> from_end;
  for (const Index axis : axes) from_end.emplace_back(axis - rank);
  arguments.set("axis", from_end.size() == 1 ? from_end.front() : Config::list(std::move(from_end)));
  return arguments.set("keepdims", attributes["keepdims"]);
}

Config keras_argument(const Config& argument) {
  if (text_at(argument, "class_name") != "__tensor__") return argument;
  const Config constant = argument["config"];
  return constant["value"].is_list() ? argument : constant["value"];
}

}  // namespace

Config with_own_operations(const Config& config) {
  if (config.is_list()) {
    std::vector<Config> elements;
    for (const Config& element : config.elements()) elements.push_back(with_own_operations(element));
    return Config::list(std::move(elements));
  }
  if (!config.is_map()) return config;
  if (text_at(config, "module").starts_with(keras_operations) && config.contains("inbound_nodes")) {
    return own_operation(config);
  }
  std::vector<Config::Entry> entries;
  for (const auto& [key, value] : config.items()) {
    if (key == "kwargs" && value.is_map()) {
      Config kwargs = value;
      kwargs.erase("training");
      // Keras 3.6 writes the masks of a layer with several inputs that have none.
      if (const std::optional<Config> mask = kwargs.find("mask"); mask && is_list_of_nulls(*mask))
        kwargs.erase("mask");
      entries.emplace_back(key, with_own_operations(kwargs));
    } else {
      entries.emplace_back(key, with_own_operations(value));
    }
  }
  return Config::map(std::move(entries));
}

Config keras_operation(const Config& item) {
  const std::string own = item["config"]["operation"].as<std::string>();
  const auto found = std::find_if(operation_names.begin(), operation_names.end(),
                                  [&](const OperationNames& names) { return names.own == own; });
  if (found == operation_names.end()) {
    throw ValueError(
        fmt::format("expected a model of layers and simple operations, got the operation {} in its graph: "
                    "use a layer, or save in the native format, as \"model.unspool\"",
                    own));
  }
  std::vector<Config> calls;
  for (const Config& call : item["inbound_nodes"].elements()) {
    std::vector<Config> arguments;
    for (const Config& argument : call["args"].elements()) arguments.push_back(keras_argument(argument));
    calls.push_back(Config::map({{"args", Config::list(std::move(arguments))}, {"kwargs", Config::map()}}));
  }
  return Config::map({{"module", "keras.src.ops.numpy"},
                      {"class_name", found->keras},
                      {"config", keras_arguments(item, found->reduction)},
                      {"registered_name", found->keras},
                      {"name", item["name"]},
                      {"inbound_nodes", Config::list(std::move(calls))}});
}

}  // namespace unspool::internal
