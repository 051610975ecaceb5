/* What somebody finds wrong with something that others show.

     – ─create→ open ─resolve→ resolved

   Truths: a person reports a target once; whoever reports sees the target. Reports of posts and comments are for the
   moderators of their community and for the staff, all others for the staff alone. Who reported is told to the staff only.
   A resolution that hides or removes does so by the target's own transition, in the same change. */
#include "actors/catalog/product.h"
#include "actors/community/community.h"
#include "actors/community/post_links.h"
#include "actors/identity/identity.h"
#include "actors/promotion/promotion.h"

struct resolve_body {
    enum report_action action;
    struct text note;
};
struct reports_query {
    enum report_status status;
    enum report_target target_kind;
};

static const char *const status_names[] = {NULL, "open", "resolved"};
static const char *const target_names[] = {NULL, "post", "comment", "user", "community", "product", "promotion"};
static const char *const reason_names[] = {NULL, "spam", "abuse", "illegal", "counterfeit", "other"};
static const char *const action_names[] = {NULL, "none", "hidden", "removed"};
static const struct enumeration report_statuses = ENUMERATION("report_status", status_names);
static const struct enumeration report_targets = ENUMERATION("report_target", target_names);
static const struct enumeration report_reasons = ENUMERATION("report_reason", reason_names);
static const struct enumeration report_actions = ENUMERATION("report_action", action_names);

/* ---- fields ---- */
/* clang-format off */
static const struct field report_rows[] = {
    ENTITY_ROW(report),
    ID(report, 2, reporter_id, .flags = READ_ONLY, .sees = SELF | ADMIN, .refers = "user", .doc = "who reports"),
    ENUM(report, 3, target_kind, &report_targets, .flags = REQUIRED, .doc = "what sort of thing"),
    ID(report, 4, target_id, .flags = REQUIRED, .doc = "which one"),
    ID(report, 5, community_id, .flags = READ_ONLY | OPTIONAL, .refers = "community", .doc = "of a post or comment"),
    ENUM(report, 6, reason, &report_reasons, .flags = REQUIRED, .doc = "what is wrong"),
    TEXT(report, 7, note, .format = FORMAT_LONG, .max = 1000, .doc = "in the person's words"),
    ENUM(report, 8, action, &report_actions, .flags = READ_ONLY, .doc = "what was done"),
    TEXT(report, 9, resolution, .format = FORMAT_LONG, .flags = READ_ONLY, .max = 500, .doc = "why that was done"),
    ID(report, 10, resolved_by, .flags = READ_ONLY | OPTIONAL, .refers = "user", .sees = MODERATOR | ADMIN,
       .doc = "who decided"),
    TIME(report, 11, resolved_at, .flags = READ_ONLY, .doc = "when it was decided"),
};
/* clang-format on */
static const struct fields report_fields = FIELDS("report", struct report, report_rows);

/* clang-format off */
static const struct field resolve_rows[] = {
    ENUM(resolve_body, 1, action, &report_actions, .flags = REQUIRED,
         .doc = "none; of a post or comment also hidden or removed"),
    TEXT(resolve_body, 2, note, .format = FORMAT_LONG, .max = 500,
         .doc = "why; the author of what is hidden or removed reads it"),
};
/* clang-format on */
static const struct fields resolve_fields = FIELDS("report_resolution", struct resolve_body, resolve_rows);

/* clang-format off */
static const struct field query_rows[] = {
    ENUM(reports_query, 1, status, &report_statuses, .doc = "only open or resolved ones"),
    ENUM(reports_query, 2, target_kind, &report_targets, .doc = "only about this sort of thing"),
};
/* clang-format on */
static const struct fields query_fields = FIELDS("reports_query", struct reports_query, query_rows);

static const uint16_t reported[] = {3, 4, 5, 6, 0};    /* target_kind, target_id, community_id, reason */
static const uint16_t resolved[] = {3, 4, 5, 6, 8, 0}; /* and action */
const struct event report_created = {1, "report.created", reported, NULL, "somebody finds something wrong"};
const struct event report_resolved = {2, "report.resolved", resolved, NULL, "moderators or staff have decided"};
static const struct event *const report_events[] = {&report_created, &report_resolved, NULL};

/* clang-format off */
static const struct transition report_machine_rows[] = {
    /* from               command    to               event */
    {FROM_NONE,          "create",  REPORT_OPEN,     &report_created},
    {STATE(REPORT_OPEN), "resolve", REPORT_RESOLVED, &report_resolved},
};
/* clang-format on */
static const struct machine report_machine = MACHINE(&report_statuses, report_machine_rows);

/* ---- indexes ---- */
static void key_under(const struct report *report, struct key_writer *writer, const struct id *community_id,
                      bool status)
{
    key_begin(writer);
    if (community_id) key_id(writer, *community_id);
    if (status) key_integer(writer, report->entity.status);
    key_integer(writer, report->entity.created_at);
    key_end(writer);
}

static void created_keys(const void *entity, struct key_writer *writer)
{
    key_under(entity, writer, NULL, false);
}

static void status_keys(const void *entity, struct key_writer *writer)
{
    key_under(entity, writer, NULL, true);
}

static void community_keys(const void *entity, struct key_writer *writer)
{
    const struct report *report = entity;
    if (!id_is_none(report->community_id)) key_under(report, writer, &report->community_id, false);
}

static void community_status_keys(const void *entity, struct key_writer *writer)
{
    const struct report *report = entity;
    if (!id_is_none(report->community_id)) key_under(report, writer, &report->community_id, true);
}

static const struct index by_created = {.number = 1, .name = "created", .keys = created_keys, .doc = "by age"};
static const struct index by_status = {.number = 2, .name = "status", .keys = status_keys, .doc = "by state and age"};
/* clang-format off */
static const struct index by_community = {
    .number = 3, .name = "community", .keys = community_keys, .doc = "by community and age"};
static const struct index by_community_status = {.number = 4, .name = "community_status", .keys = community_status_keys,
                                                 .doc = "by community, state and age"};
/* clang-format on */

static void person_keys(const void *entity, struct key_writer *writer)
{
    const struct report *report = entity;
    key_begin(writer);
    key_id(writer, report->reporter_id);
    key_integer(writer, report->entity.created_at);
    key_end(writer);
}
/* clang-format off */
static const struct index by_person = {.number = 5, .name = "person", .keys = person_keys, .doc = "what a person has reported, by age",
                                          .leads = LEADS_PERSON};
/* clang-format on */
static const struct index *const report_indexes[] = {&by_created,          &by_status, &by_community,
                                                     &by_community_status, &by_person, NULL};

static void scope_community(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, community_of_path(tx));
}

/* clang-format off */
static const struct listing staff_listings[] = {
    {.sort = "newest", .filter = "status", .index = &by_status, .reverse = true},
    {.sort = "newest", .index = &by_created, .reverse = true},
    {0},
};
static const struct listing community_listings[] = {
    {.sort = "newest", .filter = "status", .index = &by_community_status, .scope = scope_community, .reverse = true},
    {.sort = "newest", .index = &by_community, .scope = scope_community, .reverse = true},
    {0},
};
/* clang-format on */

static const char *report_check(const void *entity)
{
    const struct report *report = entity;
    bool decided = report->entity.status == REPORT_RESOLVED;
    if (decided != (report->action != 0) || decided != (report->resolved_at != 0))
        return "what was done is said exactly of resolved reports";
    return NULL;
}

/* ---- who ---- */
static uint32_t report_relations(struct tx *tx, const void *entity)
{
    const struct report *report = entity;
    struct id community_id = report ? report->community_id : community_of_path(tx);
    bool own = report && tx->principal.kind == PRINCIPAL_USER && id_equal(report->reporter_id, tx->principal.user);
    return community_relations_of(tx, community_id) | (own ? SELF : 0);
}

static bool report_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    (void)tx, (void)entity;
    return relations & (SELF | MODERATOR | ADMIN);
}

/* ---- deciders ---- */
/* clang-format off */
static const struct kind *const target_kinds[] = {NULL,            &post_kind,    &comment_kind,  &user_kind,
                                                  &community_kind, &product_kind, &promotion_kind};
/* clang-format on */

/* Before the target is looked for: so somebody who has reported learns nothing of what became of it. */
static struct id report_of_body(struct tx *tx)
{
    const struct report *body = tx->subject;
    return id_derived("report", tx->principal.user, body->target_id);
}

static enum error report_create(struct tx *tx)
{
    struct report *report = tx->subject;
    const struct kind *kind = target_kinds[report->target_kind];
    const void *target = load(tx, kind, report->target_id);
    bool gone = !target || ((const struct entity *)target)->deleted_at || !relations_to(tx, kind, target);
    if (gone) return fail(tx, ERROR_NOT_FOUND, "there is no such %s", kind->name);
    if (report->target_kind == REPORT_POST) report->community_id = ((const struct post *)target)->community_id;
    if (report->target_kind == REPORT_COMMENT) report->community_id = ((const struct comment *)target)->community_id;
    report->reporter_id = tx->principal.user;
    return OK;
}

static enum error act(struct tx *tx, const struct report *report, enum report_action action, struct text note)
{
    struct text reason = note.length ? note : enum_name(&report_reasons, report->reason);
    bool remove = action == REPORT_REMOVED;
    if (action == REPORT_NONE) return OK;
    if (report->target_kind == REPORT_POST) return post_moderate(tx, report->target_id, remove, reason);
    if (report->target_kind == REPORT_COMMENT) return comment_moderate(tx, report->target_id, remove, reason);
    fail_detail(tx, "action", "not_allowed", "only posts and comments are hidden or removed by a report");
    return fail(tx, ERROR_VALIDATION_FAILED, "this target has commands of its own for that");
}

static enum error report_resolve(struct tx *tx)
{
    struct report *report = tx->subject;
    const struct resolve_body *body = tx->body;
    enum error error = act(tx, report, body->action, body->note);
    if (error) return error;
    report->action = body->action;
    report->resolution = body->note;
    report->resolved_by = tx->principal.user;
    report->resolved_at = tx->now;
    return OK;
}

static enum error community_check(struct tx *tx)
{
    if (id_is_none(community_of_path(tx))) return fail(tx, ERROR_NOT_FOUND, "there is no such community");
    if (tx->relations & (MODERATOR | ADMIN)) return OK;
    return fail(tx, ERROR_FORBIDDEN, "its moderators read these");
}

static bool reports_match(struct tx *tx, const void *entity)
{
    const struct reports_query *query = tx->query;
    return !queried(tx, "target_kind") || ((const struct report *)entity)->target_kind == query->target_kind;
}

/* ---- how often something is reported ---- */
/* clang-format off */
static const struct field count_rows[] = {
    ENTITY_ROW(report_count),
    INTEGER(report_count, 2, report_count, .flags = READ_ONLY, .sees = MODERATOR | ADMIN, .doc = "reports about it"),
    INTEGER(report_count, 3, open_count, .flags = READ_ONLY, .sees = MODERATOR | ADMIN, .doc = "of them undecided"),
};
/* clang-format on */
static const struct fields count_fields = FIELDS("report_count", struct report_count, count_rows);
/* clang-format off */
const struct kind report_count_kind = {
    .number = 58, .name = "report_count", .plural = "report_counts", .doc = "how often something is reported",
    .fields = &count_fields, .derived = true};
/* clang-format on */

static void report_counts_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &report_kind) return;
    const struct report *report = fact->after;
    bool created = fact->event == &report_created;
    struct report_count *count = edit_or_create(tx, &report_count_kind, report->target_id);
    if (count) count->report_count += created;
    if (count) count->open_count += created ? 1 : -1;
    if (!created || report->target_kind != REPORT_POST) return;
    struct post_statistics *statistics = edit_or_create(tx, &post_statistics_kind, report->target_id);
    if (statistics) statistics->report_count++;
}
/* clang-format off */
const struct follower report_counts_follower = {
    .name = "report_counts", .doc = "reports about a target, all and open ones", .view = true,
    .follow = report_counts_follow};
/* clang-format on */

/* ---- the kind ---- */
static struct id report_target(const void *entity)
{
    return ((const struct report *)entity)->target_id;
}

/* clang-format off */
static const struct join report_joins[] = {
    {.name = "stats", .kind = &report_count_kind, .key = report_target, .revision = true},
    {0},
};

static const struct command report_commands[] = {
    {"create", "POST", "/reports", NULL, ACTION_CREATE, USER, .target = report_of_body, .decide = report_create,
     .doc = "reports something to those who look after it"},
    {"read", "GET", "/reports/{id}", NULL, ACTION_READ, SELF | MODERATOR | ADMIN, .doc = "a report"},
    {"resolve", "POST", "/reports/{id}/resolve", NULL, ACTION_COMMAND, MODERATOR | ADMIN, .body = &resolve_fields,
     .decide = report_resolve, .doc = "decides, and hides or removes a post or comment"},
    {"list", "GET", "/admin/reports", NULL, ACTION_LIST, ADMIN, .query = &query_fields, .listings = staff_listings,
     .matches = reports_match, .doc = "all reports, the newest first"},
    {"community_list", "GET", "/communities/{id}/reports", NULL, ACTION_LIST, USER | ADMIN, .query = &query_fields,
     .decide = community_check, .demands = MODERATOR | ADMIN, .listings = community_listings, .matches = reports_match,
     .doc = "reports about posts and comments of a community, the newest first; for its moderators"},
    {0},
};

const struct kind report_kind = {
    .number = 57,
    .name = "report",
    .plural = "reports",
    .doc = "what somebody finds wrong with something",
    .fields = &report_fields,
    .machine = &report_machine,
    .events = report_events,
    .indexes = report_indexes,
    .commands = report_commands,
    .joins = report_joins,
    .relations = report_relations,
    .visible = report_visible,
    .check = report_check,
};
/* clang-format on */
