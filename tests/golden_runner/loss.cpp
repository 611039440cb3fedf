#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/tape.h>
#include <unspool/layers/call.h>
#include <unspool/models/loss.h>

#include "arguments.h"
#include "groups.h"

namespace golden {

void run_loss(const Case& file, Report& report) {
  const Loss loss =
      Loss::from_config(serialized_with_arguments(file.config(), file.about()["what"].as<std::string>()));
  const Tensor& y_pred = file.tensor("y_pred");
  GradientTape tape;
  tape.watch(y_pred);
  const Tensor value =
      loss(file.tensor("y_true"), file.has("mask") ? with_mask(y_pred, file.tensor("mask")) : y_pred,
           file.has("sample_weight") ? file.tensor("sample_weight") : Tensor());
  report.compare("value", value, file.tensor("value"));
  report.compare("grad.y_pred", tape.gradient(sum(value * file.tensor("cotangent")), y_pred),
                 file.tensor("grad.y_pred"));
}

}  // namespace golden
