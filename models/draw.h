#pragma once

#include <string>

#include <unspool/autograd/scan.h>
#include <unspool/models/plot_model.h>

namespace unspool {

class GradientTape;

///@{
/// Pictures in SVG, drawn by Graphviz' program dot: of a text in DOT, a tape, a compiled scan (see
/// RNN::compiled()), a model. Throw RuntimeError if the program is not installed or fails.
std::string to_svg(const std::string& dot);
std::string to_svg(const GradientTape& tape);
std::string to_svg(const CompiledScan& scan, ScanPicture picture = ScanPicture::plan);
std::string to_svg(const Model& model, PlotModelOptions options = {});
///@}

}  // namespace unspool
