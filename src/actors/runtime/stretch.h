/* Records of the log in their order, some read ahead of who asks for them: for replays and for who follows the log. */
#pragma once
#include "actors/runtime/ports.h"

#ifdef TINY
enum { STRETCH_ROWS = 3 };
#else
enum { STRETCH_ROWS = 64 };
#endif

struct stretch { /* all zero: nothing is read ahead */
    struct arena *arena;
    struct table_row rows[STRETCH_ROWS];
    uint64_t first; /* of the rows */
    uint32_t count;
};
/* Head and body of a record, as long as nothing else is asked for; NULL: it cannot be read. None behind `last` is read. */
const struct table_row *stretch_row(struct stretch *stretch, struct store *store, uint64_t lsn, uint64_t last);
void stretch_free(struct stretch *stretch); /* it is all zero again */
