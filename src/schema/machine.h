/* State machines as tables. A transition is found by (state, command); rows with guards are tried in order and the
   first whose guard holds wins. */
#pragma once
#include "schema/field.h"

struct tx;
struct event {
    uint16_t number;           /* written to disk, unique in its kind, never reused */
    const char *name;          /* "promotion.activated" */
    const uint16_t *carries;   /* tags of entity fields copied into the event, 0-terminated; NULL: none */
    const struct fields *data; /* further data given with emit; NULL: none */
    const char *doc;
};
/* A row that the formatter leaves on one line. */
#define EVENT(number_, name_, carries_, data_, doc_)                                                \
    {                                                                                               \
        .number = (number_), .name = (name_), .carries = (carries_), .data = (data_), .doc = (doc_) \
    }

#define STATE(status) (1u << (status))
enum {
    FROM_NONE = 1u << 0, /* creation: the entity does not exist yet (status 0) */
    TO_SAME = 254,       /* the status stays */
    TO_REMEMBERED = 255  /* the status before delete */
};
struct transition {
    uint32_t from;             /* set of STATE()s */
    const char *command;       /* command name of the kind */
    uint32_t to;               /* state, TO_SAME, TO_REMEMBERED */
    const struct event *event; /* emitted by the runtime when it makes the transition; NULL: the handler emits */
    bool (*guard)(struct tx *tx, const void *entity); /* NULL: always */
    const char *guard_doc;
};
struct machine {
    const struct enumeration *states;
    const struct transition *rows;
    uint32_t count;
    bool derived; /* the status follows from parts: handlers set it, any declared edge passes */
};
#define MACHINE(states_, rows_)                                                           \
    {                                                                                     \
        .states = (states_), .rows = (rows_), .count = sizeof(rows_) / sizeof((rows_)[0]) \
    }

/* Legal commands in a state, as a set of row indexes is not needed: names joined by ", " for the 409 text. Only those that
   `counts` holds for (NULL: all). */
void machine_legal_commands(const struct machine *machine, uint32_t status,
                            bool (*counts)(const void *context, const char *command), const void *context, char *out,
                            size_t size);
/* Is `from` → `to` a declared edge of this command? */
bool machine_allows(const struct machine *machine, uint32_t from, const char *command, uint32_t to);
/* Mermaid stateDiagram-v2 of the machine. */
struct buffer;
void machine_diagram(struct buffer *out, const char *name, const struct machine *machine);
/* Start-up proof: unambiguous (at most one row without guard per state and command, last), every state reachable. */
uint32_t machine_prove(const struct machine *machine,
                       void (*report)(void *context, const char *where, const char *fault), void *context);
