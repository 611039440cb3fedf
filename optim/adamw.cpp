#include <unspool/core/error.h>
#include <unspool/optim/adamw.h>

namespace unspool {

const Fields& AdamWOptions::fields() {
  using O = AdamWOptions;
  static const Fields all = optimizer_fields_with_decay<O>(
      field("learning_rate", &O::learning_rate, "the size of a step"),
      field("weight_decay", &O::weight_decay,
            "takes this part, times the rate, off each weight before a step"),
      field("beta_1", &O::beta_1, "how slowly the mean of the gradients moves"),
      field("beta_2", &O::beta_2, "how slowly the mean of their squares moves"),
      field("epsilon", &O::epsilon, "keeps the divisor from 0"),
      field("amsgrad", &O::amsgrad,
            "divides by the largest mean of squares so far (Reddi, Kale, Kumar 2018)"));
  return all;
}

Optimizer AdamW(AdamWOptions options) {
  return Optimizer(std::make_shared<optimizers::AdamW>(std::move(options)));
}

}  // namespace unspool

namespace unspool::optimizers {

AdamW::AdamW(const AdamWOptions& options) : Adam(options_from<AdamOptions>(options)) {
  if (!options.weight_decay) {
    throw ValueError(name() + ": weight_decay must be a number, got none; Adam takes none");
  }
}

}  // namespace unspool::optimizers
