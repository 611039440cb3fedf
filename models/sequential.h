#pragma once

#include <initializer_list>
#include <vector>

#include <unspool/layers/activation.h>
#include <unspool/layers/sequential.h>
#include <unspool/models/model.h>

namespace unspool {

/// Something that a Sequential is made of: an Input (the first only), a layer, an activation, or another
/// model.
class SequentialItem {
 public:
  SequentialItem(const Tensor& input);
  template <class L>
  requires std::is_base_of_v<Layer, L> SequentialItem(const Ref<L>& layer)
      : SequentialItem(Ref<Layer>(layer)) {}
  SequentialItem(const Ref<Layer>& layer);
  SequentialItem(const Activation& activation);
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
  void replace(layers::Sequential::Input input, std::vector<Ref<Layer>> layers);
  const layers::Sequential& sequence() const;
};

}  // namespace unspool
