#pragma once

#include <unspool/autograd/check_operation.h>
#include <unspool/autograd/elementwise.h>
#include <unspool/autograd/operation.h>
#include <unspool/autograd/recorder.h>
