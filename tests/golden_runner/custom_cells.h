#pragma once

namespace golden {

/// Registers the cells of the group `custom`, which are written as users write cells: weights and equations.
void register_custom_cells();

}  // namespace golden
