#pragma once

namespace golden {

/// Makes the cells of the group custom known by the names that their configs have. They are written as a user
/// writes a cell: weights and equations.
void register_custom_cells();

}  // namespace golden
