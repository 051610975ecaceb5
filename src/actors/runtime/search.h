/* Search by words: what a kind's table says of it, and the port that finds.

   The index is memory of one thread, the one of WORK_SEARCH, and no truth of anything: it names entities, and the core
   loads, checks and renders each as a list does. So an index that lags can show too little for a moment, never too much. */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include "base/id.h"

/* Where a word stands decides how much it weighs. */
enum search_column {
    SEARCH_NAME,  /* names and titles */
    SEARCH_TAGS,  /* tags, categories, brands: few words that somebody chose */
    SEARCH_BODY,  /* descriptions and texts */
    SEARCH_STAFF, /* looked at for staff alone: what others are not shown */
    SEARCH_COLUMNS
};
struct search_field {
    const char *path; /* "profile.display_name"; through lists too: "variants.sku" */
    enum search_column column;
};
/* Of a kind: which fields are looked at, in which states, and what its lists are of (a supplier, a community). */
struct searched {
    const struct search_field *fields;       /* ended by a row without path */
    uint32_t states;                         /* STATE(…) | …: in others it is not found */
    struct id (*within)(const void *entity); /* NULL: nothing */
};

/* The row of `q` in the query table of a list that searches, for FIELDS tables of struct S with a `struct text q`. */
#define SEARCH_ROW(S, tag, what_)                                                                                      \
    TEXT(S, tag, q, .min = 1, .max = 100,                                                                              \
         .doc =                                                                                                        \
             "words of " what_ ", by their beginning too and with a letter or two wrong; what fits best comes first; " \
             "not together with sort")

/* ---- the port; all calls but metrics on the thread of WORK_SEARCH ---- */
struct search_document {
    struct id tenant, id, within;
    uint16_t kind;
    uint64_t lsn;                        /* as of this record; what is older than what is known is passed over */
    bool found;                          /* false: it is not found any more */
    struct text columns[SEARCH_COLUMNS]; /* values with newlines between */
};
struct search_query {
    struct id tenant, within; /* within: ID_NONE is anywhere */
    uint16_t kind;
    bool staff;
    struct text words;   /* as somebody typed them */
    int64_t after_score; /* of the last hit before; 0: from the best on */
    struct id after;
    uint32_t limit;
};
struct search_hit {
    int64_t score; /* best first, then the newest id first */
    struct id id;
};
struct search {
    const struct search_calls *calls; /* first member of each implementation's struct */
};
struct search_calls {
    void (*put)(struct search *search, const struct search_document *documents, uint32_t count);
    void (*built)(struct search *search); /* what the tables held has been put */
    uint32_t (*find)(struct search *search, const struct search_query *query, struct search_hit *hits);
    void (*metrics)(struct search *search, struct buffer *out); /* any thread */
    void (*close)(struct search *search);
};
