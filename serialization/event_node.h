#pragma once

#include <string>
#include <utility>
#include <vector>

#include <unspool/core/shape.h>

namespace unspool {

/// A node of a graph, as TensorBoard draws it.
struct EventNode {
  std::string name = {};                  ///< Unique; TensorBoard groups the nodes by the parts between '/'.
  std::string operation = {};             ///< The kind of node, such as a class of layers.
  std::vector<std::string> inputs = {};   ///< The names of the nodes whose outputs it takes.
  std::vector<Shape> output_shapes = {};  ///< Of each output; -1 for unknown sizes.
  /// Texts by name that TensorBoard shows beside the node.
  std::vector<std::pair<std::string, std::string>> attributes = {};
};

}  // namespace unspool
