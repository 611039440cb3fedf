#pragma once

#include <unspool/core/kernels/isa.h>

namespace unspool::kernels {

/// Whether code is to be made for it while the program runs: for AVX2 and AVX-512, unless the environment's
/// UNSPOOL_MACHINE_CODE is "off". Some systems end a program that makes code; and what is compiled ahead does
/// the same and can be compared.
bool makes_machine_code(Isa isa);

}  // namespace unspool::kernels
