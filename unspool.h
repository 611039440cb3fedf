#pragma once

#include <unspool/core/config.h>
#include <unspool/core/dtype.h>
#include <unspool/core/error.h>
#include <unspool/core/fields.h>
#include <unspool/core/memory.h>
#include <unspool/core/random.h>
#include <unspool/core/registry.h>
#include <unspool/core/shape.h>
#include <unspool/core/threads.h>
#include <unspool/core/version.h>

#include <unspool/serialization/file.h>
