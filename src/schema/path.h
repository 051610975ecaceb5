/* Where a member is, as people read it: "items[1].status". Made of steps that lie on the stack, so that a path costs
   nothing until somebody writes it down. */
#pragma once
#include "base/buffer.h"

struct path {
    const struct path *up; /* NULL: the value itself, which has no name */
    struct text name;      /* absent: an element of the list above */
    uint32_t index;
};

static inline struct path path_member(const struct path *up, struct text name)
{
    return (struct path){.up = up, .name = name};
}
static inline struct path path_element(const struct path *up, uint32_t index)
{
    return (struct path){.up = up, .index = index};
}
static inline void path_write(struct buffer *out, const struct path *path)
{
    if (!path->up) return;
    path_write(out, path->up);
    if (!path->name.data) {
        buffer_byte(out, '[');
        buffer_integer(out, path->index);
        buffer_byte(out, ']');
        return;
    }
    if (path->up->up) buffer_byte(out, '.');
    buffer_text(out, path->name);
}
