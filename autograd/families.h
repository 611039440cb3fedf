#pragma once

#include <unspool/autograd/operation.h>

/// The families of operations, each one array of records in the source named by it. Everything that walks all
/// records (checks, the manual) starts here.
#define UNSPOOL_OPERATION_FAMILIES(family)                                                             \
  family(arithmetic) family(elementary) family(comparison) family(conversion) family(creation)         \
      family(reduction) family(product) family(shaping) family(views) family(joining) family(indexing) \
          family(sorting) family(softmax) family(random) family(scan)

namespace unspool::families {

#define UNSPOOL_DECLARE_FAMILY(name) OperationList name();
UNSPOOL_OPERATION_FAMILIES(UNSPOOL_DECLARE_FAMILY)
#undef UNSPOOL_DECLARE_FAMILY

}  // namespace unspool::families
