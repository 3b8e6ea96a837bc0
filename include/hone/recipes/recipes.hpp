// All recipes.
#pragma once

#include "hone/recipes/critic_free.hpp"
#include "hone/recipes/offline.hpp"
#include "hone/recipes/ppo.hpp"
