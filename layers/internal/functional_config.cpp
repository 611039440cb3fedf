#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/work_limit.h>
#include <unspool/layers/cell.h>
#include <unspool/layers/input.h>
#include <unspool/layers/internal/functional_config.h>
#include <unspool/layers/internal/input_config.h>
#include <unspool/layers/internal/layer_call.h>
#include <unspool/layers/registry.h>

namespace unspool::internal {
namespace {

constexpr std::string_view operations_module = "unspool.operations";
constexpr std::string_view symbolic = "__keras_tensor__";
constexpr std::string_view constant = "__tensor__";

/// JSON has no infinities and no NaN: they are words.
Config number_config(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

double number_from(const Config& config) {
  if (!config.is_string()) return config.as<double>();
  const auto word = config.as<std::string>();
  if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (word == "inf") return std::numeric_limits<double>::infinity();
  if (word == "-inf") return -std::numeric_limits<double>::infinity();
  config.fail("a number, \"nan\", \"inf\" or \"-inf\"");
}

template <class T>
Config element_config(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    return number_config(static_cast<double>(value));
  } else {
    return value;
  }
}

template <class T>
T element_from(const Config& config) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(number_from(config));
  } else {
    return config.as<T>();
  }
}

/// Elements from `next` on, as lists in lists.
template <class T>
Config nested(const Shape& shape, int axis, const T*& next) {
  if (axis == shape.rank()) return element_config(*next++);
  std::vector<Config> list;
  for (Index i = 0; i < shape[axis]; ++i) list.push_back(nested(shape, axis + 1, next));
  return Config::list(std::move(list));
}

Config constant_config(const Tensor& tensor) {
  return visit_dtype(tensor.dtype(), [&]<class T>(T) {
    const std::span<const T> elements = tensor.data<T>();
    const T* next = elements.data();
    return Config::map({{"class_name", constant},
                        {"config", Config::map({{"value", nested(tensor.shape(), 0, next)},
                                                {"dtype", to_config(tensor.dtype())},
                                                {"shape", to_config(tensor.shape())}})}});
  });
}

void flatten(const Config& value, std::vector<Config>& elements) {
  if (!value.is_list()) {
    elements.push_back(value);
    return;
  }
  for (const Config& part : value.elements()) flatten(part, elements);
}

Tensor constant_from(const Config& config) {
  const auto dtype = config["dtype"].as<DType>();
  const Config value = config["value"];
  Shape shape;
  if (const auto given = config.find("shape")) {
    shape = given->as<Shape>();
  } else {
    for (Config part = value; part.is_list(); part = part[0]) {
      shape.push_back(static_cast<Index>(part.size()));
      if (part.empty()) break;
    }
  }
  std::vector<Config> elements;
  flatten(value, elements);
  if (!shape.known() || shape.elements() != static_cast<Index>(elements.size())) {
    throw ValueError(fmt::format("{}: expected as many elements as the shape {} has, got {}", config.path(),
                                 to_string(shape), elements.size()));
  }
  return visit_dtype(dtype, [&]<class T>(T) {
    return Tensor::generate<T>(shape, [&](std::span<T> out) {
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = element_from<T>(elements[i]);
    });
  });
}

/// Dtypes and shapes are told from strings and lists of numbers by a map around them.
struct AttributeWriter {
  std::string operation;

  Config operator()(bool value) const { return value; }
  Config operator()(Index value) const { return value; }
  Config operator()(double value) const { return Config::map({{"real", number_config(value)}}); }
  Config operator()(DType value) const { return Config::map({{"dtype", to_config(value)}}); }
  Config operator()(const Shape& value) const { return Config::map({{"shape", to_config(value)}}); }
  Config operator()(const std::vector<Index>& value) const { return to_config(value); }
  Config operator()(const std::string& value) const { return value; }
  Config operator()(const std::shared_ptr<const Payload>& value) const {
    throw ValueError(
        fmt::format("the operation {} of a graph: expected attributes that a config can hold, got {}, a C++ "
                    "function: call a layer of your own there, registered by register_layer",
                    operation, value->describe()));
  }
};

Attributes::Value attribute_from(const Config& config) {
  switch (config.kind()) {
    case Config::Kind::boolean:
      return config.as<bool>();
    case Config::Kind::integer:
      return config.as<Index>();
    case Config::Kind::string:
      return config.as<std::string>();
    case Config::Kind::list:
      return config.as<std::vector<Index>>();
    default:
      break;
  }
  if (config.is_map()) {
    if (const auto real = config.find("real")) return number_from(*real);
    if (const auto dtype = config.find("dtype")) return dtype->as<DType>();
    if (const auto shape = config.find("shape")) return shape->as<Shape>();
  }
  config.fail("a bool, an integer, a string, a list, or a map of \"real\", \"dtype\" or \"shape\"");
}

/// How an operation may be used, as its examples show. Its kernels rely on it.
struct Usage {
  /// Numbers of operands. An operation whose examples have several numbers takes any.
  std::set<std::size_t> operands;
  /// Attributes hold the names of literals.
  std::map<std::string, const char*, std::less<>> names;
  /// The names of the attributes with the kinds of their values, for each set of attributes that it takes.
  std::set<std::map<std::string, std::size_t>> attributes;
};

/// Found once, since examples cost more than most graphs.
const Usage& usage_of(const Operation& operation) {
  static std::mutex mutex;
  static std::map<const Operation*, Usage> known;
  const std::lock_guard lock(mutex);
  const auto [found, is_new] = known.try_emplace(&operation);
  Usage& usage = found->second;
  if (is_new) {
    for (const Example& example : operation.examples.list()) {
      usage.operands.insert(example.operands.size());
      std::map<std::string, std::size_t> kinds;
      for (const Attributes::Entry& entry : example.attributes) {
        usage.names.emplace(entry.first, entry.first.data());
        kinds.emplace(entry.first, entry.second.index());
      }
      usage.attributes.insert(std::move(kinds));
    }
  }
  return usage;
}

void check_operands(const Operation& operation, std::size_t count, const Config& call) {
  const std::set<std::size_t>& counts = usage_of(operation).operands;
  const bool any_number = counts.size() > 1;
  if (any_number ? count > 0 : count == *counts.begin()) return;
  throw ValueError(fmt::format("{}: expected {} for the operation {}, got {}", call.path(),
                               any_number ? "tensors" : fmt::format("{} tensors", *counts.begin()),
                               operation.name, count));
}

/// The library's operation of this name: the only one that a config can mean by it.
std::optional<OperationRef> library_operation(std::string_view name) {
  for (const OperationList& table : operation_tables()) {
    for (std::size_t i = 0; i < table.size(); ++i) {
      if (table[i]->name == name) return table[i];
    }
  }
  return std::nullopt;
}

OperationRef operation_from(const Config& config) {
  const auto name = config.as<std::string>();
  if (const auto found = library_operation(name)) return *found;
  std::vector<std::string> known;
  for (const OperationList& table : operation_tables()) {
    for (std::size_t i = 0; i < table.size(); ++i) known.emplace_back(table[i]->name);
  }
  const std::string like = nearest(name, known);
  throw ValueError(fmt::format("{}: expected the name of an operation, got {}{}", config.path(),
                               in_quotes(name),
                               like.empty() ? "" : ": did you mean " + in_quotes(like) + "?"));
}

Attributes attributes_from(const Operation& operation, const Config& config) {
  const Usage& usage = usage_of(operation);
  Attributes attributes;
  std::map<std::string, std::size_t> kinds;
  for (const auto& [name, value] : config.items()) {
    const auto known = usage.names.find(name);
    if (known == usage.names.end()) {
      throw ValueError(fmt::format("{}: expected an attribute of the operation {}, got {}", config.path(),
                                   operation.name, in_quotes(name)));
    }
    const Attributes::Value attribute = attribute_from(value);
    kinds.emplace(name, attribute.index());
    attributes = attributes.with(known->second, attribute);
  }
  if (!usage.attributes.contains(kinds)) {
    throw ValueError(fmt::format("{}: expected the attributes of the operation {}, got {}", config.path(),
                                 operation.name, config.describe()));
  }
  return attributes;
}

/// Writes the calls of a graph, and of what they take where it came from.
class Writer {
 public:
  explicit Writer(const std::vector<GraphItem>& items);

  Config layers() const;
  /// Triples of name, node and tensor: one of them bare, as Keras has it.
  Config ends(const std::vector<Tensor>& tensors) const;

 private:
  /// What a tensor is: an output of a call, or the mask of one.
  struct Origin {
    std::string name;
    std::size_t node = 0;
    std::size_t tensor = 0;
    bool mask = false;
    std::uint64_t own_mask = 0;  // Of an output: the mask that its call attaches.
  };

  void add_origins(const std::string& name, const GraphItem& item);
  const Origin& origin_of(const Tensor& tensor) const { return origins_.at(tensor.id()); }
  Config tensor(const Tensor& tensor) const;
  Config list(const std::vector<Tensor>& tensors) const;
  Config one_or_list(const std::vector<Tensor>& tensors) const;
  Config call(const GraphNode& node) const;
  Config item(const GraphItem& item, const std::string& name) const;

  const std::vector<GraphItem>& items_;
  std::vector<std::string> names_;
  std::unordered_map<std::uint64_t, Origin> origins_;
};

Writer::Writer(const std::vector<GraphItem>& items) : items_(items), names_(item_names(items)) {
  for (std::size_t i = 0; i < items.size(); ++i) add_origins(names_[i], items[i]);
}

void Writer::add_origins(const std::string& name, const GraphItem& item) {
  for (std::size_t node = 0; node < item.nodes.size(); ++node) {
    const std::vector<Tensor> outputs = item.nodes[node]->output_tensors();
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const Tensor mask = mask_of(outputs[i]);
      origins_[outputs[i].id()] = {name, node, i, false, mask ? mask.id() : 0};
      if (mask) origins_[mask.id()] = {name, node, i, true, 0};
    }
  }
}

Config Writer::tensor(const Tensor& tensor) const {
  const Tensor mask = mask_of(tensor);
  if (!tensor.is_abstract()) {
    Config config = constant_config(tensor);
    if (mask) config.set("config", config["config"].set("mask", this->tensor(mask)));
    return config;
  }
  const Origin& origin = origin_of(tensor);
  Config config = Config::map({{"shape", to_config(tensor.shape())},
                               {"dtype", to_config(tensor.dtype())},
                               {"keras_history", Config::list({origin.name, origin.node, origin.tensor})}});
  if (origin.mask) config.set("of_mask", true);
  // A mask that was attached or taken away since.
  if ((mask ? mask.id() : 0) != origin.own_mask) config.set("mask", mask ? this->tensor(mask) : Config());
  return Config::map({{"class_name", symbolic}, {"config", config}});
}

Config Writer::list(const std::vector<Tensor>& tensors) const {
  std::vector<Config> all;
  for (const Tensor& one : tensors) all.push_back(tensor(one));
  return Config::list(std::move(all));
}

Config Writer::one_or_list(const std::vector<Tensor>& tensors) const {
  return tensors.size() == 1 ? tensor(tensors.front()) : list(tensors);
}

Config Writer::call(const GraphNode& node) const {
  Config kwargs = Config::map();
  if (node.operation()) return Config::map({{"args", list(node.inputs())}, {"kwargs", kwargs}});
  const std::vector<Tensor> inputs = node.inputs();
  const CallArgs& args = node.args();
  if (args.training.has_value()) kwargs.set("training", args.training.value_or(false));
  if (args.mask) kwargs.set("mask", tensor(args.mask));
  if (!args.initial_state.empty()) kwargs.set("initial_state", one_or_list(args.initial_state));
  if (!args.constants.empty()) kwargs.set("constants", one_or_list(args.constants));
  std::vector<Config> positional;
  if (dynamic_cast<const Cell*>(node.layer().get()) != nullptr) {
    positional = {tensor(inputs.front()), list({inputs.begin() + 1, inputs.end()})};
  } else {
    positional = {one_or_list(inputs)};
  }
  return Config::map({{"args", Config::list(std::move(positional))}, {"kwargs", kwargs}});
}

Config Writer::item(const GraphItem& item, const std::string& name) const {
  const GraphNode& first = *item.nodes.front();
  Config config;
  if (first.is_input()) {
    config = input_config(first.outputs().front(), name);
  } else if (first.operation()) {
    if (library_operation(first.name()) != first.operation()) {
      throw ValueError(
          fmt::format("expected an operation of the library, which a config can name, got {}: use it in the "
                      "call of a layer of your own, registered by register_layer",
                      first.name()));
    }
    std::vector<Config::Entry> attributes;
    for (const Attributes::Entry& entry : first.attributes()) {
      attributes.emplace_back(entry.first, std::visit(AttributeWriter{first.name()}, entry.second));
    }
    config = Config::map({{"module", operations_module},
                          {"class_name", "Operation"},
                          {"config", Config::map({{"name", name},
                                                  {"operation", first.name()},
                                                  {"attributes", Config::map(std::move(attributes))}})},
                          {"registered_name", Config()}});
  } else {
    config = serialize_layer(*item.layer);
  }
  std::vector<Config> nodes;
  if (!first.is_input()) {
    for (const auto& node : item.nodes) nodes.push_back(call(*node));
  }
  return config.set("name", name).set("inbound_nodes", Config::list(std::move(nodes)));
}

Config Writer::layers() const {
  std::vector<Config> all;
  for (std::size_t i = 0; i < items_.size(); ++i) all.push_back(item(items_[i], names_[i]));
  return Config::list(std::move(all));
}

Config Writer::ends(const std::vector<Tensor>& tensors) const {
  std::vector<Config> all;
  for (const Tensor& end : tensors) {
    const Config written = tensor(end)["config"];
    const bool plain = !written.contains("mask") && !written.contains("of_mask");
    all.push_back(plain ? Config::list(written["keras_history"].elements()) : tensor(end));
  }
  return all.size() == 1 ? all.front() : Config::list(std::move(all));
}

/// Makes the calls of a graph again, each when what it takes is there.
class Reader {
 public:
  explicit Reader(const Config& layers);
  std::vector<Tensor> ends(const Config& config) const;

 private:
  struct Made {
    Ref<LayerBase> layer;                   // None of an input or operation.
    std::optional<OperationRef> operation;  // None of an input or layer.
    Attributes attributes;
    std::vector<Config> calls;
    std::vector<std::vector<Tensor>> outputs;  // Of each call that is done.
  };

  void add(const Config& entry);
  /// Does the calls of an item that can be done. False if it has done none.
  bool advance(Made& item) const;
  std::vector<Tensor> call(const Made& item, const Config& config) const;
  /// Whether all tensors that a part of a call names are there.
  bool ready(const Config& part) const;
  /// The call that a history names, if it is done. ValueError for one that is never done.
  const std::vector<Tensor>* outputs_of(const Config& history) const;
  Tensor output(const Config& history) const;
  Tensor tensor(const Config& config) const;
  std::vector<Tensor> one_or_list(const Config& config) const;

  std::vector<std::string> order_;
  std::map<std::string, Made, std::less<>> items_;
};

bool is_tensor(const Config& config) {
  if (!config.is_map()) return false;
  const auto name = config.find("class_name");
  return name && (*name == Config(symbolic) || *name == Config(constant));
}

Reader::Reader(const Config& layers) {
  for (const Config& entry : layers.elements()) add(entry);
  for (;;) {
    bool advanced = false;
    std::string waiting;
    for (const std::string& name : order_) {
      Made& item = items_.find(name)->second;
      if (item.outputs.size() == item.calls.size()) continue;
      advanced = advance(item) || advanced;
      if (item.outputs.size() != item.calls.size())
        waiting += (waiting.empty() ? "" : ", ") + in_quotes(name);
    }
    if (waiting.empty()) return;
    if (!advanced) {
      throw ValueError(layers.path() +
                       ": expected a graph without cycles, got layers that wait for each other: " + waiting);
    }
  }
}

void Reader::add(const Config& entry) {
  const std::optional<Config> module = entry.find("module");
  Made made;
  const Config arguments = entry["config"];
  const auto name =
      entry.contains("name") ? entry["name"].as<std::string>() : arguments["name"].as<std::string>();
  if (is_input_config(entry)) {
    InputOptions input = input_from_config(entry);
    input.name = name;
    made.outputs = {{Input(std::move(input))}};
    made.calls.emplace_back();
  } else {
    if (module && *module == Config(operations_module)) {
      made.operation = operation_from(arguments["operation"]);
      made.attributes = attributes_from(**made.operation, arguments["attributes"]);
    } else {
      made.layer = deserialize_layer(entry);
    }
    made.calls = entry["inbound_nodes"].elements();
  }
  if (!items_.emplace(name, std::move(made)).second) {
    throw ValueError(fmt::format("{}: expected layers with different names, got two called {}", entry.path(),
                                 in_quotes(name)));
  }
  order_.push_back(name);
}

bool Reader::advance(Made& item) const {
  WorkLimit::take();  // A list from the last layer to the first is tried as often as it is long.
  const std::size_t before = item.outputs.size();
  while (item.outputs.size() < item.calls.size()) {
    const Config& next = item.calls[item.outputs.size()];
    if (!ready(next)) break;
    item.outputs.push_back(call(item, next));
  }
  return item.outputs.size() > before;
}

bool Reader::ready(const Config& part) const {
  if (part.is_list()) {
    const std::vector<Config> elements = part.elements();
    return std::all_of(elements.begin(), elements.end(), [&](const Config& one) { return ready(one); });
  }
  if (!part.is_map()) return true;
  if (is_tensor(part)) {
    const Config arguments = part["config"];
    if (part["class_name"] == Config(symbolic) && outputs_of(arguments["keras_history"]) == nullptr) {
      return false;
    }
    const auto mask = arguments.find("mask");
    return !mask || ready(*mask);
  }
  const std::vector<Config::Entry> entries = part.items();
  return std::all_of(entries.begin(), entries.end(),
                     [&](const Config::Entry& entry) { return ready(entry.second); });
}

const std::vector<Tensor>* Reader::outputs_of(const Config& history) const {
  const auto name = history[0].as<std::string>();
  const auto node = history[1].as<std::size_t>();
  const auto found = items_.find(name);
  if (found == items_.end()) {
    throw ValueError(fmt::format("{}: expected a layer of the graph, got {}{}", history.path(),
                                 in_quotes(name), did_you_mean(name, order_)));
  }
  const Made& item = found->second;
  if (node >= item.calls.size()) {
    throw ValueError(
        fmt::format("{}: expected a call of the layer {}, which is called {} times in the graph, got call {}",
                    history.path(), in_quotes(name), item.calls.size(), node));
  }
  return node < item.outputs.size() ? &item.outputs[node] : nullptr;
}

Tensor Reader::output(const Config& history) const {
  const std::vector<Tensor>& outputs = *outputs_of(history);
  const auto index = history[2].as<std::size_t>();
  if (index >= outputs.size()) {
    throw ValueError(
        fmt::format("{}: expected an output of call {} of the layer {}, which has {} outputs, got output {}",
                    history.path(), history[1].as<Index>(), in_quotes(history[0].as<std::string>()),
                    outputs.size(), index));
  }
  return outputs[index];
}

Tensor Reader::tensor(const Config& config) const {
  if (!is_tensor(config)) config.fail("a tensor");
  const Config arguments = config["config"];
  Tensor made;
  if (config["class_name"] == Config(constant)) {
    made = constant_from(arguments);
  } else {
    made = output(arguments["keras_history"]);
    if (arguments.get("of_mask", false)) {
      made = mask_of(made);
      if (!made)
        throw ValueError(arguments.path() + ": expected the mask of a tensor, got a tensor without a mask");
    }
  }
  if (const auto mask = arguments.find("mask")) {
    made = with_mask(made, mask->is_null() ? Tensor() : tensor(*mask));
  }
  return made;
}

std::vector<Tensor> Reader::one_or_list(const Config& config) const {
  if (config.is_null()) return {};
  if (!config.is_list()) return {tensor(config)};
  std::vector<Tensor> all;
  for (const Config& one : config.elements()) all.push_back(tensor(one));
  return all;
}

std::vector<Tensor> Reader::call(const Made& item, const Config& config) const {
  const Config positional = config["args"];
  // A call on constants would compute here, with whatever memory its arguments ask for. No graph has one.
  const auto check_symbolic = [&](bool is_one_symbolic) {
    if (is_one_symbolic) return;
    throw ValueError(config.path() +
                     ": expected a tensor of the graph among the arguments of a call, got constants alone");
  };
  if (item.operation) {
    const std::vector<Tensor> inputs = one_or_list(positional);
    check_operands(**item.operation, inputs.size(), config);
    check_symbolic(
        std::any_of(inputs.begin(), inputs.end(), [](const Tensor& input) { return input.is_abstract(); }));
    const Tensors results = apply_all(*item.operation, inputs, item.attributes);
    return {results.begin(), results.end()};
  }
  CallArgs args;
  for (const auto& [key, value] : config["kwargs"].items()) {
    if (value.is_null()) continue;  // Keras says so of masks that come with their tensors.
    if (key == "training") {
      args.training = value.as<bool>();
    } else if (key == "mask") {
      args.mask = tensor(value);
    } else if (key == "initial_state") {
      args.initial_state = one_or_list(value);
    } else if (key == "constants") {
      args.constants = one_or_list(value);
    } else {
      throw ValueError(
          fmt::format("{}: expected training, mask, initial_state or constants in a call, got {}",
                      config.path(), in_quotes(key)));
    }
  }
  if (const auto cell = std::dynamic_pointer_cast<Cell>(item.layer.pointer())) {
    const Tensor input = tensor(positional[0]);
    const std::vector<Tensor> states = one_or_list(positional[1]);
    check_symbolic(is_symbolic({input}, args) || is_symbolic(states, args));
    const CellOutput made = (*cell)(input, states, args);
    std::vector<Tensor> outputs = {made.output};
    outputs.insert(outputs.end(), made.states.begin(), made.states.end());
    return outputs;
  }
  const auto layer = std::dynamic_pointer_cast<Layer>(item.layer.pointer());
  if (positional.size() != 1) positional.fail("a list of one tensor or one list of tensors");
  const std::vector<Tensor> inputs = one_or_list(positional[0]);
  check_symbolic(is_symbolic(inputs, args));
  return (*layer)(inputs, args).all();
}

std::vector<Tensor> Reader::ends(const Config& config) const {
  const auto one = [&](const Config& end) {
    if (is_tensor(end)) {
      static_cast<void>(outputs_of(end["config"]["keras_history"]));
      return tensor(end);
    }
    return output(end);
  };
  const bool single = is_tensor(config) || (config.size() > 0 && config[0].is_string());
  if (single) return {one(config)};
  std::vector<Tensor> tensors;
  for (const Config& end : config.elements()) tensors.push_back(one(end));
  return tensors;
}

}  // namespace

std::vector<std::string> item_names(const std::vector<GraphItem>& items) {
  std::set<std::string> taken;
  for (const GraphItem& item : items) {
    const GraphNode& first = *item.nodes.front();
    if (!first.operation()) taken.insert(first.name());
  }
  std::vector<std::string> names;
  for (const GraphItem& item : items) {
    const GraphNode& first = *item.nodes.front();
    std::string name = first.name();
    for (int i = 1; first.operation() && !taken.insert(name).second; ++i) {
      name = fmt::format("{}_{}", first.name(), i);
    }
    names.push_back(std::move(name));
  }
  return names;
}

Config graph_config(const std::vector<GraphItem>& items, const std::vector<Tensor>& inputs,
                    const std::vector<Tensor>& outputs) {
  const Writer writer(items);
  std::vector<Tensor> bare;  // Masks of inputs come with what is put in.
  for (const Tensor& input : inputs) bare.push_back(with_mask(input, {}));
  return Config::map({{"layers", writer.layers()},
                      {"input_layers", writer.ends(bare)},
                      {"output_layers", writer.ends(outputs)}});
}

GraphEnds graph_from_config(const Config& config) {
  const Reader reader(config["layers"]);
  return {reader.ends(config["input_layers"]), reader.ends(config["output_layers"])};
}

}  // namespace unspool::internal
