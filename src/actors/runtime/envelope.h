/* An event as the outside reads it: a pure function of its log record and the keys of people, so that whatever follows the log (a page of
   events, a relay, a stream) renders it on a thread of its own. */
#pragma once
#include "actors/runtime/kind.h"
#include "actors/runtime/record.h"

struct envelope {
    const struct record *record;
    uint32_t number; /* among the events of the record */
    const struct kind *kind;
    const struct event *event;
    struct id entity;
    int64_t version;          /* entity_version */
    const char *subject_kind; /* whom it concerns: events of one subject keep their order */
    struct id subject;        /* none: nobody that is known */
};
/* The event with this number of a record whose lsn is set; false: the tables do not know it. */
bool envelope_open(const struct registry *registry, const struct record *record, uint32_t number,
                   struct envelope *envelope);
/* As JSON; what is said of somebody who is erased is null. What is made on the way lies in the arena. */
void envelope_render(struct buffer *out, struct arena *arena, const struct registry *registry, struct keyring *keyring,
                     const struct envelope *envelope);
extern const struct fields envelope_fields;

/* What a reader wants to see; absent parts: everything. */
struct event_filter {
    struct id tenant, entity;
    struct text kind, event; /* names: "order", "order.confirmed" */
};
bool event_filter_passes(const struct event_filter *filter, const struct envelope *envelope);
