/* Every kind, follower and effect class of a server: the lists of the areas, joined. */
#pragma once
#include "actors/runtime/kind.h"
#include "base/arena.h"

/* The registry, in the arena. The order is fixed: followers run in it, documents show it. */
const struct registry *souk_registry(struct arena *arena);
