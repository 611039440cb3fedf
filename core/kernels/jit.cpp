#include <cstdlib>
#include <string_view>

#include <unspool/core/kernels/instruction_set.h>
#include <unspool/core/kernels/jit.h>

namespace unspool::kernels {

constinit const JitTarget no_jit{};

const JitTarget* jit_target(Isa isa) {
  static const bool off = [] {
    const char* const variable = std::getenv("UNSPOOL_MACHINE_CODE");
    return variable != nullptr && std::string_view(variable) == "off";
  }();
  const JitTarget& target = instruction_set(isa).jit;
  return off || target.vector_registers == 0 ? nullptr : &target;
}

}  // namespace unspool::kernels
