#pragma once

#include <initializer_list>
#include <vector>

#include <unspool/core/mistake.h>
#include <unspool/layers/activation.h>
#include <unspool/layers/sequential.h>
#include <unspool/models/model.h>

namespace unspool {

/// An item of a Sequential: an Input (only as the first), a layer, an activation, or another model.
class SequentialItem {
 public:
  ///@{
  /// Each kind of item converts to this.
  SequentialItem(const Tensor& input);
  template <class L>
  requires std::is_base_of_v<Layer, L> SequentialItem(const Ref<L>& layer)
      : SequentialItem(Ref<Layer>(layer)) {}
  SequentialItem(const Ref<Layer>& layer);
  SequentialItem(const Ref<LayerBase>& layer) : SequentialItem(Ref<Layer>(layer)) {}
  SequentialItem(const Activation& activation);
  SequentialItem(const Model& model);
  ///@}
  /// A mistake: layers are shared, so that a list holds no layer itself.
  UNSPOOL_MISTAKEN("write make<MyLayer>(...) in place of MyLayer(...)", class L,
                   SequentialItem(const L&) requires(std::is_base_of_v<LayerBase, L>));
  ~SequentialItem();
  SequentialItem(const SequentialItem& other);
  SequentialItem& operator=(const SequentialItem& other);
  /// The Input; empty if this is a layer.
  const Tensor& input() const { return input_; }
  /// The layer; empty if this is an Input.
  const Ref<Layer>& layer() const { return layer_; }

 private:
  Tensor input_;
  Ref<Layer> layer_;
};

/// A model that is a stack of layers, each with one input and one output:
///
///     Sequential model({Input({.shape = {8, 8}}), SimpleRNN({.units = 64}), Dense({.units = 10})});
///
/// With an Input the weights are made at once, otherwise at the first call.
class Sequential : public Model {
 public:
  ///@{
  /// A model of these layers. Throws ValueError if two layers have the same name, or if an Input is not the
  /// first item.
  explicit Sequential(SequentialOptions options = {});
  explicit Sequential(std::initializer_list<SequentialItem> items, SequentialOptions options = {});
  explicit Sequential(const std::vector<SequentialItem>& items, SequentialOptions options = {});
  Sequential(const Sequential& other);
  Sequential(Sequential&& other) noexcept;
  Sequential& operator=(const Sequential& other);
  Sequential& operator=(Sequential&& other) noexcept;
  ~Sequential();
  ///@}

  /// Adds a layer at the end. A network() that was read before keeps its layers.
  void add(const SequentialItem& item);
  /// Removes the last layer. Throws ValueError if there is none.
  void pop();

 private:
  void replace(layers::Sequential::Input input, std::vector<Ref<Layer>> layers);
  const layers::Sequential& sequence() const;
};

}  // namespace unspool
