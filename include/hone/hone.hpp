// Everything that needs no LibTorch. Each of these headers also stands alone.
#pragma once

#include "hone/core/columns.hpp"
#include "hone/core/completion.hpp"
#include "hone/core/config.hpp"
#include "hone/core/error.hpp"
#include "hone/core/file.hpp"
#include "hone/core/forest.hpp"
#include "hone/core/message.hpp"
#include "hone/core/pack.hpp"
#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/core/registers.hpp"

#include "hone/kernel/activation.hpp"
#include "hone/kernel/attention.hpp"
#include "hone/kernel/attention_cache.hpp"
#include "hone/kernel/attention_forest.hpp"
#include "hone/kernel/attention_shape.hpp"
#include "hone/kernel/elementwise.hpp"
#include "hone/kernel/embedding.hpp"
#include "hone/kernel/norm.hpp"
#include "hone/kernel/rotary.hpp"

#include "hone/model/config.hpp"

