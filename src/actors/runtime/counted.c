/* Counted figures: summed in memory, written at most once a second as one command per entity. */
#include "actors/runtime/internal.h"
#include "base/check.h"
#include "schema/codec.h"

#include <stdlib.h>

/* clang-format off */
static const struct field counted_rows[] = {
    INTEGER(counted_body, 1, count,  .doc = "how many since the last time"),
    ID     (counted_body, 2, first,  .doc = "what it is of"),
    ID     (counted_body, 3, second, .doc = "and where"),
};
/* clang-format on */
const struct fields counted_fields = FIELDS("counted", struct counted_body, counted_rows);

void count(struct tx *tx, const struct kind *kind, struct id id, const char *command, int64_t amount, struct id first,
           struct id second)
{
    const struct command *row = kind_command(kind, command);
    CHECK(row && row->body == &counted_fields);
    *LIST_ADD(tx->arena, &tx->state->figures) = (struct figure){
        .tenant = tx->tenant, .entity = id, .kind = kind, .command = row, .body = {amount, first, second}};
}

static struct figure *figure_of(struct core *core, const struct figure *counted)
{
    uint8_t key[ACTOR_KEY_SIZE];
    actor_key(key, counted->tenant, counted->kind, counted->entity);
    struct figure *figure = map_get(core->figures_by_entity, key, sizeof key);
    if (figure) return figure;
    figure = memory_alloc(sizeof *figure);
    *figure = *counted;
    figure->body.count = 0;
    figure->next = core->figures;
    core->figures = figure;
    map_set(core->figures_by_entity, key, sizeof key, figure);
    return figure;
}

/* Their `next` are the figures that they count for, until those are flushed. */
void figures_repeat(struct core *core, struct figure *figures, uint32_t count, uint64_t *epoch)
{
    bool known = *epoch == core->figures_epoch + 1;
    *epoch = core->figures_epoch + 1;
    for (uint32_t i = 0; i < count; i++) {
        if (!known) figures[i].next = figure_of(core, &figures[i]);
        figures[i].next->body.count += figures[i].body.count;
    }
}

void figures_take(struct tx *tx)
{
    const struct request *request = tx->state->message->request;
    if (!tx->state->figures.count || request->reply.status != 200 || request->head_only || tx->dry_run) return;
    struct core *core = tx->core;
    for (uint32_t i = 0; i < tx->state->figures.count; i++) {
        const struct figure *counted = &tx->state->figures.at[i];
        figure_of(core, counted)->body.count += counted->body.count;
    }
}

void figures_flush(struct core *core)
{
    core->figures_epoch++;
    while (core->figures) {
        struct figure *figure = core->figures;
        uint8_t key[ACTOR_KEY_SIZE];
        core->figures = figure->next;
        actor_key(key, figure->tenant, figure->kind, figure->entity);
        map_remove(core->figures_by_entity, key, sizeof key);
        struct message *message =
            message_internal(core, FROM_RUNTIME, figure->tenant, figure->kind, figure->command, figure->entity);
        core->ports.random(core->ports.context, message->random);
        message->body = schema_clone(&counted_fields, &figure->body, message->arena);
        message_ready(core, message);
        free(figure);
    }
}

void figures_close(struct core *core)
{
    while (core->figures) {
        struct figure *next = core->figures->next;
        free(core->figures);
        core->figures = next;
    }
    map_destroy(core->figures_by_entity);
}
