#include <cstdlib>
#include <string_view>

#include <unspool/core/kernels/machine_code.h>

namespace unspool::kernels {

bool makes_machine_code(Isa isa) {
#if defined(__x86_64__) && defined(__unix__)
  static const bool off = [] {
    const char* const variable = std::getenv("UNSPOOL_MACHINE_CODE");
    return variable != nullptr && std::string_view(variable) == "off";
  }();
  return !off && isa != Isa::baseline;
#else
  static_cast<void>(isa);
  return false;
#endif
}

}  // namespace unspool::kernels
