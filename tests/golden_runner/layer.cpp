#include "build.h"
#include "call.h"
#include "groups.h"
#include "recurrent.h"

namespace golden {
namespace {

/// Compares the weights that the call changed, and checks that it did not change others.
void check_weights_after(const Case& file, const Ref<LayerBase>& layer, Report& report) {
  const std::vector<Tensor> weights = layer->get_weights();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::string before = "weight." + std::to_string(i);
    const std::string after = "weight_after." + std::to_string(i);
    const bool changed = file.has(after);
    report.compare(after, weights[i], file.tensor(changed ? after : before), file.tolerance());
  }
}

}  // namespace

void run_layer(const Case& file, Report& report) {
  const DType dtype = file.about()["dtype"].as<DType>();
  for (const Variant& variant : variants_of(file.config())) {
    report.begin_part(variant.name);
    const Ref<LayerBase> layer = build(variant.config, dtype);
    const Call call(file, "", file.call());
    call.build(layer);
    layer->set_weights(file.numbered("weight."));
    call.check(layer, report);
    check_weights_after(file, layer, report);
    check_paths(layer, report);
  }
}

}  // namespace golden
