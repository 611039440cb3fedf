#pragma once

#include <unspool/core/config.h>

namespace unspool::internal {

/// A config of Keras in which the calls of graphs are as this library has them: operations of keras.ops
/// (which Keras makes for masks, and for x * 2) are operations of this library. `training` of a call is left
/// out, since Keras takes that of the model. Throws FileError for an operation that this library does not
/// have.
Config with_own_operations(const Config& config);

/// The inverse for an operation in a graph. Throws ValueError for one that Keras does not have.
Config keras_operation(const Config& item);

}  // namespace unspool::internal
