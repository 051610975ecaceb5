/* Identity: 16 bytes, UUID text form. All zero means none.
   New ids are UUIDv7 (RFC 9562): 48 bits of milliseconds, 12 of a counter within the millisecond (section 6.2, method 1),
   then random bits; derived ids are UUIDv8 of a BLAKE2b hash. */
#pragma once
#include "base/text.h"
#include <string.h>

struct id {
    uint8_t bytes[16];
};

enum { ID_TEXT_LENGTH = 36, ID_ORDER_MAX = 4095 };

extern const struct id ID_NONE;
static inline bool id_equal(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}
static inline bool id_is_none(struct id a)
{
    return id_equal(a, ID_NONE);
}
int id_compare(struct id a, struct id b);
bool id_parse(struct text text, struct id *id); /* exactly 36 characters, lower or upper case */
void id_format(struct id id, char out[ID_TEXT_LENGTH + 1]);
/* `order`: of ids of one millisecond, the higher sorts later; from ID_ORDER_MAX on, chance says. */
struct id id_v7(int64_t now_ms, uint32_t order, const uint8_t random[8]);
int64_t id_time_ms(struct id id);
/* An id derived from its cause: the same parts give the same id for ever. `purpose` names the use ("membership"). */
struct id id_derived(const char *purpose, struct id a, struct id b);
struct id id_derived_text(const char *purpose, struct id a, struct text b);
