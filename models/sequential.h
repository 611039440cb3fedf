#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include <unspool/layers/layer.h>
#include <unspool/models/model.h>

namespace unspool {

struct SequentialOptions {
  /// Empty: "sequential", "sequential_1", ...
  std::string name = {};
  bool trainable = true;
};

namespace layers {

/// Layers one after the other: the network inside a Sequential.
class Sequential : public Layer {
 public:
  /// What goes in, if it is known, and what it is called.
  struct Input {
    Shape shape;
    DType dtype = float32;
    std::string name;
  };

  /// ValueError if two layers have one name.
  Sequential(SequentialOptions options, std::optional<Input> input, std::vector<Ref<Layer>> layers);

  const std::optional<Input>& first_input() const { return input_; }
  const std::vector<Ref<Layer>>& layers() const { return layers_; }
  /// Calls the layers on a symbolic tensor, if the input is known, so that each of them has a node. Those
  /// that `before` has called stay as they are.
  void connect_layers(const Sequential* before = nullptr);
  /// The symbolic tensors that go in and come out; empty before connect_layers().
  std::vector<Tensor> inputs() const;
  std::vector<Tensor> outputs() const;

  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  Config get_config() const override;
  static Ref<Sequential> from_config(const Config& config);

 protected:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  std::vector<Tensor> compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  bool autocast() const override { return false; }

 private:
  std::optional<Input> input_;
  std::vector<Ref<Layer>> layers_;
  std::vector<std::vector<Tensor>> graph_;  // The input, then the outputs of each layer.
};

}  // namespace layers

/// Something that a Sequential is made of: an Input (the first only), a layer, or another model.
class SequentialItem {
 public:
  SequentialItem(const Tensor& input);
  template <class L>
  requires std::is_base_of_v<Layer, L> SequentialItem(const Ref<L>& layer)
      : SequentialItem(Ref<Layer>(layer)) {}
  SequentialItem(const Ref<Layer>& layer);
  SequentialItem(const Model& model);
  ~SequentialItem();
  SequentialItem(const SequentialItem& other);
  SequentialItem& operator=(const SequentialItem& other);
  const Tensor& input() const { return input_; }
  const Ref<Layer>& layer() const { return layer_; }

 private:
  Tensor input_;
  Ref<Layer> layer_;
};

/// A model of layers one after the other:
///
///     Sequential model({Input({.shape = {8, 8}}), SimpleRNN({.units = 64}), Dense({.units = 10})});
///
/// With an Input its weights are made at once, otherwise at the first call.
class Sequential : public Model {
 public:
  explicit Sequential(SequentialOptions options = {});
  /// ValueError if two layers have one name, or if an Input does not come first.
  explicit Sequential(std::initializer_list<SequentialItem> items, SequentialOptions options = {});
  explicit Sequential(const std::vector<SequentialItem>& items, SequentialOptions options = {});

  /// Puts another layer at the end. A network that was taken out of the model before stays as it was.
  void add(const SequentialItem& item);
  /// Takes the last layer away. ValueError if there is none.
  void pop();

 private:
  void replace(std::optional<layers::Sequential::Input> input, std::vector<Ref<Layer>> layers);
  const layers::Sequential& sequence() const;
};

}  // namespace unspool
