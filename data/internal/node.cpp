#include <unspool/data/internal/node.h>
#include <unspool/data/internal/stack.h>

namespace unspool::internal {

Batch RowSource::row(const Item& item) const { return first_of(gather({&item, 1})); }

Batch value_of(const DataNode& node, Item&& item) {
  return item.value ? std::move(*item.value) : node.rows()->row(item);
}

}  // namespace unspool::internal
