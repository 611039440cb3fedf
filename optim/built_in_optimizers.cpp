#include <typeinfo>

#include <unspool/core/class_name.h>
#include <unspool/optim/adadelta.h>
#include <unspool/optim/adafactor.h>
#include <unspool/optim/adagrad.h>
#include <unspool/optim/adam.h>
#include <unspool/optim/adamax.h>
#include <unspool/optim/adamw.h>
#include <unspool/optim/ftrl.h>
#include <unspool/optim/lamb.h>
#include <unspool/optim/lion.h>
#include <unspool/optim/nadam.h>
#include <unspool/optim/rmsprop.h>
#include <unspool/optim/sgd.h>

namespace unspool {
namespace {

struct OptimizerRow {
  const std::type_info* type;
  std::shared_ptr<OptimizerBase> (*make)(const Config&);
};

template <class T>
constexpr OptimizerRow optimizer_row() {
  return {&typeid(T), &internal::made_from_config<OptimizerBase, T>};
}

constexpr OptimizerRow optimizer_rows[] = {
    optimizer_row<optimizers::SGD>(),      optimizer_row<optimizers::RMSprop>(),
    optimizer_row<optimizers::Adam>(),     optimizer_row<optimizers::AdamW>(),
    optimizer_row<optimizers::Adadelta>(), optimizer_row<optimizers::Adagrad>(),
    optimizer_row<optimizers::Adamax>(),   optimizer_row<optimizers::Adafactor>(),
    optimizer_row<optimizers::Nadam>(),    optimizer_row<optimizers::Ftrl>(),
    optimizer_row<optimizers::Lion>(),     optimizer_row<optimizers::Lamb>(),
};

/// Each class under its name and, as Keras takes it, under that in small letters.
std::vector<Registry<OptimizerBase>::Entry> built_in_optimizers() {
  std::vector<Registry<OptimizerBase>::Entry> entries;
  for (const OptimizerRow& one : optimizer_rows) {
    const std::string name = class_name_of(*one.type);
    std::string small = name;
    for (char& c : small) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    for (const std::string& each : {name, small}) entries.push_back({each, *one.type, one.make});
  }
  return entries;
}

}  // namespace

Registry<OptimizerBase>& optimizer_registry() {
  static Registry<OptimizerBase> registry("optimizer", &built_in_optimizers, "register_optimizer");
  return registry;
}

}  // namespace unspool
