#pragma once

#include <vector>

namespace unspool::kernels {

/// The instruction sets that kernels are compiled for.
enum class Isa { baseline, avx2, avx512 };

/// "baseline", "avx2", "avx512".
const char* name_of(Isa isa);

/// Those that this machine can run, baseline first, the widest last.
const std::vector<Isa>& available_isas();

/// The one in use, the same for the life of the process: the environment's UNSPOOL_ISA, else the last of
/// available_isas. ValueError if UNSPOOL_ISA is no name of an available one.
Isa current_isa();

}  // namespace unspool::kernels
