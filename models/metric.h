#pragma once

/// \file
/// Metrics: how they are made, and the built-in ones. Each built-in loss is a metric, too.

#include <unspool/models/edit_distance.h>
#include <unspool/models/metric_base.h>
#include <unspool/models/metrics/accuracy.h>
#include <unspool/models/metrics/auc.h>
#include <unspool/models/metrics/confusion.h>
#include <unspool/models/metrics/f_score.h>
#include <unspool/models/metrics/iou.h>
#include <unspool/models/metrics/mean.h>
#include <unspool/models/metrics/r2_score.h>
