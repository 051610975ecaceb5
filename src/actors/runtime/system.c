/* Platform endpoints. They belong to no tenant and change nothing that the log knows. What has to wait for the disk runs on
   a worker; the message is parked meanwhile, as for any load. */
#include "actors/runtime/system.h"
#include "actors/runtime/envelope.h"
#include "actors/runtime/events.h"
#include "actors/runtime/internal.h"
#include "actors/runtime/job.h"
#include "base/check.h"
#include <string.h>

/* The runtime asks every kind for a table; no entity is ever made of this one. */
struct system_state {
    struct entity entity;
};
static const struct field system_rows[] = {ENTITY_ROW(system_state)};
static const struct fields system_fields = FIELDS("system_state", struct system_state, system_rows);

/* ---- Health --------------------------------------------------------------------------------------------------------- */

struct health {
    struct text status;
    int64_t position;
};
/* clang-format off */
static const struct field health_rows[] = {
    TEXT(health, 1, status, .flags = READ_ONLY, .max = 20, .doc = "alive, ready, or why not"),
    INTEGER(health, 2, position, .flags = READ_ONLY, .doc = "position of the log that is durable"),
};
/* clang-format on */
static const struct fields health_fields = FIELDS("health", struct health, health_rows);

/* What is answered lives in the arena: it is rendered after the handler. */
static enum error answer_health(struct tx *tx, struct text status)
{
    struct health *health = ARENA_NEW(tx->arena, struct health);
    *health = (struct health){status, (int64_t)tx->core->durable_lsn};
    return answer(tx, 200, &health_fields, health);
}

static enum error healthz(struct tx *tx)
{
    return answer_health(tx, LITERAL("alive"));
}

static enum error readyz(struct tx *tx)
{
    if (tx->core->stopping) return fail(tx, ERROR_STOPPING, "the server is stopping");
    if (tx->core->read_only_disk)
        return fail(tx, ERROR_DISK_FULL, "the disk reserve is reached: only reads are answered");
    return answer_health(tx, LITERAL("ready"));
}

/* ---- Figures and the document --------------------------------------------------------------------------------------- */

static bool is_loopback(struct text address)
{
    return text_starts_with(address, "127.") || text_is(address, "::1") || text_starts_with(address, "::ffff:127.");
}

static enum error metrics(struct tx *tx)
{
    struct core *core = tx->core;
    bool allowed = core->config.metrics_public || tx->principal.kind == PRINCIPAL_OPERATOR || is_loopback(tx->address);
    if (!allowed) return fail(tx, ERROR_FORBIDDEN, "figures are shown to this machine and to operators alone");
    struct buffer out = {.arena = tx->arena};
    core_metrics(core, &out);
    core->ports.store->calls->metrics(core->ports.store, &out);
    if (core->ports.metrics) core->ports.metrics(core->ports.context, &out);
    return answer_raw(tx, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_as_text(&out));
}

static enum error openapi(struct tx *tx)
{
    struct text document = tx->core->ports.openapi;
    if (!document.data) return fail(tx, ERROR_NOT_FOUND, "this server has no document of its routes");
    return answer_raw(tx, 200, "application/json", document);
}

/* ---- Pages ---------------------------------------------------------------------------------------------------------- */

static enum error page(struct tx *tx)
{
    const struct path_parameter *part = path_parameter(tx, "part");
    struct text name = part ? part->value : LITERAL("");
    for (const struct web_page *each = tx->core->ports.pages; each && each->content_type; each++)
        if (text_is(name, each->name)) return answer_page(tx, each);
    return fail(tx, ERROR_NOT_FOUND, "there is no such page");
}

/* ---- Backup --------------------------------------------------------------------------------------------------------- */

struct backup_body {
    struct text path;
};
/* clang-format off */
static const struct field backup_rows[] = {
    TEXT(backup_body, 1, path, .flags = REQUIRED, .min = 1, .max = 2000,
         .doc = "absolute path of a directory that does not exist yet, on the server's machine"),
};
/* clang-format on */
static const struct fields backup_body_fields = FIELDS("backup_body", struct backup_body, backup_rows);

struct backup_reply {
    struct text path;
    int64_t position;
};
/* clang-format off */
static const struct field backup_reply_rows[] = {
    TEXT(backup_reply, 1, path, .flags = READ_ONLY, .max = 2000, .doc = "where the copy is"),
    INTEGER(backup_reply, 2, position, .flags = READ_ONLY, .doc = "position of the log that it holds at least"),
};
/* clang-format on */
static const struct fields backup_reply_fields = FIELDS("backup", struct backup_reply, backup_reply_rows);

struct backup_job {
    struct job job;
    char path[4096];
};

static void run_backup(struct job *job)
{
    struct store *store = job->core->ports.store;
    const char *problem = store->calls->backup(store, ((struct backup_job *)(void *)job)->path);
    job->good = !problem;
    if (problem) buffer_string(&job->result, problem);
}

static enum error backup(struct tx *tx)
{
    const struct backup_body *body = tx->body;
    struct backup_job like = {.job = {.run = run_backup}};
    if (body->path.data[0] != '/') return fail(tx, ERROR_BAD_REQUEST, "the path of a backup is absolute");
    if (body->path.length >= sizeof like.path) return fail(tx, ERROR_BAD_REQUEST, "the path of a backup is too long");
    memcpy(like.path, body->path.data, body->path.length);
    int64_t position = (int64_t)tx->core->durable_lsn;
    if (!tx->dry_run) {
        const struct memo *memo = job_result(tx, LITERAL("backup"), WORK_OUTBOUND, &like.job, sizeof like);
        if (!memo) return OK; /* void: it runs again */
        if (!memo->found) return fail(tx, ERROR_CONFLICT, "%.*s", TEXT_ARGUMENTS(memo->value));
    }
    struct backup_reply *reply = ARENA_NEW(tx->arena, struct backup_reply);
    *reply = (struct backup_reply){body->path, position};
    return answer(tx, 200, &backup_reply_fields, reply);
}

/* ---- Rebuilding rows ----------------------------------------------------------------------------------------------- */

struct rebuild_body {
    struct text view;
    bool check;
};
/* clang-format off */
static const struct field rebuild_rows[] = {
    TEXT(rebuild_body, 1, view, .flags = REQUIRED, .min = 1, .max = 40, .format = FORMAT_KEY,
         .doc = "whose rows: plural of a kind (feed_items), or all"),
    BOOL(rebuild_body, 2, check, .doc = "count what differs, and leave it"),
};
/* clang-format on */
static const struct fields rebuild_body_fields = FIELDS("rebuild_body", struct rebuild_body, rebuild_rows);

struct rebuild_reply {
    struct text view, state, problem;
    bool check;
    int64_t position, target, compared, differing;
};
/* clang-format off */
static const struct field rebuild_reply_rows[] = {
    TEXT(rebuild_reply, 1, view, .flags = READ_ONLY, .doc = "whose rows"),
    TEXT(rebuild_reply, 2, state, .flags = READ_ONLY, .doc = "none, running, done or failed"),
    TEXT(rebuild_reply, 3, problem, .flags = READ_ONLY, .doc = "of a failed one"),
    BOOL(rebuild_reply, 4, check, .flags = READ_ONLY, .doc = "nothing is mended"),
    INTEGER(rebuild_reply, 5, position, .flags = READ_ONLY, .doc = "up to which the log is replayed"),
    INTEGER(rebuild_reply, 6, target, .flags = READ_ONLY, .doc = "last position of the log"),
    INTEGER(rebuild_reply, 7, compared, .flags = READ_ONLY, .doc = "rows compared so far"),
    INTEGER(rebuild_reply, 8, differing, .flags = READ_ONLY, .doc = "rows that were not what the log gives"),
};
/* clang-format on */
static const struct fields rebuild_reply_fields = FIELDS("rebuild", struct rebuild_reply, rebuild_reply_rows);

static enum error answer_rebuild(struct tx *tx, uint16_t status)
{
    static const char *const states[] = {"none", "running", "done", "failed"};
    const struct rebuilding *said = &tx->core->rebuilding;
    struct rebuild_reply *reply = ARENA_NEW(tx->arena, struct rebuild_reply);
    *reply =
        (struct rebuild_reply){.view = said->state ? text_of(said->only ? said->only->plural : "all") : LITERAL(""),
                               .state = text_of(states[said->state]),
                               .problem = arena_text(tx->arena, text_of(said->problem)),
                               .check = said->state && !said->mends,
                               .position = (int64_t)said->position,
                               .target = (int64_t)tx->core->last_lsn,
                               .compared = (int64_t)said->compared,
                               .differing = (int64_t)said->differing};
    return answer(tx, status, &rebuild_reply_fields, reply);
}

static enum error rebuild(struct tx *tx)
{
    const struct rebuild_body *body = tx->body;
    const struct kind *only = NULL;
    for (const struct kind *const *kind = tx->core->registry->kinds; *kind && !only; kind++)
        if (text_is(body->view, (*kind)->plural)) only = *kind;
    char problem[256];
    if (!only && !text_is(body->view, "all")) return fail(tx, ERROR_NOT_FOUND, "there are no rows of that name");
    if (tx->core->rebuild) return fail(tx, ERROR_CONFLICT, "a rebuild is under way");
    if (!tx->core->durable_lsn) return fail(tx, ERROR_CONFLICT, "the log is empty");
    if (!tx->dry_run && !rebuild_begin(tx->core, only, !body->check, problem))
        return fail(tx, ERROR_CONFLICT, "%s", problem);
    return answer_rebuild(tx, 202);
}

static enum error rebuild_state(struct tx *tx)
{
    return answer_rebuild(tx, 200);
}

/* ---- The log -------------------------------------------------------------------------------------------------------- */

enum { LOG_PAGE_DEFAULT = 100, LOG_PAGE_MOST = 1000, LOG_PAGE_BYTES = 4 * 1024 * 1024 };

struct log_query {
    int64_t after, count;
};
/* clang-format off */
static const struct field log_query_rows[] = {
    INTEGER(log_query, 1, after, .min = 0, .max = INT64_MAX,
            .doc = "position that is known: the page begins behind it"),
    INTEGER(log_query, 2, count, .min = 1, .max = LOG_PAGE_MOST, .initial = LOG_PAGE_DEFAULT,
            .doc = "records of a page, at most"),
};
/* clang-format on */
static const struct fields log_query_fields = FIELDS("log_query", struct log_query, log_query_rows);

struct log_job {
    struct job job;
    uint64_t from, to;
};

static void run_log(struct job *job)
{
    struct store *store = job->core->ports.store;
    const struct log_job *wanted = (struct log_job *)(void *)job;
    job->good = true;
    for (uint64_t lsn = wanted->from; job->good && lsn < wanted->to && job->result.length < LOG_PAGE_BYTES; lsn++) {
        struct arena *arena = arena_create();
        struct text head, body;
        struct record record = {0};
        job->good = store->calls->read_log(store, lsn, arena, &head, &body) == FOUND &&
                    record_decode(arena, head, body, &record);
        if (job->good) {
            record.lsn = lsn;
            record_render(&job->result, arena, job->core->registry, &record);
            buffer_byte(&job->result, '\n');
        }
        arena_destroy(arena);
    }
}

static enum error log_page(struct tx *tx)
{
    const struct log_query *query = tx->query;
    uint64_t after = query ? (uint64_t)query->after : 0, last = tx->core->durable_lsn;
    uint64_t count = query && query->count > 0 ? (uint64_t)query->count : LOG_PAGE_DEFAULT;
    struct text page = LITERAL("");
    if (after < last) {
        struct log_job like = {.job = {.run = run_log},
                               .from = after + 1,
                               .to = after + 1 + (last - after < count ? last - after : count)};
        const struct memo *memo = job_result(tx, LITERAL("log"), WORK_READ, &like.job, sizeof like);
        if (!memo) return OK; /* void: it runs again */
        if (!memo->found) return fail(tx, ERROR_INTERNAL_ERROR, "the log cannot be read");
        page = memo->value;
    }
    return answer_raw(tx, 200, "application/x-ndjson", page);
}

/* ---- The kind ------------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct command system_commands[] = {
    { "health", "GET", "//healthz", .action = ACTION_CALL, .who = ANYONE, .rate = RATE_NONE, .decide = healthz, .reply = &health_fields,
      .doc = "Is the process alive?" },
    { "ready", "GET", "//readyz", .action = ACTION_CALL, .who = ANYONE, .rate = RATE_NONE, .decide = readyz, .reply = &health_fields,
      .doc = "Does it take requests? 503 while it stops, 507 while the disk reserve is reached." },
    { "metrics", "GET", "//metrics", .action = ACTION_CALL, .who = ANYONE, .rate = RATE_NONE, .decide = metrics,
      .produces = "text/plain", .doc = "Figures for Prometheus, for this machine and operators unless configured otherwise." },
    { "openapi", "GET", "//openapi.json", .action = ACTION_CALL, .who = ANYONE, .rate = RATE_NONE, .decide = openapi,
      .produces = "application/json", .doc = "This document." },
    { "docs", "GET", "//docs", .action = ACTION_CALL, .who = ANYONE, .rate = RATE_NONE, .decide = page,
      .produces = "text/html", .doc = "This document as a page on which requests can be tried." },
    { "docs-part", "GET", "//docs/{part}", .action = ACTION_CALL, .who = ANYONE, .rate = RATE_NONE, .decide = page,
      .produces = "text/html", .doc = "What that page is made of: plain is a list without scripts; scripts and styles have types of their own." },
    { "backup", "POST", "//control/backup", .action = ACTION_CALL, .who = OPERATOR, .rate = RATE_NONE, .body = &backup_body_fields,
      .decide = backup, .reply = &backup_reply_fields, .doc = "Copies log and tables into a new directory, while serving." },
    { "rebuild", "POST", "//control/rebuild", .action = ACTION_CALL, .who = OPERATOR, .rate = RATE_NONE, .body = &rebuild_body_fields,
      .decide = rebuild, .reply = &rebuild_reply_fields, .status = 202,
      .doc = "Compares rows of the tables with what the log gives, and mends them, while serving." },
    { "rebuild-state", "GET", "//control/rebuild", .action = ACTION_CALL, .who = OPERATOR, .rate = RATE_NONE,
      .decide = rebuild_state, .reply = &rebuild_reply_fields, .doc = "How far the rebuild is that was asked for last." },
    { "log", "GET", "//control/log", .action = ACTION_CALL, .who = OPERATOR, .rate = RATE_NONE, .query = &log_query_fields,
      .decide = log_page, .produces = "application/x-ndjson", .doc = "Durable records of the log, one JSON object a line." },
    { "events", "GET", "/admin/events", .action = ACTION_LIST, .who = ADMIN, .rate = RATE_READ, .query = &events_query_fields,
      .decide = events_page, .reply = &envelope_fields, .streams = true,
      .doc = "What happened in this marketplace, oldest first: go on with after= the id of the last one. A stream to who accepts text/event-stream or JSON lines." },
    { 0 },
};

const struct kind system_kind = {
    .number = 100,
    .name = "system",
    .plural = "system",
    .doc = "the server itself",
    .fields = &system_fields,
    .commands = system_commands,
};
/* clang-format on */
