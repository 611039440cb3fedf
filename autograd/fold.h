#pragma once

#include <optional>
#include <span>

#include <unspool/autograd/operation.h>

namespace unspool {

/// All steps of an operation at once, where its record knows how. Operands marked `leading` have one more
/// axis in front than in a step, all of one size; the others are the same at every step. Each output is that
/// of all steps, stacked along a new first axis. Empty if the record cannot be folded so, even with all
/// operands repeated along the axis. ValueError if no operand leads, or if their sizes differ.
std::optional<Tensors> apply_folded(OperationRef operation, std::span<const Tensor> inputs,
                                    std::span<const bool> leading,
                                    const Attributes& attributes = no_attributes);

}  // namespace unspool
