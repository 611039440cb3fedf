#include <unspool/layers/activity_regularization.h>
#include <unspool/layers/internal/layer_maker.h>

namespace unspool {

const Fields& ActivityRegularizationOptions::fields() {
  using O = ActivityRegularizationOptions;
  static const Fields all =
      fields_of<O>(field("l1", &O::l1, "the factor of sum(|x|)"),
                   field("l2", &O::l2, "the factor of sum(x^2)"), field("name", &O::name, "of the layer"),
                   field("trainable", &O::trainable, "whether training changes its weights"),
                   field("dtype", &O::dtype, "of the computation"));
  return all;
}

template Ref<layers::ActivityRegularization> detail::make_from_options<layers::ActivityRegularization>(
    const layers::ActivityRegularization::Options&);

}  // namespace unspool

namespace unspool::layers {

ActivityRegularization::ActivityRegularization(const ActivityRegularizationOptions& options)
    : OptionsLayer(options,
                   LayerOptions{.name = options.name,
                                .trainable = options.trainable,
                                .dtype = options.dtype,
                                .activity_regularizer = L1L2({.l1 = options.l1, .l2 = options.l2})}) {}

}  // namespace unspool::layers
