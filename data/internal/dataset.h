#pragma once

#include <memory>
#include <utility>

#include <unspool/data/dataset.h>
#include <unspool/data/internal/nodes.h>

namespace unspool::internal {

/// Makes datasets of nodes, for the library.
struct DatasetAccess {
  static Dataset make(NodePointer node) { return Dataset(std::move(node)); }
};

/// A dataset of the rows of a source: 0, ..., count - 1.
inline Dataset dataset_of_rows(Index count, std::unique_ptr<const RowSource> rows) {
  return DatasetAccess::make(rows_node(count, std::move(rows)));
}

}  // namespace unspool::internal
