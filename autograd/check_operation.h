#pragma once

#include <unspool/autograd/check_report.h>
#include <unspool/autograd/operation.h>

namespace unspool {

/// Checks an operation's record against itself on its examples: that gradients of the first and second order
/// are those of the kernel, and read what `keep` names, all of it and nothing else; that the shape rule fits
/// the kernel, also where sizes are unknown; that rows behave as `rows` says; that the kernel computes
/// the `form`; that float32 gives what float64 gives; that it has a name of its own and a summary. Works for a user's
/// operations, too:
///
///     CHECK(check_operation(table["smooth_step"]));
CheckReport check_operation(OperationRef operation);

}  // namespace unspool
