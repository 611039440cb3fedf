#include "recurrent.h"

namespace golden {
namespace {

void collect(const Ref<LayerBase>& layer, std::vector<std::shared_ptr<layers::RNN>>& found) {
  if (auto rnn = std::dynamic_pointer_cast<layers::RNN>(layer.pointer())) found.push_back(std::move(rnn));
  for (const Ref<LayerBase>& sublayer : layer->sublayers()) collect(sublayer, found);
}

/// The rest of the line after `words`; empty if they do not occur.
std::string after(const std::string& text, const std::string& words) {
  const std::size_t at = text.find(words);
  if (at == std::string::npos) return "";
  return text.substr(at + words.size(), text.find('\n', at) - at - words.size());
}

}  // namespace

std::vector<std::shared_ptr<layers::RNN>> recurrent_layers(const Ref<LayerBase>& layer) {
  std::vector<std::shared_ptr<layers::RNN>> found;
  collect(layer, found);
  return found;
}

void check_paths(const Ref<LayerBase>& layer, Report& report) {
  for (const auto& rnn : recurrent_layers(layer)) {
    const std::string plan = rnn->plan();
    const std::string reason = after(plan, "since ");
    if (rnn->options().unroll) {
      report.took_path("unroll");
    } else if (!reason.empty()) {
      report.took_path("scan, whole steps since " + reason);
    } else if (plan.starts_with("forward")) {
      report.took_path("scan");
    } else {
      report.fail("the layer " + rnn->name() + " did not run by scan, and its plan names no reason: " + plan);
    }
  }
}

}  // namespace golden
