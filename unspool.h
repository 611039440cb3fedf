#pragma once

#include <unspool/core/config.h>
#include <unspool/core/dtype.h>
#include <unspool/core/error.h>
#include <unspool/core/fields.h>
#include <unspool/core/random.h>
#include <unspool/core/scalar.h>
#include <unspool/core/shape.h>
#include <unspool/core/tensor.h>
#include <unspool/core/threads.h>
#include <unspool/core/version.h>

#include <unspool/serialization/archive.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/npy.h>
#include <unspool/serialization/safetensors.h>
#include <unspool/serialization/snapshot.h>

#include <unspool/autograd/activations.h>
#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/functional.h>
#include <unspool/autograd/gradcheck.h>
#include <unspool/autograd/indexing.h>
#include <unspool/autograd/parts.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/random.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/softmax.h>
#include <unspool/autograd/tape.h>
#include <unspool/autograd/variable.h>

#include <unspool/layers/activation.h>
#include <unspool/layers/cell.h>
#include <unspool/layers/constraint.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/dropout_cell.h>
#include <unspool/layers/functional.h>
#include <unspool/layers/initializer.h>
#include <unspool/layers/input.h>
#include <unspool/layers/layer.h>
#include <unspool/layers/naming.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/regularizer.h>
#include <unspool/layers/rnn.h>
#include <unspool/layers/simple_rnn.h>
#include <unspool/layers/simple_rnn_cell.h>

#include <unspool/optim/adam.h>
#include <unspool/optim/optimizer.h>
#include <unspool/optim/rmsprop.h>
#include <unspool/optim/sgd.h>

#include <unspool/models/callback.h>
#include <unspool/models/csv.h>
#include <unspool/models/curve.h>
#include <unspool/models/history.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>
#include <unspool/models/model.h>
#include <unspool/models/saving.h>
#include <unspool/models/sequential.h>
