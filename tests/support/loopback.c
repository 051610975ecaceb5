#include "support/loopback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool submit(void *context, struct work *work)
{
    struct loopback *loopback = context;
    if (loopback->refuse_work) {
        loopback->refuse_work--;
        return false;
    }
    work->item.next = NULL;
    *loopback->work_last = &work->item;
    loopback->work_last = &work->item.next;
    return true;
}

static void draw(void *context, uint8_t out[32])
{
    struct loopback *loopback = context;
    for (int i = 0; i < 32; i++) {
        loopback->randomness = loopback->randomness * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(loopback->randomness >> 56);
    }
}

static void durable(void *context, uint64_t lsn)
{
    struct loopback *loopback = context;
    if (loopback->core) core_durable(loopback->core, lsn);
}

static void checkpointed(void *context, struct ordered *frozen)
{
    struct loopback *loopback = context;
    core_checkpointed(loopback->core, frozen);
}

static void failed(void *context, const char *why)
{
    (void)why;
    ((struct loopback *)context)->failed = true;
}

/* ---- keys of persons: what was written survives a crash, like the store's log ---- */
static const uint8_t master[KEYRING_MASTER_SIZE] = {1, 2, 3};

static void draw_key(void *context, void *out, size_t size)
{
    struct loopback *loopback = context;
    random_expand(master, loopback->keys_drawn++, out, size);
}

static bool write_slots(void *context, const struct slot_write *rows)
{
    struct buffer *slots = &((struct loopback *)context)->slots;
    for (; rows; rows = rows->next) {
        while (slots->length < ((size_t)rows->slot + 1) * SLOT_SIZE)
            buffer_byte(slots, 0);
        memcpy(slots->data + (size_t)rows->slot * SLOT_SIZE, rows->row, SLOT_SIZE);
    }
    return true;
}

static void open_keys(struct loopback *loopback)
{
    static const uint8_t zeros[SLOT_SIZE];
    struct keyring_port port = {loopback, draw_key, write_slots, NULL};
    loopback->keyring = loopback->ports.keyring = keyring_create(master, &port);
    for (uint32_t slot = 0; slot < loopback->slots.length / SLOT_SIZE; slot++) {
        const uint8_t *row = (const uint8_t *)loopback->slots.data + (size_t)slot * SLOT_SIZE;
        if (memcmp(row, zeros, SLOT_SIZE) != 0 && !keyring_load(loopback->keyring, slot, row)) abort();
    }
    struct keyring_writes writes = {0};
    if (!keyring_ready(loopback->keyring)) abort();
    keyring_take(loopback->keyring, &writes);
    keyring_write(loopback->keyring, &writes.made);
}

static void close_keys(struct loopback *loopback)
{
    keyring_destroy(loopback->keyring);
    loopback->keyring = loopback->ports.keyring = NULL;
}

void loopback_start(struct loopback *loopback)
{
    char problem[256] = "";
    if (!loopback->keyring) open_keys(loopback);
    loopback->core = core_create(loopback->registry, &loopback->ports, &loopback->config, loopback->now, problem);
    if (loopback->core) return;
    fprintf(stderr, "the core does not start: %s\n", problem);
    abort();
}

void loopback_prepare(struct loopback *loopback, const struct registry *registry, const struct provider *providers)
{
    memset(loopback, 0, sizeof *loopback);
    loopback->registry = registry;
    loopback->now = 1767225600000; /* 2026-01-01 */
    loopback->work_last = &loopback->work;
    loopback->token_key = (struct token_key){.id = "test"};
    struct store_events events = {loopback, durable, checkpointed, failed};
    loopback->store = memory_store_create(&events);
    memory_store_set_stepped(loopback->store, true);
    loopback->ports = (struct ports){.context = loopback,
                                     .store = loopback->store,
                                     .submit = submit,
                                     .random = draw,
                                     .providers = providers,
                                     .token_keys = &loopback->token_key,
                                     .token_key_count = 1};
    loopback->config = (struct core_config){
        .development = true, .proves_answers = true, .actors_memory = 1 << 20, .default_tenant = LITERAL("default")};
}

void loopback_open(struct loopback *loopback, const struct registry *registry, const struct provider *providers)
{
    loopback_prepare(loopback, registry, providers);
    loopback_start(loopback);
    loopback_settle(loopback);
}

bool loopback_work(struct loopback *loopback, uint32_t number)
{
    struct inbox_item **at = &loopback->work;
    if (!*at) return false;
    for (; number && (*at)->next; number--)
        at = &(*at)->next;
    struct inbox_item *item = *at;
    *at = item->next;
    if (!*at) loopback->work_last = at;
    struct work *work = (struct work *)item;
    work->run(work);
    work->done(work);
    return true;
}

static bool run_work(struct loopback *loopback)
{
    struct inbox_item *item = loopback->work;
    if (!item) return false;
    loopback->work = NULL;
    loopback->work_last = &loopback->work;
    while (item) {
        struct inbox_item *next = item->next;
        struct work *work = (struct work *)item;
        work->run(work);
        work->done(work);
        item = next;
    }
    return true;
}

void loopback_settle(struct loopback *loopback)
{
    bool moved = true;
    for (unsigned rounds = 0; moved && rounds < 100000; rounds++) {
        core_turn(loopback->core, loopback->now);
        moved = run_work(loopback);
        moved |= memory_store_step(loopback->store);
        moved |= core_busy(loopback->core);
    }
}

void loopback_pass(struct loopback *loopback, int64_t ms)
{
    int64_t end = loopback->now + ms;
    while (loopback->now < end) {
        int64_t due = core_next_due(loopback->core);
        loopback->now = due > loopback->now && due < end ? due : due <= loopback->now ? loopback->now + 1 : end;
        loopback_settle(loopback);
    }
}

void loopback_kill(struct loopback *loopback, uint32_t survivors)
{
    while (loopback->work)
        run_work(loopback); /* jobs under way hold memory of the core */
    core_destroy(loopback->core);
    loopback->core = NULL;
    memory_store_crash(loopback->store, survivors);
    close_keys(loopback);
}

void loopback_crash(struct loopback *loopback, uint32_t survivors)
{
    loopback_kill(loopback, survivors);
    loopback_start(loopback);
    loopback_settle(loopback);
}

void loopback_close(struct loopback *loopback)
{
    for (int i = 0; i < 1000 && !core_stop(loopback->core); i++)
        loopback_settle(loopback);
    core_destroy(loopback->core);
    loopback->store->calls->close(loopback->store);
    close_keys(loopback);
    buffer_free(&loopback->slots);
}

static void answered(struct request *request)
{
    ((struct said *)request->owner)->answered = true;
}

static struct text copy(struct arena *arena, const char *text)
{
    return text ? arena_text(arena, text_of(text)) : (struct text){0};
}

static void bind(struct said *said, const struct kind *kind, const struct command *command, struct asking asking)
{
    struct request *request = &said->request;
    struct problems problems = {.arena = said->arena};
    const struct fields *fields = command->action == ACTION_CREATE ? kind->fields : command->body;
    request->body = copy(said->arena, asking.body);
    enum bind_mode mode = command->action == ACTION_PATCH ? BIND_PATCH : BIND_CREATE;
    if (mode == BIND_PATCH) fields = kind->fields;
    if (fields) {
        void *bound = arena_alloc(said->arena, fields->size);
        schema_bind(fields, request->body, mode, true, said->arena, bound, &request->binding, &problems);
        if (mode == BIND_CREATE) request->bound = bound;
    }
    if (command->accepts) request->body_type = LITERAL("application/pdf");
    request->query_text = copy(said->arena, asking.query);
    if (command->query) {
        void *query = arena_alloc(said->arena, command->query->size);
        struct binding binding = {0};
        schema_bind_query(command->query, request->query_text, said->arena, query, &binding, &problems);
        request->query = query;
        request->query_present = binding.present;
    }
}

static void add_part(struct request *request, const char *name, const char *value)
{
    struct path_parameter *part = &request->path[request->path_count++];
    *part = (struct path_parameter){.name = copy(request->arena, name), .value = copy(request->arena, value)};
    if (!id_parse(part->value, &part->id)) part->id = ID_NONE;
}

struct said *loopback_send(struct loopback *loopback, struct asking asking)
{
    struct arena *arena = arena_create();
    struct said *said = memory_alloc(sizeof *said);
    said->arena = arena;
    const struct kind *kind = registry_kind_named(loopback->registry, asking.kind);
    const struct command *command = kind_command(kind, asking.command);
    struct route *route = ARENA_NEW(arena, struct route);
    *route = (struct route){kind, command};
    struct request *request = &said->request;
    request->arena = arena;
    request->route = route;
    request->owner = said;
    request->answered = answered;
    request->address = LITERAL("127.0.0.1");
    request->request_id = LITERAL("test");
    request->operator_ = asking.operator_;
    request->dry_run = asking.dry_run;
    request->include_deleted = asking.include_deleted;
    request->limit = asking.limit;
    request->lane = asking.lane;
    request->cursor = copy(arena, asking.cursor);
    request->idempotency_key = copy(arena, asking.key);
    request->has_if_match = asking.if_match != 0;
    request->if_match = asking.if_match;
    if (!id_is_none(asking.user)) {
        request->has_claims = true;
        request->token_user = request->token_session = asking.user;
        request->token_tenant = id_derived_text("tenant", ID_NONE, LITERAL("default"));
    }
    if (asking.id) {
        request->path[0] = (struct path_parameter){.name = LITERAL("id"), .value = copy(arena, asking.id)};
        if (!id_parse(request->path[0].value, &request->path[0].id)) request->path[0].id = ID_NONE;
        request->path_count = 1;
    }
    if (asking.part) add_part(request, asking.part, asking.part_id);
    if (asking.third) add_part(request, asking.third, asking.third_id);
    bind(said, kind, command, asking);
    if (!core_request(loopback->core, request)) request->reply.status = 503, said->answered = true;
    return said;
}

struct said *loopback_ask(struct loopback *loopback, struct asking asking)
{
    struct said *said = loopback_send(loopback, asking);
    loopback_settle(loopback);
    return said;
}

void said_free(struct said *said)
{
    reply_release(&said->request.reply); /* the core may be gone */
    arena_destroy(said->arena);
    free(said);
}

bool said_contains(const struct said *said, const char *part)
{
    struct text body = said->request.reply.body;
    return body.data && memmem(body.data, body.length, part, strlen(part));
}

struct text said_field(const struct said *said, const char *name)
{
    struct text body = said->request.reply.body;
    struct text mark = arena_format(said->arena, "\"%s\":\"", name);
    const char *at = body.data ? memmem(body.data, body.length, mark.data, mark.length) : NULL;
    if (!at) return (struct text){0};
    at += mark.length;
    const char *end = memchr(at, '"', (size_t)(body.data + body.length - at));
    return arena_text(said->arena, (struct text){at, (uint32_t)(end - at)});
}
