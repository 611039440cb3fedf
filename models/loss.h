#pragma once

/// \file
/// Losses: how they are made and reduced, and the built-in ones.

#include <unspool/models/ctc.h>
#include <unspool/models/loss_base.h>
#include <unspool/models/losses/crossentropy.h>
#include <unspool/models/losses/hinge.h>
#include <unspool/models/losses/overlap.h>
#include <unspool/models/losses/regression.h>
#include <unspool/models/losses/similarity.h>
