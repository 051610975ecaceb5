/* Messages on their way: ready to be run, parked until something was read or is durable, held until their answer may be
   told, and gone. */
#include "actors/runtime/internal.h"
#include "base/check.h"

void message_ready(struct core *core, struct message *message)
{
    uint32_t number = message->request ? message->request->lane : message->tenant.bytes[15] % LIMIT_LANES;
    struct lane *lane = &core->lanes[number];
    message->next = NULL;
    if (!lane->count++) lane->last = &lane->first;
    *lane->last = message;
    lane->last = &message->next;
    core->lanes_filled |= UINT64_C(1) << number;
    core->ready_count++;
}

struct message *message_take(struct core *core)
{
    if (!core->lanes_filled) return NULL;
    uint64_t later = core->lanes_filled >> core->lane_next << core->lane_next;
    uint32_t number = (uint32_t)__builtin_ctzll(later ? later : core->lanes_filled);
    struct lane *lane = &core->lanes[number];
    struct message *message = lane->first;
    lane->first = message->next;
    if (!--lane->count) core->lanes_filled &= ~(UINT64_C(1) << number);
    core->lane_next = (number + 1) % LIMIT_LANES;
    core->ready_count--;
    return message;
}

bool lane_full(const struct core *core, uint32_t lane)
{
    if (core->ready_count >= LIMIT_CORE_QUEUE) return true;
    bool alone = !(core->lanes_filled & ~(UINT64_C(1) << lane));
    return !alone && core->lanes[lane].count >= LIMIT_CORE_QUEUE / 8;
}

void message_loaded(struct core *core, struct message *message)
{
    CHECK(message->loads > 0);
    if (--message->loads == 0) message_ready(core, message);
}

void message_wait_durable(struct core *core, struct message *message, uint64_t lsn)
{
    bool waits = message->wanted_lsn;
    if (lsn > message->wanted_lsn) message->wanted_lsn = lsn;
    if (waits) return;
    message->loads++;
    message->next = core->undurable;
    core->undurable = message;
}

struct message *message_internal(struct core *core, enum message_source source, struct id tenant,
                                 const struct kind *kind, const struct command *command, struct id id)
{
    struct arena *arena = arena_create();
    struct message *message = ARENA_NEW(arena, struct message);
    message->arena = arena;
    message->source = source;
    message->tenant = tenant;
    message->kind = kind;
    message->command = command;
    message->id = id;
    message->now = message->begun_at = core->now;
    core->messages++;
    return message;
}

void message_free(struct core *core, struct message *message)
{
    for (uint32_t i = 0; i < message->pinned.count; i++)
        message->pinned.at[i]->pins--;
    if (message->held_idempotency) map_remove(core->in_flight, message->idempotency, sizeof message->idempotency);
    core->messages--;
    if (!message->request) arena_destroy(message->arena);
}

void message_finish(struct core *core, struct message *message)
{
    struct request *request = message->request;
#if defined MUTANT && MUTANT == 8
    bool early = message->awaited_kind != NULL;
#elif defined MUTANT && MUTANT == 25
    bool early = message->release_lsn == core->durable_lsn + 1;
#else
    bool early = false;
#endif
    if (request && message->release_lsn > core->durable_lsn && !early) {
        message->next = NULL;
        *core->held_last = message;
        core->held_last = &message->next;
        return;
    }
    message_free(core, message);
    if (request) request->answered(request);
}
