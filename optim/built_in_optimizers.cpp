#include <type_traits>
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

/// Each under its class name and, as Keras takes it, under that in small letters.
std::vector<Registry<OptimizerBase>::Entry> built_in_optimizers() {
  std::vector<Registry<OptimizerBase>::Entry> entries;
  const auto add = [&]<class T>(std::type_identity<T>) {
    const std::string name = class_name_of(typeid(T));
    std::string small = name;
    for (char& c : small) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    for (const std::string& each : {name, small}) entries.push_back(Registry<OptimizerBase>::entry<T>(each));
  };
  add(std::type_identity<optimizers::SGD>());
  add(std::type_identity<optimizers::RMSprop>());
  add(std::type_identity<optimizers::Adam>());
  add(std::type_identity<optimizers::AdamW>());
  add(std::type_identity<optimizers::Adadelta>());
  add(std::type_identity<optimizers::Adagrad>());
  add(std::type_identity<optimizers::Adamax>());
  add(std::type_identity<optimizers::Adafactor>());
  add(std::type_identity<optimizers::Nadam>());
  add(std::type_identity<optimizers::Ftrl>());
  add(std::type_identity<optimizers::Lion>());
  add(std::type_identity<optimizers::Lamb>());
  return entries;
}

}  // namespace

Registry<OptimizerBase>& optimizer_registry() {
  static Registry<OptimizerBase> registry("optimizer", &built_in_optimizers, "register_optimizer");
  return registry;
}

}  // namespace unspool
