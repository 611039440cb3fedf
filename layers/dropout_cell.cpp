#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/labeled.h>
#include <unspool/autograd/product.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/dropout_cell.h>
#include <unspool/layers/internal/call_caches.h>
#include <unspool/layers/internal/call_context.h>
#include <unspool/layers/internal/dropout.h>
#include <unspool/layers/internal/floating.h>

namespace unspool {
namespace {

/// dropped(i) kernel for each part i of the kernel's columns.
template <class F>
Tensor product_of_parts(const Tensor& kernel, int parts, F&& dropped) {
  std::vector<Tensor> products;
  for (const Tensor& part : split(kernel, Index{parts})) {
    products.push_back(matmul(dropped(static_cast<int>(products.size())), part));
  }
  return concat(products);
}

/// What is asked for outside of training: nothing is left out, drawn or kept.
std::vector<Tensor> all_kept(const Tensor& like, int count) {
  return std::vector<Tensor>(static_cast<std::size_t>(count), Tensor::ones(like.shape(), like.dtype()));
}

}  // namespace

DropoutCell::DropoutCell(CellOptions cell, DropoutCellOptions dropout)
    : Cell(std::move(cell)),
      dropout_(dropout.dropout),
      recurrent_dropout_(dropout.recurrent_dropout),
      masks_(dropout.masks),
      seeds_(internal::generator_of(dropout.seed)) {
  internal::check_rate("dropout", dropout_);
  internal::check_rate("recurrent_dropout", recurrent_dropout_);
}

void DropoutCell::check_count(int count) const {
  if (count >= 1) return;
  throw ValueError(
      fmt::format("the cell {} expected a count of dropout masks of at least 1, got {}", name(), count));
}

std::vector<Tensor> DropoutCell::masks(std::vector<Tensor>& kept, const Tensor& like, double rate,
                                       int count) {
  if (internal::CallCaches* const caches = internal::CallContext::current().caches; caches != nullptr) {
    const auto draw = [&] {
      CallCache drawn;
      for (int i = 0; i < count; ++i) {
        drawn.tensors.push_back(internal::dropout_mask(like.shape(), rate, like.dtype(), seeds_));
      }
      return drawn;
    };
    return caches->get({.owner = &kept, .shape = like.shape(), .dtype = like.dtype(), .count = count}, draw)
        .tensors;
  }
  const bool fits = static_cast<int>(kept.size()) == count && kept.front().shape() == like.shape() &&
                    kept.front().dtype() == like.dtype();
  if (!fits) {
    kept.clear();
    for (int i = 0; i < count; ++i) {
      // With a key of its own a mask has a value, also in the step of a scan.
      kept.push_back(internal::dropout_mask(like.shape(), rate, like.dtype(), seeds_.next()));
    }
  }
  return kept;
}

std::vector<Tensor> DropoutCell::get_dropout_mask_for_cell(const Tensor& x, bool training, int count) {
  check_count(count);
  if (dropout_ == 0) return {};
  if (!training) return all_kept(x, count);
  return masks(input_masks_, x, dropout_, count);
}

std::vector<Tensor> DropoutCell::get_recurrent_dropout_mask_for_cell(const Tensor& state, bool training,
                                                                     int count) {
  check_count(count);
  if (recurrent_dropout_ == 0) return {};
  if (!training) return all_kept(state, count);
  return masks(state_masks_, state, recurrent_dropout_, count);
}

CallCache DropoutCell::call_cache(const Tensor& x, const CallArgs& args) {
  if (!args.is_training()) return {};
  CallCache cache;
  for (const Tensor& mask : get_dropout_mask_for_cell(x, true, masks_)) {
    cache.tensors.push_back(labeled(mask, "input_dropout"));
  }
  if (recurrent_dropout_ > 0) {
    const Tensor state =
        internal::TensorAccess::abstract(Shape({x.shape().front()}) + state_sizes().front(), dtype());
    for (const Tensor& mask : get_recurrent_dropout_mask_for_cell(state, true, masks_)) {
      cache.tensors.push_back(labeled(mask, "recurrent_dropout"));
    }
  }
  return cache;
}

void DropoutCell::reset_call_cache() {
  reset_dropout_mask();
  reset_recurrent_dropout_mask();
  Cell::reset_call_cache();
}

Tensor DropoutCell::dropped_input(const Tensor& x, const CallArgs& args, int i) const {
  const Tensor input = internal::floating(x, dtype());
  if (dropout_ == 0 || args.call_cache == nullptr || args.call_cache->tensors.empty()) return input;
  return input * args.call_cache->tensors.at(static_cast<std::size_t>(i));
}

Tensor DropoutCell::dropped_state(const Tensor& state, const CallArgs& args, int i) const {
  if (recurrent_dropout_ == 0 || args.call_cache == nullptr || args.call_cache->tensors.empty()) return state;
  return state * args.call_cache->tensors.at(static_cast<std::size_t>(i + (dropout_ > 0 ? masks_ : 0)));
}

Tensor DropoutCell::input_product(const Tensor& x, const Tensor& kernel, const CallArgs& args,
                                  int gates) const {
  if (masks_ == 1 || dropout_ == 0 || !args.is_training()) return matmul(dropped_input(x, args), kernel);
  return product_of_parts(kernel, gates, [&](int i) { return dropped_input(x, args, i); });
}

Tensor DropoutCell::state_product(const Tensor& state, const Tensor& kernel, const CallArgs& args,
                                  int gates) const {
  if (masks_ == 1 || recurrent_dropout_ == 0 || !args.is_training()) {
    return matmul(dropped_state(state, args), kernel);
  }
  return product_of_parts(kernel, gates, [&](int i) { return dropped_state(state, args, i); });
}

}  // namespace unspool
