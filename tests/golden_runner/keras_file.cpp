#include <unspool/autograd/conversion.h>
#include <unspool/layers/registry.h>
#include <unspool/models/model.h>

#include "groups.h"

namespace golden {
namespace {

void compare_tensors(const std::string& what, const std::vector<Tensor>& got, const Case& file,
                     Report& report) {
  const std::vector<Tensor> expected = file.numbered(what);
  if (got.size() != expected.size()) {
    report.fail(what + ": expected " + std::to_string(expected.size()) + ", got " +
                std::to_string(got.size()));
    return;
  }
  for (std::size_t i = 0; i < got.size(); ++i) {
    // The file stores int64 as int32.
    report.compare(what + std::to_string(i), cast(got[i], expected[i].dtype()), expected[i]);
  }
}

Model loaded(const Case& file, const std::string& path) {
  if (!path.ends_with(".weights.h5")) return load_model(path);
  Model model(layer_from_config<Layer>(file.config()));
  model.load_weights(path);
  return model;
}

std::vector<Tensor> values_of(const std::vector<Variable>& variables) {
  std::vector<Tensor> values;
  for (const Variable& variable : variables) values.push_back(variable.value());
  return values;
}

}  // namespace

void run_keras_file(const Case& file, Report& report) {
  const std::string path = (file.folder() / file.call()["file"].as<std::string>()).string();
  Model model = loaded(file, path);
  compare_tensors("weight.", model.get_weights(), file, report);
  const std::vector<Tensor> inputs = file.numbered("input.");
  const Index batch = file.call()["batch_size"].as<Index>();
  compare_tensors("output.", model.predict(inputs, {.batch_size = batch}).all(), file, report);
  if (!model.compiled()) {
    for (const std::string& name : file.left()) {
      // Of a file of weights, which does not say how the model was compiled.
      if (name == "target" || name.starts_with("optimizer_variable.")) file.pass_over(name);
    }
    return;
  }
  compare_tensors("optimizer_variable.", values_of(model.optimizer().variables()), file, report);
  model.reset_states();
  const Logs logs = model.train_on_batch(inputs, file.tensor("target"));
  report.compare("next_train_loss", Tensor::scalar(static_cast<float>(logs["loss"])),
                 file.tensor("next_train_loss"));
  compare_tensors("weight_after_next_step.", model.get_weights(), file, report);
}

}  // namespace golden
