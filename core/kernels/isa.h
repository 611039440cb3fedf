#pragma once

#include <cstdint>
#include <vector>

namespace unspool::kernels {

/// The instruction sets that kernels are compiled for on this processor: the rows of instruction_sets.def.
enum class Isa : std::uint8_t {
#define UNSPOOL_INSTRUCTION_SET(name, ...) name,
#include <unspool/core/kernels/instruction_sets.def>
#undef UNSPOOL_INSTRUCTION_SET
};

/// Its name in instruction_sets.def.
const char* name_of(Isa isa);

/// Those that this machine can run, the narrowest first, the widest last.
const std::vector<Isa>& available_isas();

/// The one in use, the same for the life of the process: the environment's UNSPOOL_ISA, else the last of
/// available_isas(). Throws ValueError if UNSPOOL_ISA is not the name of an available one.
Isa current_isa();

}  // namespace unspool::kernels
