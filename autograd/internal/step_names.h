#pragma once

#include <string>

#include <unspool/autograd/scan/program.h>

namespace unspool::internal {

/// Names values of a program that its equations need and that nobody named: the argument of a gate f is a_f,
/// a gate without a name g1, g2, ..., the left side of a product, and what a gradient reads, s1, s2, ...
void name_values(scan_compiler::Program& program);

/// The gate of a name: "f" of the argument "a_f", "h" of the new state "h_t", "f" of "f".
std::string gate_of(std::string name);

}  // namespace unspool::internal
