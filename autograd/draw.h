#pragma once

#include <string>

namespace unspool {

class GradientTape;

/// A picture of a tape in DOT, the language of Graphviz: a node for each record, input and variable, within
/// frames by layer and time step if the tape keeps all. to_svg() in models/draw.h draws it.
std::string to_dot(const GradientTape& tape);

}  // namespace unspool
