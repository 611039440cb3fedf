#include <unspool/core/internal/named_list_members.h>
#include <unspool/data/batch.h>

namespace unspool {

template class NamedList<Tensor>;

}  // namespace unspool
