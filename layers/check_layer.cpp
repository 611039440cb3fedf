#include <algorithm>
#include <functional>
#include <optional>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/internal/compare.h>
#include <unspool/autograd/random.h>
#include <unspool/autograd/tape.h>
#include <unspool/autograd/views.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/check_layer.h>
#include <unspool/layers/input.h>
#include <unspool/layers/registry.h>

namespace unspool {
namespace {

using internal::disagreement;

/// Numbers that are no round ones.
Tensor draw(const Shape& shape, DType dtype, std::uint64_t stream) {
  return random_uniform(shape, -1, 1, dtype, {.seed = 0x6c61796572ULL, .stream = stream});
}

/// A config in which every layer, and every input of numbers, has another dtype.
Config with_dtype(const Config& config, DType dtype) {
  if (config.is_list()) {
    std::vector<Config> elements;
    for (const Config& element : config.elements()) elements.push_back(with_dtype(element, dtype));
    return Config::list(std::move(elements));
  }
  if (!config.is_map()) return config;
  std::vector<Config::Entry> entries;
  for (const auto& [key, value] : config.items()) {
    const bool replaced = key == "dtype" && !value.is_null() && is_floating(value.as<DType>());
    entries.emplace_back(key, replaced ? to_config(dtype) : with_dtype(value, dtype));
  }
  return Config::map(std::move(entries));
}

class Checker {
 public:
  Checker(const Ref<Layer>& layer, const CheckLayerOptions& options)
      : given_(layer), name_(layer->class_name()), config_(serialize_layer(*layer)), options_(options) {
    config_.erase("build_config");
    if (options_.input_shapes.empty()) throw ValueError("check_layer: expected input_shapes, got none");
    for (const Shape& shape : options_.input_shapes) {
      if (shape.known() && shape.rank() > 0 && shape.front() >= 2 &&
          shape.front() == options_.input_shapes.front().front()) {
        continue;
      }
      throw ValueError("check_layer: expected known input_shapes with one batch size of at least 2, got " +
                       to_string(shape));
    }
  }

  CheckReport run() {
    property("the layer itself", [&] { check_given(); });
    for (const DType dtype : {float32, float64}) {
      const std::string at = std::string(name_of(dtype)) + ": ";
      property(at + "build", [&] { check_build(dtype); });
      property(at + "dtypes", [&] { check_dtypes(dtype); });
      property(at + "shapes", [&] { check_shapes(dtype); });
      property(at + "symbolic call", [&] { check_symbolic(dtype); });
      property(at + "masks", [&] { check_masks(dtype); });
      property(at + "repetition", [&] { check_repetition(dtype); });
      property(at + "random numbers", [&] { check_random(dtype); });
      property(at + "config", [&] { check_config(dtype); });
      property(at + "weights", [&] { check_weights(dtype); });
      property(at + "rows", [&] { check_rows(dtype); });
    }
    property("float32 against float64", [&] { check_precision(); });
    for (const bool training : {false, true}) {
      if (!options_.gradients || (training && !options_.gradients_in_training)) continue;
      property(training ? "gradients in training" : "gradients", [&] { check_gradients(training, false); });
    }
    if (options_.gradients && has_time())
      property("gradients with a mask", [&] { check_gradients(false, true); });
    return std::move(report_);
  }

 private:
  void property(const std::string& name, const std::function<void()>& check) {
    property_ = name;
    try {
      check();
    } catch (const std::exception& error) {
      fail(std::string("threw: ") + error.what());
    }
  }

  void fail(const std::string& why) { report_.failures.push_back(name_ + ": " + property_ + ": " + why); }
  void expect(bool holds, const std::string& why) {
    ++report_.checks;
    if (!holds) fail(why);
  }
  /// `why` is empty where all is well.
  void expect_none(const std::string& what, const std::string& why) {
    expect(why.empty(), why.empty() ? why : what + ": " + why);
  }
  void expect_same(const std::string& what, const std::vector<Tensor>& got,
                   const std::vector<Tensor>& expected, double tolerance) {
    expect(got.size() == expected.size(),
           fmt::format("{}: {} and {} tensors", what, got.size(), expected.size()));
    for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i) {
      expect_none(fmt::format("{}, tensor {}", what, i), disagreement(got[i], expected[i], tolerance));
    }
  }

  Ref<Layer> make_layer(DType dtype) const { return layer_from_config<Layer>(with_dtype(config_, dtype)); }

  /// With numbers for weights that no initializer gives.
  Ref<Layer> built(DType dtype) const {
    const Ref<Layer> layer = make_layer(dtype);
    no_gradient([&] { layer(inputs(dtype)); });
    std::vector<Tensor> values;
    for (const Variable& weight : layer->weights()) {
      // Around what they are: a variance stays positive.
      const Tensor noise = draw(weight.shape(), float64, 100 + values.size()) * 0.25;
      values.push_back(is_floating(weight.dtype())
                           ? cast(cast(weight.value(), float64) + noise, weight.dtype())
                           : weight.value());
    }
    layer->set_weights(values);
    return layer;
  }

  std::vector<Tensor> inputs(DType dtype, Index more_rows = 0, Index more_steps = 0) const {
    std::vector<Tensor> all;
    for (Shape shape : options_.input_shapes) {
      shape.set(0, shape.front() + more_rows);
      if (has_length(shape)) shape.set(1, shape[1] + more_steps);
      const Tensor numbers = draw(shape, float64, all.size());
      all.push_back(options_.ids > 0 ? cast((numbers + 1) * 0.5 * static_cast<double>(options_.ids), int32)
                                     : cast(numbers, dtype));
    }
    return all;
  }

  /// Whether the axis behind the batch is not the only one of a sample.
  bool has_length(const Shape& shape) const { return shape.rank() > (options_.ids > 0 ? 1 : 2); }

  /// Whether the inputs are sequences, which have masks.
  bool has_time() const {
    if (!options_.masks) return false;
    const int rank = options_.ids > 0 ? 2 : 3;
    return std::all_of(options_.input_shapes.begin(), options_.input_shapes.end(),
                       [&](const Shape& shape) { return shape.rank() == rank; });
  }

  /// (batch, time) of input i, with holes.
  Tensor mask(std::size_t i) const {
    const Shape steps = options_.input_shapes[i].sub(0, 2);
    return Tensor::generate<bool>(steps, [&](std::span<bool> out) {
      for (std::size_t k = 0; k < out.size(); ++k) out[k] = (k + i) % 3 != 1;
    });
  }

  std::vector<Tensor> masked(std::vector<Tensor> tensors) const {
    for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i] = with_mask(tensors[i], mask(i));
    return tensors;
  }

  static std::vector<Tensor> row(const std::vector<Tensor>& tensors, Index i) {
    std::vector<Tensor> rows;
    for (const Tensor& tensor : tensors) {
      const Tensor own = slice(tensor, 0, i, i + 1);
      const Tensor mask = mask_of(tensor);
      rows.push_back(mask ? with_mask(own, slice(mask, 0, i, i + 1)) : own);
    }
    return rows;
  }

  static std::vector<std::uint64_t> counters(const Ref<Layer>& layer) {
    std::vector<std::uint64_t> all;
    for (const SeedGenerator* generator : layer->seed_generators()) all.push_back(generator->counter());
    return all;
  }

  static void restart(const Ref<Layer>& layer) {
    for (SeedGenerator* generator : layer->seed_generators()) generator->set_counter(0);
  }

  /// The shapes with an unknown batch, or length, or both; as they are first.
  std::vector<std::vector<Shape>> variants() const {
    std::vector<std::vector<Shape>> all;
    for (const bool no_length : {false, true}) {
      if (no_length && !options_.any_length) continue;
      for (const bool no_batch : {false, true}) {
        std::vector<Shape> shapes = options_.input_shapes;
        for (Shape& shape : shapes) {
          if (no_batch) shape.set(0, unknown);
          if (no_length && has_length(shape)) shape.set(1, unknown);
        }
        all.push_back(std::move(shapes));
      }
    }
    return all;
  }

  static std::string text_of(const std::vector<Shape>& shapes) {
    std::string text;
    for (const Shape& shape : shapes) text += (text.empty() ? "" : ", ") + to_string(shape);
    return text;
  }

  /// What is said of the outputs for inputs of these shapes, against outputs.
  void expect_shapes(const std::string& who, const std::vector<Shape>& said, const std::vector<Shape>& of,
                     const std::vector<Tensor>& outputs) {
    const std::string for_what = who + " for inputs " + text_of(of);
    expect(said.size() == outputs.size(),
           fmt::format("{} says {} outputs, got {}", for_what, said.size(), outputs.size()));
    for (std::size_t i = 0; i < std::min(said.size(), outputs.size()); ++i) {
      const bool all_known =
          std::all_of(of.begin(), of.end(), [](const Shape& shape) { return shape.known(); });
      const bool fits = all_known ? said[i] == outputs[i].shape() : compatible(said[i], outputs[i].shape());
      expect(fits, fmt::format("{} says {}, got {} as output {}", for_what, to_string(said[i]),
                               describe(outputs[i]), i));
      if (of.front().front() != unknown || said[i].rank() == 0) continue;
      expect(said[i].front() == unknown, fmt::format("{} says {} as output {}, though the batch is unknown",
                                                     for_what, to_string(said[i]), i));
    }
  }

  /// All other layers are made of its config: what that forgets would not be missed.
  void check_given() {
    const std::vector<Tensor> x = inputs(given_->dtype());
    const std::vector<Tensor> outputs = given_(x).all();
    const Ref<Layer> again = layer_from_config<Layer>(config_);
    again(x);
    again->set_weights(given_->get_weights());
    expect_same("a layer of its config", again(x).all(), outputs, 0);
  }

  void check_build(DType dtype) {
    const Ref<Layer> layer = make_layer(dtype);
    const std::vector<Tensor> x = inputs(dtype);
    // A graph's layers have their weights, and paths, before there is a graph.
    const bool made_built = layer->built();
    layer(x);
    expect(layer->built(), "it is not built after its first call");
    const std::vector<Variable> weights = layer->weights();
    layer(x);
    expect(layer->weights() == weights, "a second call changes what weights there are");
    for (const Variable& weight : weights) {
      expect(made_built || weight.path().starts_with(layer->path() + "/"),
             fmt::format("the weight {} does not lie below {}", weight.path(), layer->path()));
      expect(!is_floating(weight.dtype()) || weight.dtype() == dtype,
             fmt::format("the weight {} is {}", weight.path(), name_of(weight.dtype())));
    }
    Index count = 0;
    for (const Variable& weight : weights) count += weight.size();
    expect(layer->count_params() == count, "count_params() is not the number of elements of the weights");
    layer->set_trainable(false);
    expect(layer->trainable_weights().empty(), "a layer that is not trainable has trainable weights");
  }

  void check_dtypes(DType dtype) {
    const Ref<Layer> layer = make_layer(dtype);
    for (const DType given : {dtype, dtype == float32 ? float64 : float32}) {
      const Outputs outputs = layer(inputs(given));
      for (const Tensor& output : outputs.all()) {
        expect(!is_floating(output.dtype()) || output.dtype() == dtype,
               fmt::format("inputs of {} give {}", name_of(given), describe(output)));
      }
    }
  }

  void check_shapes(DType dtype) {
    const Ref<Layer> fresh = make_layer(dtype);
    const Ref<Layer> layer = built(dtype);
    const std::vector<Tensor> outputs = layer(inputs(dtype)).all();
    for (const std::vector<Shape>& shapes : variants()) {
      expect_shapes("compute_output_shapes()", layer->compute_output_shapes(shapes), shapes, outputs);
      expect_shapes("compute_output_shapes() before it is built", fresh->compute_output_shapes(shapes),
                    shapes, outputs);
    }
    // Other sizes, on the same weights.
    for (const Index more_steps : {0, 1}) {
      if (more_steps > 0 && !options_.any_length) continue;
      const std::vector<Tensor> x = inputs(dtype, 1, more_steps);
      std::vector<Shape> shapes;
      for (const Tensor& tensor : x) shapes.push_back(tensor.shape());
      expect_shapes("compute_output_shapes()", layer->compute_output_shapes(shapes), shapes, layer(x).all());
    }
  }

  void check_symbolic(DType dtype) {
    const std::vector<Tensor> x = inputs(dtype);
    for (const bool with_masks : {false, true}) {
      if (with_masks && !has_time()) continue;
      const std::vector<Tensor> outputs = built(dtype)(with_masks ? masked(x) : x).all();
      for (const std::vector<Shape>& shapes : variants()) {
        std::vector<Tensor> symbols;
        for (std::size_t i = 0; i < shapes.size(); ++i) {
          Tensor symbol = Input({.dtype = x[i].dtype(), .batch_shape = shapes[i]});
          if (with_masks)
            symbol = with_mask(symbol, Input({.dtype = boolean, .batch_shape = shapes[i].sub(0, 2)}));
          symbols.push_back(std::move(symbol));
        }
        const std::vector<Tensor> said = make_layer(dtype)(symbols).all();
        std::vector<Shape> said_shapes;
        for (const Tensor& tensor : said) said_shapes.push_back(tensor.shape());
        expect_shapes("a symbolic call", said_shapes, shapes, outputs);
        for (std::size_t i = 0; i < std::min(said.size(), outputs.size()); ++i) {
          expect(said[i].dtype() == outputs[i].dtype(),
                 fmt::format("output {} is {}, symbolic {}", i, describe(outputs[i]), describe(said[i])));
          const bool has_mask = static_cast<bool>(mask_of(outputs[i]));
          expect(static_cast<bool>(mask_of(said[i])) == has_mask,
                 fmt::format("output {} has {} mask, symbolic {}", i, has_mask ? "a" : "no",
                             has_mask ? "none" : "one"));
        }
      }
    }
  }

  void check_masks(DType dtype) {
    if (!has_time()) return;
    const Ref<Layer> layer = built(dtype);
    const std::vector<Tensor> x = inputs(dtype);
    const std::vector<Tensor> attached = layer(masked(x)).all();
    std::vector<Tensor> first_apart = masked(x);
    first_apart.front() = x.front();
    const std::vector<Tensor> given = layer(first_apart, {.mask = mask(0)}).all();
    expect_same("a mask as an argument", given, attached, 0);
    for (std::size_t i = 0; i < attached.size(); ++i) {
      const Tensor made = mask_of(attached[i]);
      const Tensor other = i < given.size() ? mask_of(given[i]) : Tensor();
      expect(static_cast<bool>(made) == static_cast<bool>(other),
             fmt::format("output {} has a mask in one of the two calls only", i));
      if (!made) continue;
      expect(layer->supports_masking(), "an output has a mask, though supports_masking() is false");
      expect(made.dtype() == boolean && made.rank() <= attached[i].rank() &&
                 made.shape() == attached[i].shape().sub(0, made.rank()),
             fmt::format("the mask {} does not fit output {}, {}", describe(made), i, describe(attached[i])));
      if (other) expect_none("the mask of an output", disagreement(made, other, 0));
    }
  }

  void check_repetition(DType dtype) {
    const Ref<Layer> layer = built(dtype);
    const std::vector<Tensor> weights = layer->get_weights();
    const std::vector<std::uint64_t> drawn = counters(layer);
    const std::vector<Tensor> x = inputs(dtype);
    const std::vector<Tensor> first = layer(x, {.training = false}).all();
    const std::vector<Tensor> losses = layer->losses();
    expect_same("a second call", layer(x, {.training = false}).all(), first, 0);
    expect_same("losses of a second call", layer->losses(), losses, 0);
    expect_same("weights after calls", layer->get_weights(), weights, 0);
    expect_same("a call that says nothing of training", layer(x).all(), first, 0);
    expect(counters(layer) == drawn, "calls outside of training draw random numbers");
  }

  void check_random(DType dtype) {
    const Ref<Layer> layer = built(dtype);
    const std::vector<Tensor> weights = layer->get_weights();
    const std::vector<Tensor> x = inputs(dtype);
    std::vector<Tensor> first;
    for (const bool again : {false, true}) {
      restart(layer);
      layer->set_weights(weights);
      const std::vector<Tensor> outputs = layer(x, {.training = true}).all();
      if (again) expect_same("a call in training with the same random numbers", outputs, first, 0);
      first = outputs;
    }
  }

  void check_config(DType dtype) {
    const Ref<Layer> layer = built(dtype);
    const Ref<Layer> again = layer_from_config<Layer>(from_json(to_json(serialize_layer(*layer))));
    const Layer& made = *again;
    const Layer& of = *layer;
    expect(typeid(made) == typeid(of), "its config makes a " + again->class_name());
    expect(again->name() == layer->name() && again->dtype() == layer->dtype() &&
               again->supports_masking() == layer->supports_masking(),
           "name, dtype or supports_masking() do not survive the config");
    const std::vector<Tensor> x = inputs(dtype);
    again(x);  // What is built says so in its config.
    expect(again->get_config() == layer->get_config(),
           fmt::format("its config makes a layer of another one: {} and {}", to_json(layer->get_config()),
                       to_json(again->get_config())));
    again->set_weights(layer->get_weights());
    expect_same("a layer of its config", again(x).all(), layer(x).all(), 0);
    restart(layer);
    restart(again);
    if (!layer->seed_generators().empty()) return;  // Without a seed in the config they draw other numbers.
    expect_same("a layer of its config in training", again(x, {.training = true}).all(),
                layer(x, {.training = true}).all(), 0);
  }

  void check_weights(DType dtype) {
    const Ref<Layer> layer = built(dtype);
    const Ref<Layer> other = clone(layer);
    const std::vector<Tensor> x = inputs(dtype);
    other(x);
    const std::vector<Variable> weights = layer->weights();
    expect(other->weights().size() == weights.size(), "a clone has another number of weights");
    for (const Variable& weight : weights) {
      const std::vector<Variable> others = other->weights();
      expect(std::find(others.begin(), others.end(), weight) == others.end(),
             "a clone shares the weight " + weight.path());
    }
    std::vector<Tensor> values = layer->get_weights();
    other->set_weights(values);
    expect_same("weights that were set", other->get_weights(), values, 0);
    expect_same("a clone with the same weights", other(x).all(), layer(x).all(), 0);
    expect(refuses(layer,
                   [&] {
                     std::vector<Tensor> more = values;
                     more.push_back(Tensor::zeros({1}, dtype));
                     return more;
                   }()),
           "set_weights() takes a weight too many");
    if (values.empty()) return;
    std::vector<Tensor> misfit = values;
    misfit.back() = Tensor::zeros(values.back().shape() + Shape{1}, values.back().dtype());
    expect(refuses(layer, misfit), "set_weights() takes a weight of another shape");
    expect_same("weights after values that do not fit", layer->get_weights(), values, 0);
  }

  static bool refuses(const Ref<Layer>& layer, const std::vector<Tensor>& values) {
    try {
      layer->set_weights(values);
    } catch (const ValueError&) {
      return true;
    }
    return false;
  }

  void check_rows(DType dtype) {
    if (!options_.rows_alone) return;
    const Ref<Layer> layer = built(dtype);
    for (const bool with_masks : {false, true}) {
      if (with_masks && !has_time()) continue;
      const std::vector<Tensor> x = with_masks ? masked(inputs(dtype)) : inputs(dtype);
      const std::vector<Tensor> outputs = layer(x).all();
      for (Index i = 0; i < x.front().shape().front(); ++i) {
        expect_same(fmt::format("sample {} alone", i), layer(row(x, i)).all(), row(outputs, i),
                    dtype == float32 ? 1e-5 : 1e-12);
      }
    }
  }

  void check_precision() {
    const Ref<Layer> wide = built(float64);
    const Ref<Layer> narrow = built(float32);
    narrow->set_weights(wide->get_weights());
    std::vector<Tensor> outputs;
    const Outputs narrow_outputs = narrow(inputs(float32));
    for (const Tensor& output : narrow_outputs.all()) {
      outputs.push_back(is_floating(output.dtype()) ? cast(output, float64) : output);
    }
    expect_same("outputs", outputs, wide(inputs(float64)).all(), 1e-4);
  }

  void check_gradients(bool training, bool with_masks) {
    const Ref<Layer> layer = built(float64);
    const std::vector<Tensor> x = inputs(float64);
    const std::vector<Variable> weights = layer->trainable_weights();
    if (options_.ids > 0 && weights.empty()) return;
    const auto function = [&](const std::vector<Tensor>& at) {
      restart(layer);
      std::vector<Tensor> outputs = layer(with_masks ? masked(at) : at, {.training = training}).all();
      const std::vector<Tensor> losses = layer->losses();
      outputs.insert(outputs.end(), losses.begin(), losses.end());
      return outputs;
    };
    expect_none("gradcheck", gradcheck(function, x, weights, options_.gradcheck).message);
  }

  Ref<Layer> given_;
  std::string name_;
  Config config_;
  const CheckLayerOptions& options_;
  CheckReport report_;
  std::string property_;
};

}  // namespace

CheckReport check_layer(const Ref<Layer>& layer, const CheckLayerOptions& options) {
  return Checker(layer, options).run();
}

}  // namespace unspool
