#include <algorithm>
#include <functional>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/layer_access.h>
#include <unspool/models/internal/weight_paths.h>
#include <unspool/models/model.h>

namespace unspool {
namespace {

using internal::path_within;
using internal::weight_paths;

/// Whether a text matches a pattern in which '*' stands for any text and '?' for one character.
bool matches(std::string_view pattern, std::string_view text) {
  // Where to go on if what follows the last '*' does not match.
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;
  std::size_t p = 0;
  std::size_t t = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

Index set_trainable_by_path(const Model& model, std::string_view pattern, bool trainable, const char* what) {
  if (!model.built()) {
    throw ValueError(
        fmt::format("{}({}): expected a built model, got {} without weights: call it once, or "
                    "build() it",
                    what, in_quotes(pattern), model.name()));
  }
  std::vector<Variable> matched;
  const auto add = [&](const std::vector<Variable>& found) {
    for (const Variable& weight : found) {
      if (std::find(matched.begin(), matched.end(), weight) == matched.end()) matched.push_back(weight);
    }
  };
  const std::function<void(LayerTree&, bool)> visit = [&](LayerTree& layer, bool below_model) {
    if (below_model && matches(pattern, path_within(model, layer.path()))) {
      layer.set_trainable(trainable);
      add(layer.weights());
    }
    // Weights that no training changes, such as moving averages, stay so.
    for (const Variable& weight : internal::LayerAccess::trainable_weights(layer)) {
      if (!matches(pattern, path_within(model, weight.path()))) continue;
      weight.set_trainable(trainable);
      add({weight});
    }
    for (const Ref<LayerBase>& below : layer.sublayers()) visit(*below, true);
  };
  visit(*model.network(), false);
  if (matched.empty()) {
    throw ValueError(fmt::format("{}: expected a pattern that matches a layer or a weight of {}, got {}{}",
                                 what, model.name(), in_quotes(pattern),
                                 did_you_mean(std::string(pattern), weight_paths(model))));
  }
  return static_cast<Index>(matched.size());
}

}  // namespace

Variable Model::get_variable(std::string_view path) const {
  const std::string_view wanted = path_within(*this, path);
  for (const Variable& weight : weights()) {
    if (path_within(*this, weight.path()) == wanted) return weight;
  }
  throw ValueError("the model " + name() + ": expected the path of one of its weights, got " +
                   in_quotes(path) + did_you_mean(wanted, weight_paths(*this)));
}

Index Model::freeze(std::string_view pattern) const {
  return set_trainable_by_path(*this, pattern, false, "freeze");
}

Index Model::unfreeze(std::string_view pattern) const {
  return set_trainable_by_path(*this, pattern, true, "unfreeze");
}

}  // namespace unspool
