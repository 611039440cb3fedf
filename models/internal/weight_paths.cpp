#include <set>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/weight_paths.h>

namespace unspool::internal {

std::string_view path_within(const Model& model, std::string_view path) {
  const std::string& name = model->name();
  const bool inside = path.starts_with(name) && path.size() > name.size() && path[name.size()] == '/';
  return inside ? path.substr(name.size() + 1) : path;
}

std::vector<std::string> weight_paths(const Model& model) {
  std::vector<std::string> paths;
  std::set<std::string> taken;
  for (const Variable& weight : model.weights()) {
    const std::string base(path_within(model, weight.path()));
    std::string path = base;
    for (int i = 1; !taken.insert(path).second; ++i) path = fmt::format("{}_{}", base, i);
    paths.push_back(std::move(path));
  }
  return paths;
}

Ref<LayerBase> layer_at(const Model& model, std::string_view path) {
  const std::string_view wanted = path_within(model, path);
  std::vector<std::string> paths;
  std::vector<Ref<LayerBase>> waiting = {model.network()};
  while (!waiting.empty()) {
    const Ref<LayerBase> layer = waiting.back();
    waiting.pop_back();
    const std::string_view here = path_within(model, layer->path());
    if (here == wanted) return layer;
    paths.emplace_back(here);
    for (const Ref<LayerBase>& below : layer->sublayers()) waiting.push_back(below);
  }
  throw ValueError(fmt::format("the model {}: expected the path of one of its layers, got {}{}", model.name(),
                               in_quotes(path), did_you_mean(wanted, paths)));
}

}  // namespace unspool::internal
