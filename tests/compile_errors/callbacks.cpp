// Hooks that override nothing, and handles that are no base class.

#include <unspool/unspool.h>

using namespace unspool;

//! but does not override //! hides virtual member functions
struct Wrong : Callback {
  void on_epoch_end(int, int) override {}
};

//! a callback's on_epoch_end() does not override the hook
struct Wrong : Callback {
  void on_epoch_end(Index, Logs) {}
};
make<Wrong>();

//! a callback's on_train_begin() does not override the hook
struct Wrong : Callback {
  void on_train_begin(Model&) {}
};
make<Wrong>();

//+
struct Right : Callback {
  void on_epoch_begin(Index) override {}
  void on_epoch_end(Index, const Logs&) override {}
  void on_train_batch_end(Index, Logs&) override {}
  void on_train_end() override {}
};
make<Right>();

//+
LambdaCallback({.on_epoch_begin = [](Index) {}, .on_epoch_end = [](Index, const Logs&) {}, .on_train_end = [] {}});
