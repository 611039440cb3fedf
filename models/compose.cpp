#include <unspool/models/compose.h>

namespace unspool {

Sequential operator|(const Sequential& model, const SequentialItem& item) {
  Sequential same = model;
  same.add(item);
  return same;
}

}  // namespace unspool

namespace unspool::detail {

Sequential compose(Sequential model, const Ref<Layer>& layer) {
  model.add(layer);
  return model;
}

Outputs compose(const Inputs& tensors, const Ref<Layer>& layer) { return layer(tensors); }

}  // namespace unspool::detail
