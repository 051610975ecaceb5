/* Followers of the facts of a command: views edit derived kinds, reactions tell and ask for effects. They run in the
   command's unit of work after its handler, so that views are exact when the answer is released. */
#include "actors/runtime/internal.h"

void followers_run(struct tx *tx, bool views_only)
{
    struct tx_state *state = tx->state;
    state->follower = true;
    uint32_t count = state->emitted_count;
    for (uint32_t i = 0; i < count && !state->broken; i++) {
        const struct emitted *emitted = &state->emitted[i];
        const struct touched *touched = emitted->touched;
        struct fact fact = {.kind = touched->kind,
                            .event = emitted->event,
                            .id = touched->id,
                            .version = emitted->version,
                            .time = tx->now,
                            .before = touched->before ? touched->before->state : NULL,
                            .after = touched->copy,
                            .data = emitted->data};
        for (const struct follower *const *follower = tx->core->registry->followers; follower && *follower; follower++)
            if ((*follower)->view || !views_only) (*follower)->follow(tx, &fact);
#if defined MUTANT && MUTANT == 6
        for (const struct follower *const *follower = tx->core->registry->followers; follower && *follower; follower++)
            if ((*follower)->view && views_only) (*follower)->follow(tx, &fact);
#endif
    }
    state->follower = false;
    for (uint32_t i = 0; i < state->touched_count && !state->pending; i++) {
        struct touched *touched = state->touched[i];
        if (!touched->kind->derived || touched->discarded || !touched->copy) continue;
        /* Whether something personal changed cannot be told once it is erased: there each edit counts. */
        if (!tx->core->personal[touched->kind->number] && !tx_changed(touched)) continue;
        struct entity *row = touched->copy;
        row->version++; /* counts changes: the second number of an ETag */
        row->updated_at = tx->now;
    }
}
