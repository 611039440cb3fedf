#include <unspool/core/error.h>
#include <unspool/optim/adamw.h>
#include <unspool/optim/internal/make_optimizer.h>

namespace unspool {

const Fields& AdamWOptions::fields() {
  using O = AdamWOptions;
  static const Fields all = optimizer_fields_with_decay<O>(
      field("learning_rate", &O::learning_rate, "the learning rate"),
      field("weight_decay", &O::weight_decay,
            "subtracts this part of each weight, times the learning rate, before a step"),
      field("beta_1", &O::beta_1, "the decay of the running mean of the gradients"),
      field("beta_2", &O::beta_2, "the decay of the running mean of their squares"),
      field("epsilon", &O::epsilon, "added to the divisor, which may be 0"),
      field("amsgrad", &O::amsgrad,
            "divides by the largest mean of squares so far (Reddi, Kale, Kumar 2018)"));
  return all;
}

template Optimizer internal::make_optimizer<optimizers::AdamW>(const AdamWOptions&);

}  // namespace unspool

namespace unspool::optimizers {

AdamW::AdamW(const AdamWOptions& options) : Adam(options_from<AdamOptions>(options)) {
  if (!options.weight_decay) {
    throw ValueError(name() + ": expected a number for weight_decay, got none: Adam takes none");
  }
}

}  // namespace unspool::optimizers
