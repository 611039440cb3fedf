#include <cstdlib>
#include <string>
#include <string_view>

#include <unspool/core/error.h>
#include <unspool/core/kernels/isa.h>

namespace unspool::kernels {

namespace {

std::vector<Isa> detect() {
  std::vector<Isa> isas{Isa::baseline};
#ifdef __x86_64__
  // These ask the processor and the operating system (for the wide registers) both.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) isas.push_back(Isa::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("fma")) {
    isas.push_back(Isa::avx512);
  }
#endif
  return isas;
}

Isa choose() {
  const std::vector<Isa>& available = available_isas();
  const char* const variable = std::getenv("UNSPOOL_ISA");
  if (variable != nullptr && *variable != '\0') {
    std::string possible;
    for (const Isa isa : available) {
      if (std::string_view(variable) == name_of(isa)) return isa;
      possible += (possible.empty() ? "" : ", ") + std::string(name_of(isa));
    }
    throw ValueError(
        "The environment variable UNSPOOL_ISA must be one of the instruction sets that this machine has (" +
        possible + "), but is \"" + variable + "\".");
  }
  return available.back();
}

}  // namespace

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::baseline:
      return "baseline";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      break;
  }
  return "avx512";
}

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
