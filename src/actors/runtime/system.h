/* The platform's own endpoints, as the commands of a kind without entities: is it alive, is it ready, what does it count,
   what does it serve; and, for operators alone, backup and log. */
#pragma once
#include "actors/runtime/kind.h"

extern const struct kind system_kind;
