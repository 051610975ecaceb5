/* The pages below /docs: the OpenAPI document in a viewer that the build found and embedded (docs/why/0021), else as a plain
   list; the plain list is at /docs/plain in any case. */
#pragma once
#include "actors/runtime/kind.h"
#include "actors/runtime/ports.h"

/* In the arena; ended by a row without content_type. */
const struct web_page *pages_make(struct arena *arena, const struct registry *registry);
