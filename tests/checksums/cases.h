#pragma once

#include <functional>
#include <string>

#include <unspool/unspool.h>

#include "../autograd/random_programs.h"
#include "../support/checksum.h"

/// Results whose bits two versions of the library have to agree on. Only public interfaces are used, so that
/// the sources also compile against a version that came before them.
namespace checksums {

using namespace unspool;
using Draws = scan_programs::Dice;
using testing::ChecksumLines;

/// Runs one case and prints the lines that `body` adds; if it throws, a line that says so.
void run_case(const std::string& name, const std::function<void(ChecksumLines&)>& body);

/// Normally distributed float32 values, which follow from the seed alone.
Tensor values(const Shape& shape, std::uint64_t seed, double scale = 1);

/// The sum of the floating tensors, each weighted with values of its own.
Tensor weighted_sum(const std::vector<Tensor>& tensors, std::uint64_t seed);

/// Adds the outputs of a function and their gradients by the inputs that are floating, up to an order.
void add_derivatives(ChecksumLines& lines,
                     const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& function,
                     const std::vector<Tensor>& inputs, int orders);

// The groups of cases.
void run_operations();
void run_random_scans();
void run_recurrent_layers();
void run_training();

}  // namespace checksums
