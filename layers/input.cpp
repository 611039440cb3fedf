#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/input.h>
#include <unspool/layers/naming.h>

namespace unspool {

GivenShape::GivenShape(std::initializer_list<detail::Dimension> sizes) : std::optional<Shape>(Shape(sizes)) {}

Tensor Input(InputOptions options) {
  if (options.batch_shape && (options.shape || options.batch_size)) {
    throw ValueError("Input: expected either batch_shape, or shape and batch_size, got batch_shape " +
                     to_string(*options.batch_shape) +
                     (options.shape ? " and shape " + to_string(*options.shape) : " and batch_size"));
  }
  if (!options.batch_shape && !options.shape)
    throw ValueError("Input: expected a shape or a batch_shape, got neither");
  const Shape shape = options.batch_shape ? *options.batch_shape
                                          : Shape({options.batch_size.value_or(unknown)}) + *options.shape;
  if (options.name.empty()) options.name = unique_name("input_layer");
  if (options.name.find('/') != std::string::npos) {
    throw ValueError("Input: expected a name without '/', got " + in_quotes(options.name));
  }
  return GraphNode::input({shape, options.dtype}, options.name);
}

}  // namespace unspool
