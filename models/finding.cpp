#include <ostream>

#include <unspool/core/error.h>
#include <unspool/models/finding.h>

namespace unspool {

std::string_view name_of(Fault fault) {
  switch (fault) {
    case Fault::mask_keeps_all:
      return "a mask that masks nothing";
    case Fault::mask_keeps_none:
      return "a mask that masks everything";
    case Fault::unscaled_data:
      return "unscaled data";
    case Fault::labels_misfit_loss:
      return "labels that do not fit the loss";
    case Fault::unshuffled_data:
      return "unshuffled data";
    case Fault::no_gradient:
      return "no gradient";
    case Fault::exploding_gradients:
      return "exploding gradients";
    case Fault::vanishing_gradients:
      return "vanishing gradients";
    case Fault::saturated_gates:
      return "saturated gates";
    case Fault::dead_units:
      return "dead units";
    case Fault::high_learning_rate:
      return "a learning rate that is too high";
    case Fault::low_learning_rate:
      return "a learning rate that is too low";
  }
  throw ValueError("name_of: expected a Fault, got another number");
}

std::ostream& operator<<(std::ostream& stream, const Finding& finding) {
  stream << name_of(finding.fault);
  if (!finding.layer.empty()) stream << " in " << finding.layer;
  if (finding.step) stream << ", time step " << *finding.step;
  return stream << ": " << finding.words << "\n   What to do: " << finding.advice;
}

}  // namespace unspool
