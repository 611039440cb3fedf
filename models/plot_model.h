#pragma once

#include <string>

#include <unspool/models/model.h>

namespace unspool {

/// Keras' arguments of plot_model().
struct PlotModelOptions {
  bool show_shapes = false;             ///< Whether to show the shapes of inputs and outputs.
  bool show_dtype = false;              ///< Whether to show the dtype of the output.
  bool show_layer_names = false;        ///< Whether to show names beside classes.
  std::string rankdir = "TB";           ///< "TB": from top to bottom; "LR": from left to right.
  bool expand_nested = false;           ///< Whether to draw the layers of nested models, within a frame.
  int dpi = 200;                        ///< The resolution of pixel images.
  bool show_layer_activations = false;  ///< Whether to show activations.
  bool show_trainable = false;          ///< Whether to show which layers are trained.
  std::string splines = "ortho";        ///< Graphviz' kind of edges: "ortho", "curved", "spline", "line", ...
};

/// The graph of a model in DOT, the language of Graphviz: a node for each input, layer and operation, and an
/// edge for each connection. A model that is neither a graph nor a stack of layers is one node. Throws
/// ValueError if the model is not built, or for an unknown rankdir.
std::string model_to_dot(const Model& model, PlotModelOptions options = {});

/// Draws the graph of a model to a file. The extension says how: ".dot" or ".gv" is the text of
/// model_to_dot(); others (".svg", ".png", ".pdf", ...) are drawn by Graphviz' program dot. Throws
/// RuntimeError if the program is not installed or fails, FileError if the file cannot be written, and as
/// model_to_dot().
void plot_model(const Model& model, const std::string& to_file, PlotModelOptions options = {});

}  // namespace unspool
