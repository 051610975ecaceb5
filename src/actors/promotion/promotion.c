/* Promotions.

   draft ─submit→ pending_approval ─approve (last)→ scheduled ─start→ active ⇄ paused ─end→ ended
   pending_approval ─reject, no answer, end→ rejected ─revise→ draft; a submit that needs no answer skips the wait
   draft … paused, rejected ─cancel→ cancelled
   draft, rejected, ended, cancelled ─delete→ deleted ─restore→ the state before
   scheduled, active, paused   nobody's answer is missing, at least one target said yes, each product has its snapshot
   first_activated_at          set at the first activation, never changed, also across pause and resume
   One rejection rejects the whole; approvals of unchanged content are kept across revise and submit. */
#include "actors/promotion/promotion_internal.h"

#include "actors/catalog/supplier.h"
#include "actors/community/community.h"
#include "schema/codec.h"

#include <string.h>

/* ---- guards ---- */
static bool starts_ahead(const struct tx *tx, const struct promotion *promotion)
{
    return promotion->starts_at > tx->now;
}

static bool somebody_missing(struct tx *tx, const void *entity)
{
    (void)tx;
    return approvals_would_wait(entity);
}

static bool start_is_ahead(struct tx *tx, const void *entity)
{
    return starts_ahead(tx, entity);
}

static bool target_pending(struct tx *tx, const void *entity)
{
    const struct approval *approval = approval_asked(tx, entity);
    return approval && approval->decision == DECISION_PENDING;
}

static bool last_missing(struct tx *tx, const void *entity)
{
    return approvals_pending(entity) == 1 && target_pending(tx, entity);
}

static bool last_missing_start_ahead(struct tx *tx, const void *entity)
{
    return last_missing(tx, entity) && starts_ahead(tx, entity);
}

static bool last_given(struct tx *tx, const void *entity)
{
    const struct approval *approval = approval_asked(tx, entity);
    return approvals_given(entity) == 1 && approval && approval->decision == DECISION_APPROVED;
}

/* ---- machine ---- */
#define APPROVED (STATE(PROMOTION_SCHEDULED) | STATE(PROMOTION_ACTIVE) | STATE(PROMOTION_PAUSED))
#define WAITING  STATE(PROMOTION_PENDING_APPROVAL)
#define OVER     (STATE(PROMOTION_ENDED) | STATE(PROMOTION_CANCELLED))
#define REFUSED  STATE(PROMOTION_REJECTED)
#define DRAFT    STATE(PROMOTION_DRAFT)
/* clang-format off */
static const struct transition transitions[] = {
    /* from                     command            to                          event                        guard */
    {FROM_NONE,                 "create",          PROMOTION_DRAFT,            &promotion_created},
    {DRAFT | APPROVED,          "patch",           TO_SAME,                    &promotion_updated},
    {DRAFT,                     "submit",          PROMOTION_PENDING_APPROVAL, &promotion_submitted,
     somebody_missing, "some target has not approved this content"},
    {DRAFT,                     "submit",          PROMOTION_SCHEDULED,        &promotion_scheduled,
     start_is_ahead, "starts_at is ahead"},
    {DRAFT,                     "submit",          PROMOTION_ACTIVE,           &promotion_activated},
    {WAITING,                   "approve",         PROMOTION_SCHEDULED,        &promotion_scheduled,
     last_missing_start_ahead, "the last missing, starts_at ahead"},
    {WAITING,                   "approve",         PROMOTION_ACTIVE,           &promotion_activated,
     last_missing, "the last missing, starts_at reached"},
    {WAITING,                   "approve",         PROMOTION_PENDING_APPROVAL, &promotion_approved},
    {WAITING,                   "reject",          PROMOTION_REJECTED,         &promotion_rejected},
    {WAITING,                   "expire",          PROMOTION_REJECTED,         &promotion_rejected},
    {WAITING | REFUSED,         "revise",          PROMOTION_DRAFT,            &promotion_revised},
    {STATE(PROMOTION_SCHEDULED), "activate",       PROMOTION_ACTIVE,           &promotion_activated},
    {STATE(PROMOTION_ACTIVE),   "pause",           PROMOTION_PAUSED,           &promotion_paused},
    {STATE(PROMOTION_PAUSED),   "resume",          PROMOTION_ACTIVE,           &promotion_resumed},
    {STATE(PROMOTION_ACTIVE) | STATE(PROMOTION_PAUSED), "end", PROMOTION_ENDED, &promotion_ended},
    {DRAFT | WAITING | APPROVED | REFUSED, "cancel", PROMOTION_CANCELLED,      &promotion_cancelled},
    {APPROVED,                  "revoke_approval", PROMOTION_CANCELLED,        &promotion_cancelled,        last_given,
     "the only approved target"},
    {APPROVED,                  "revoke_approval", TO_SAME,                    &promotion_approval_revoked},
    {DRAFT | REFUSED | OVER,    "delete",          PROMOTION_DELETED,          &promotion_deleted},
    {STATE(PROMOTION_DELETED),  "restore",         TO_REMEMBERED,              &promotion_restored},
    {WAITING | APPROVED,        "product_gone",    PROMOTION_CANCELLED,        &promotion_cancelled},
    {WAITING,                   "community_gone",  PROMOTION_REJECTED,         &promotion_rejected,
     target_pending, "it has not answered yet"},
    {WAITING,                   "community_gone",  TO_SAME,                    &promotion_approval_revoked},
    {APPROVED,                  "community_gone",  PROMOTION_CANCELLED,        &promotion_cancelled,        last_given,
     "the only approved target"},
    {APPROVED,                  "community_gone",  TO_SAME,                    &promotion_approval_revoked},
};
/* clang-format on */
static const struct machine machine = MACHINE(&promotion_statuses, transitions);

/* ---- rights ---- */
static uint32_t promotion_relations(struct tx *tx, const void *entity)
{
    const struct promotion *promotion = entity;
    if (!promotion) return 0;
    uint32_t relations = supplier_relations_of(tx, promotion->supplier_id);
    for (uint32_t i = 0; i < promotion->community_ids.count; i++) {
        uint32_t there = community_relations_of(tx, promotion->community_ids.at[i]);
        relations |= (there & OWNER ? TARGET_OWNER : 0) | (there & MODERATOR);
    }
    return relations;
}

static bool promotion_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    const struct promotion *promotion = entity;
    switch (promotion->entity.status) {
    case PROMOTION_ACTIVE: return true;
    case PROMOTION_DELETED:
        if (relations & ADMIN) return true;
        return tx->kind == &promotion_kind && !strcmp(tx->command->name, "restore") && (relations & TEAM);
    default: return relations & (TEAM | ADMIN | TARGET_OWNER);
    }
}

/* ---- what every change of status entails ---- */
static uint32_t status_after(const struct tx *tx, const struct promotion *promotion)
{
    uint32_t to = transition_to(tx);
    if (to == TO_SAME) return (uint32_t)promotion->entity.status;
    return to == TO_REMEMBERED ? (uint32_t)promotion->entity.status_before : to;
}

static enum error settle(struct tx *tx)
{
    struct promotion *promotion = tx->subject;
    uint32_t from = (uint32_t)promotion->entity.status, to = status_after(tx, promotion);
    if (to == PROMOTION_ACTIVE && !promotion->first_activated_at) promotion->first_activated_at = tx->now;
    promotion_timers(tx, promotion, from, to);
    return promotion_account(tx, promotion, from, to);
}

/* ---- making and changing ---- */
static enum error promotion_create(struct tx *tx)
{
    struct promotion *promotion = tx->subject;
    const struct supplier *supplier = load(tx, &supplier_kind, promotion->supplier_id);
    if (!supplier) return fail(tx, ERROR_NOT_FOUND, "there is no such supplier");
    if (!supplier_sells(supplier))
        return fail(tx, ERROR_SUPPLIER_NOT_VERIFIED, "promotions are made once their supplier is verified");
    enum error error = promotion_complete(tx, promotion, NULL);
    if (error) return error;
    promotion->content_version = 1;
    return settle(tx);
}

/* Once approved, only the end may change, and only come nearer: nobody is shown something else than was approved. */
static enum error patch_approved(struct tx *tx, struct promotion *promotion, const struct promotion *before)
{
    for (uint32_t i = 0; i < promotion_fields.count; i++) {
        const char *name = promotion_fields.rows[i].name;
        if (tx->present >> i & 1 && strcmp(name, "ends_at") != 0)
            fail_detail(tx, name, "not_allowed", "only ends_at may change once it is approved");
    }
    if (fail_details(tx)) return fail(tx, ERROR_CONFLICT, "only ends_at may change once it is approved");
    if (promotion->ends_at == before->ends_at) return OK;
    if (!promotion->ends_at || (before->ends_at && promotion->ends_at > before->ends_at)) {
        fail_detail(tx, "ends_at", "too_large", "it may only end earlier");
        return fail(tx, ERROR_CONFLICT, "it may only end earlier");
    }
    if (promotion->ends_at <= tx->now || promotion->ends_at <= promotion->starts_at) {
        fail_detail(tx, "ends_at", "too_small", "the new end is ahead, and after the start");
        return fail(tx, ERROR_CONFLICT, "the new end is ahead, and after the start");
    }
    if (promotion->entity.status != PROMOTION_SCHEDULED) timer(tx, &promotion_kind, tx->id, "end", promotion->ends_at);
    return OK;
}

static enum error promotion_patch(struct tx *tx)
{
    struct promotion *promotion = tx->subject;
    const struct promotion *before = tx->before;
    if (before->entity.status != PROMOTION_DRAFT) return patch_approved(tx, promotion, before);
    enum error error = promotion_complete(tx, promotion, before);
    if (error) return error;
    if (promotion_content_changed(before, promotion)) promotion->content_version++;
    return OK;
}

static enum error promotion_submit(struct tx *tx)
{
    struct promotion *promotion = tx->subject;
    enum error error = promotion_submittable(tx, promotion);
    if (error) return error;
    bool kept = false; /* an approval stands on the prices it was given for */
    for (uint32_t i = 0; i < promotion->approvals.count; i++) {
        const struct approval *approval = &promotion->approvals.at[i];
        kept |= approval->decision == DECISION_APPROVED && approval->content_version == promotion->content_version;
    }
    if (!kept || promotion->product_snapshots.count != promotion->products.count)
        promotion_take_snapshots(tx, promotion);
    approvals_open(tx, promotion);
    promotion->submitted_at = tx->now;
    promotion->reason = (struct text){0};
    if (transition_to(tx) != PROMOTION_PENDING_APPROVAL)
        emit(tx, promotion, &promotion_kind, &promotion_submitted, NULL);
    return settle(tx);
}

/* ---- deciding ---- */
/* The approval that the command is about; NULL after a refusal. */
static struct approval *asked(struct tx *tx, struct promotion *promotion, enum error *error)
{
    const struct approve_body *body = tx->body;
    struct approval *approval = approval_asked(tx, promotion);
    *error = OK;
    if (approval) return approval;
    if (!id_is_none(body->community_id)) {
        *error = fail(tx, ERROR_NOT_FOUND, "that community is no target of this promotion");
    } else {
        fail_detail(tx, "community_id", "required", "say for which community");
        *error = fail(tx, ERROR_VALIDATION_FAILED, "say for which community");
    }
    return NULL;
}

static enum error target_is_live(struct tx *tx, const struct approval *approval)
{
    if (approval->target == TARGET_GLOBAL) return OK;
    const struct community *community = load(tx, &community_kind, approval->community_id);
    return community && community_live(community) ? OK : fail(tx, ERROR_CONFLICT, "the community is not live");
}

static enum error promotion_approve(struct tx *tx)
{
    struct promotion *promotion = tx->subject;
    enum error error;
    struct approval *approval = asked(tx, promotion, &error);
    if (error) return error;
    error = approval_may_approve(tx, approval);
    if (error) return error;
    if (approval->decision != DECISION_PENDING) return fail(tx, ERROR_CONFLICT, "this target has answered already");
    if (promotion->ends_at && promotion->ends_at <= tx->now) return fail(tx, ERROR_CONFLICT, "its window is over");
    error = target_is_live(tx, approval);
    if (error) return error;

    approval_decide(tx, approval, DECISION_APPROVED, (struct text){0});
    struct promotion_decision *data = approval_event(tx, promotion, approval, (struct text){0});
    if (transition_to(tx) == PROMOTION_PENDING_APPROVAL)
        event_data(tx, data);
    else
        emit(tx, promotion, &promotion_kind, &promotion_approved, data);
    return settle(tx);
}

/* A no of the target that is asked for, which has decided `before` so far; the data of its event, or NULL and the refusal. */
static struct promotion_decision *refuse_target(struct tx *tx, enum approval_decision before,
                                                enum approval_decision decision, const char *otherwise,
                                                enum error *error)
{
    struct promotion *promotion = tx->subject;
    const struct decision_body *body = tx->body;
    struct approval *approval = asked(tx, promotion, error);
    if (!*error) *error = approval_may_refuse(tx, approval);
    if (!*error && approval->decision != before) *error = fail(tx, ERROR_CONFLICT, "%s", otherwise);
    if (*error) return NULL;
    approval_decide(tx, approval, decision, body->reason);
    struct promotion_decision *data = approval_event(tx, promotion, approval, body->reason);
    event_data(tx, data);
    return data;
}

static enum error promotion_reject(struct tx *tx)
{
    struct promotion *promotion = tx->subject;
    enum error error;
    if (!refuse_target(tx, DECISION_PENDING, DECISION_REJECTED, "this target has answered already", &error))
        return error;
    promotion->reason = ((const struct decision_body *)tx->body)->reason;
    return settle(tx);
}

static enum error promotion_revoke(struct tx *tx)
{
    struct promotion *promotion = tx->subject;
    enum error error;
    struct promotion_decision *data =
        refuse_target(tx, DECISION_APPROVED, DECISION_REVOKED, "this target has not approved it", &error);
    if (!data) return error;
    if (transition_to(tx) == PROMOTION_CANCELLED) {
        emit(tx, promotion, &promotion_kind, &promotion_approval_revoked, data);
        promotion->reason = ((const struct decision_body *)tx->body)->reason;
    }
    return settle(tx);
}

/* The timer of a waiting one: nobody answered, or its window is over. */
static enum error promotion_expire(struct tx *tx)
{
    struct promotion *promotion = tx->subject;
    promotion->reason =
        promotion->ends_at && promotion->ends_at <= tx->now ? LITERAL("window_over") : LITERAL("no_answer");
    event_data(tx, approval_event(tx, promotion, NULL, promotion->reason));
    return settle(tx);
}

/* ---- while approved ---- */
static enum error staff_says_why(struct tx *tx, struct text reason)
{
    if (reason.data || tx->relations & MANAGER) return OK;
    fail_detail(tx, "reason", "required", "the staff says why");
    return fail(tx, ERROR_VALIDATION_FAILED, "the reason is missing");
}

static enum error promotion_pause(struct tx *tx)
{
    struct promotion *promotion = tx->subject;
    const struct reason_body *body = tx->body;
    enum error error = staff_says_why(tx, body->reason);
    if (error) return error;
    promotion->reason = body->reason;
    promotion->paused_by_staff = !(tx->relations & MANAGER);
    event_data(tx, approval_event(tx, promotion, NULL, body->reason));
    return settle(tx);
}

static enum error promotion_resume(struct tx *tx)
{
    struct promotion *promotion = tx->subject;
    if (promotion->paused_by_staff && !(tx->relations & ADMIN))
        return fail(tx, ERROR_FORBIDDEN, "the staff paused it: only they resume it");
    if (promotion->ends_at && promotion->ends_at <= tx->now) return fail(tx, ERROR_CONFLICT, "its window is over");
    promotion->paused_by_staff = false;
    promotion->reason = (struct text){0};
    return settle(tx);
}

static enum error cancelled(struct tx *tx, struct text reason)
{
    struct promotion *promotion = tx->subject;
    promotion->reason = reason;
    event_data(tx, approval_event(tx, promotion, NULL, reason));
    return settle(tx);
}

static enum error promotion_cancel(struct tx *tx)
{
    const struct reason_body *body = tx->body;
    return cancelled(tx, body->reason);
}

static enum error promotion_product_gone(struct tx *tx)
{
    return cancelled(tx, LITERAL("product_gone"));
}

static enum error promotion_community_gone(struct tx *tx)
{
    struct promotion *promotion = tx->subject;
    struct text reason = LITERAL("community_deleted");
    struct approval *approval = approval_asked(tx, promotion);
    if (!approval || approval->decision == DECISION_REVOKED)
        return fail(tx, ERROR_CONFLICT, "that community has no say any more");
    uint32_t to = transition_to(tx);
    approval_decide(tx, approval, to == PROMOTION_REJECTED ? DECISION_REJECTED : DECISION_REVOKED, reason);
    struct promotion_decision *data = approval_event(tx, promotion, approval, reason);
    event_data(tx, data);
    if (to == PROMOTION_CANCELLED) emit(tx, promotion, &promotion_kind, &promotion_approval_revoked, data);
    if (to != TO_SAME) promotion->reason = reason;
    return settle(tx);
}

/* ---- deleting ---- */
static enum error promotion_delete(struct tx *tx)
{
    struct promotion *promotion = tx->subject;
    promotion->deleted_by = tx->principal.user;
    return settle(tx);
}

static enum error promotion_restore(struct tx *tx)
{
    struct promotion *promotion = tx->subject;
    if (!(tx->relations & ADMIN)) {
        if (!id_equal(promotion->deleted_by, tx->principal.user))
            return fail(tx, ERROR_FORBIDDEN, "only who deleted it, or the staff, restores it");
        if (tx->now - promotion->entity.deleted_at > DAYS(30))
            return fail(tx, ERROR_CONFLICT, "after 30 days only the staff restores it");
    }
    promotion->deleted_by = ID_NONE;
    return settle(tx);
}

/* ---- lists ---- */
struct promotion_query {
    struct id supplier_id, community_id, product_id;
    enum promotion_type type;
    enum promotion_status status;
};
/* clang-format off */
static const struct field query_rows[] = {
    ID(promotion_query, 1, supplier_id, .refers = "supplier", .doc = "of this supplier"),
    ID(promotion_query, 2, community_id, .refers = "community", .doc = "shown in this community"),
    ID(promotion_query, 3, product_id, .refers = "product", .doc = "that name this product"),
    ENUM(promotion_query, 4, type, &promotion_types, .doc = "of this type"),
    ENUM(promotion_query, 5, status, &promotion_statuses,
        .doc = "active when absent; others are shown to whom they concern"),
};
/* clang-format on */
static const struct fields query_fields = FIELDS("promotion_query", struct promotion_query, query_rows);

static void status_scope(struct tx *tx, struct key_writer *writer)
{
    const struct promotion_query *query = tx->query;
    key_integer(writer, query && query->status ? query->status : PROMOTION_ACTIVE);
}

static void supplier_scope(struct tx *tx, struct key_writer *writer)
{
    status_scope(tx, writer);
    key_id(writer, supplier_of_path(tx));
}

static bool promotion_matches(struct tx *tx, const void *entity)
{
    const struct promotion *promotion = entity;
    const struct promotion_query *query = tx->query;
    if (!id_is_none(query->supplier_id) && !id_equal(query->supplier_id, promotion->supplier_id)) return false;
    if (!id_is_none(query->product_id) && !promotion_covers(promotion, query->product_id)) return false;
    if (query->type && query->type != promotion->type) return false;
    if (id_is_none(query->community_id)) return true;
    if (!promotion_targets_community(promotion, query->community_id)) return false;
    return promotion->entity.status != PROMOTION_ACTIVE || promotion_approved_for(promotion, query->community_id);
}

/* clang-format off */
static const struct listing listings[] = {
    /* sort  filter          index                    reverse  scope */
    {NULL,   "supplier_id",  &promotion_by_supplier,  true,    status_scope},
    {NULL,   "community_id", &promotion_by_community, true,    status_scope},
    {NULL,   "product_id",   &promotion_by_product,   true,    status_scope},
    {NULL,   NULL,           &promotion_by_newest,    true,    status_scope},
    {0},
};
static const struct listing supplier_listings[] = {
    {NULL,   NULL,           &promotion_by_supplier,  true,    supplier_scope},
    {0},
};

/* ---- commands ---- */
#define MANAGER_OR_STAFF (MANAGER | ADMIN)
#define DECIDERS         (TARGET_OWNER | ADMIN)
#define COMMAND(name_, path_, who_, body_, decide_, doc_) \
    {.name = (name_), .method = "POST", .path = "/promotions/{id}/" path_, .action = ACTION_COMMAND, .who = (who_), \
     .body = (body_), .decide = (decide_), .doc = (doc_)}
#define INTERNAL(name_, body_, decide_, doc_) \
    {.name = (name_), .action = ACTION_COMMAND, .who = SYSTEM, .body = (body_), .decide = (decide_), .doc = (doc_)}
static const struct command commands[] = {
    {.name = "create", .method = "POST", .path = "/promotions", .action = ACTION_CREATE, .who = MANAGER,
     .decide = promotion_create,
     .doc = "Makes a draft"},
    {.name = "list", .method = "GET", .path = "/promotions", .action = ACTION_LIST, .who = ANYONE,
     .query = &query_fields,
     .listings = listings, .matches = promotion_matches, .rate = RATE_READ, .steady = true, .doc = "Active promotions"},
    {.name = "list_of_supplier", .method = "GET", .path = "/suppliers/{id}/promotions",
     .alias = "/sellers/{id}/promotions",
     .action = ACTION_LIST, .who = ANYONE, .query = &query_fields, .decide = supplier_of_path_is_there,
     .listings = supplier_listings, .matches = promotion_matches, .rate = RATE_READ, .steady = true,
     .doc = "Promotions of one supplier"},
    {.name = "read", .method = "GET", .path = "/promotions/{id}", .action = ACTION_READ, .who = ANYONE,
     .rate = RATE_READ, .steady = true,
     .doc = "A promotion"},
    {.name = "performance", .method = "GET", .path = "/promotions/{id}/performance", .action = ACTION_READ,
     .who = TEAM | ADMIN | TARGET_OWNER,
      .decide = promotion_read_performance, .rate = RATE_READ, .reply = &performance_reply_fields,
     .doc = "What came of it, per community"},
    {.name = "patch", .method = "PATCH", .path = "/promotions/{id}", .action = ACTION_PATCH, .who = MANAGER,
     .decide = promotion_patch,
     .doc = "Changes a draft; of an approved one only ends_at, to an earlier time"},
    COMMAND("submit", "submit", MANAGER, NULL, promotion_submit, "Asks for the approvals that are missing"),
    COMMAND("revise", "revise", MANAGER, NULL, settle,
         "Makes it a draft again; approvals of unchanged content are kept"),
    COMMAND("approve", "approve", DECIDERS, &approve_fields, promotion_approve, "Says yes for one target"),
    COMMAND("reject", "reject", DECIDERS, &decision_fields, promotion_reject,
         "Says no for one target, which rejects the whole"),
    COMMAND("revoke_approval", "revoke-approval", DECIDERS, &decision_fields, promotion_revoke,
         "Takes the yes of one target back"),
    COMMAND("pause", "pause", MANAGER_OR_STAFF, &reason_optional_fields, promotion_pause, "Stops showing it for now"),
    COMMAND("resume", "resume", MANAGER_OR_STAFF, NULL, promotion_resume, "Shows it again"),
    COMMAND("cancel", "cancel", MANAGER_OR_STAFF, &reason_fields, promotion_cancel, "Ends it for good"),
    {.name = "delete", .method = "DELETE", .path = "/promotions/{id}", .action = ACTION_COMMAND,
     .who = MANAGER_OR_STAFF,
     .decide = promotion_delete, .doc = "Deletes it; restore takes it back within 30 days"},
    COMMAND("restore", "restore", MANAGER_OR_STAFF, NULL, promotion_restore, "Takes the deletion back"),
    INTERNAL("activate", NULL, settle, "its start is reached"),
    INTERNAL("end", NULL, settle, "its end is reached"),
    INTERNAL("expire", NULL, promotion_expire, "nobody answered in time"),
    INTERNAL("product_gone", NULL, promotion_product_gone, "the staff took a product of it away"),
    INTERNAL("community_gone", &approve_fields, promotion_community_gone, "a target was deleted"),
    {0},
};

const struct kind promotion_kind = {
    .number = 40, .name = "promotion", .plural = "promotions",
     .doc = "A supplier's approved offer: a card in feeds, and a price.",
    .fields = &promotion_fields, .machine = &machine, .events = promotion_events, .indexes = promotion_indexes,
     .commands = commands,
    .patch_needs_version = true, .relations = promotion_relations, .visible = promotion_visible,
     .check = promotion_check,
    .shown = promotion_shown,
};
/* clang-format on */
