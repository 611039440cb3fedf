#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>

#include <unspool/core/error.h>
#include <unspool/core/kernels/instruction_set.h>

namespace unspool::kernels {

namespace {

constexpr InstructionSet sets[] = {
#define UNSPOOL_INSTRUCTION_SET(name, flags, available, jit) \
  {#name, [] { return available; }, gemm_##name##_float, gemm_##name##_double, vector_##name, jit},
#include <unspool/core/kernels/instruction_sets.def>
#undef UNSPOOL_INSTRUCTION_SET
};

std::vector<Isa> detect() {
  std::vector<Isa> isas;
  for (std::size_t i = 0; i < std::size(sets); ++i) {
    if (sets[i].available()) isas.push_back(static_cast<Isa>(i));
  }
  return isas;
}

Isa choose() {
  const std::vector<Isa>& available = available_isas();
  const char* const variable = std::getenv("UNSPOOL_ISA");
  if (variable == nullptr || *variable == '\0') return available.back();
  std::string possible;
  for (const Isa isa : available) {
    if (std::string_view(variable) == name_of(isa)) return isa;
    possible += (possible.empty() ? "" : ", ") + std::string(name_of(isa));
  }
  throw ValueError(
      "The environment variable UNSPOOL_ISA: expected an instruction set that this machine has (" + possible +
      "), got \"" + variable + "\".");
}

}  // namespace

const InstructionSet& instruction_set(Isa isa) { return sets[static_cast<std::size_t>(isa)]; }

const char* name_of(Isa isa) { return instruction_set(isa).name; }

const std::vector<Isa>& available_isas() {
  // Never destroyed: products may be computed at the very end.
  static const auto* const isas = new std::vector<Isa>(detect());
  return *isas;
}

Isa current_isa() {
  static const Isa isa = choose();
  return isa;
}

}  // namespace unspool::kernels
