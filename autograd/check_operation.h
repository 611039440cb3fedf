#pragma once

#include <unspool/autograd/check_report.h>
#include <unspool/autograd/operation.h>

namespace unspool {

/// Checks the record of an operation on its examples: gradients of first and second order agree with the
/// kernel and read exactly what `keep` names; the shape rule agrees with the kernel, for unknown sizes as
/// well; rows behave as `rows` says; the kernel computes the `form`; float32 agrees with float64; the name is
/// unique and there is a summary. It works for operations of your own as well:
///
///     CHECK(check_operation(table["smooth_step"]));
CheckReport check_operation(OperationRef operation);

}  // namespace unspool
