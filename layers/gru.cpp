#include <unspool/layers/gru.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/internal/recurrent_options.h>

namespace unspool {

const Fields& GRUOptions::fields() {
  using O = GRUOptions;
  static const Fields all = internal::joined_fields<O>(
      internal::cell_fields<O>(), internal::seed_field<O>(), internal::loop_fields<O>(),
      internal::reset_after_field<O>(), internal::implementation_field<O>(), internal::sequence_fields<O>(),
      internal::layer_fields<O>());
  return all;
}

template Ref<layers::GRU> detail::make_from_options<layers::GRU>(const layers::GRU::Options&);

}  // namespace unspool

namespace unspool::layers {

GRU::GRU(const GRUOptions& options) : RecurrentLayer(options, "gru_cell") {}

}  // namespace unspool::layers
