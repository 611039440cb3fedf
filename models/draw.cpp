#include <unspool/autograd/draw.h>
#include <unspool/autograd/tape.h>
#include <unspool/models/draw.h>
#include <unspool/models/internal/graphviz.h>

namespace unspool {

std::string to_svg(const std::string& dot) { return internal::graphviz_svg(dot); }
std::string to_svg(const GradientTape& tape) { return to_svg(to_dot(tape)); }
std::string to_svg(const CompiledScan& scan, ScanPicture picture) { return to_svg(scan.to_dot(picture)); }
std::string to_svg(const Model& model, PlotModelOptions options) {
  return to_svg(model_to_dot(model, std::move(options)));
}

}  // namespace unspool
