/* Tables of promotions: fields, events, indexes. */
#include "actors/promotion/promotion_internal.h"

/* clang-format off */
static const char *const status_values[] = { NULL,     "draft", "pending_approval", "scheduled", "active",
                                             "paused", "ended", "cancelled",        "rejected",  "deleted" };
/* clang-format on */
const struct enumeration promotion_statuses = ENUMERATION("promotion_status", status_values);
static const char *const type_values[] = {NULL, "campaign", "single", "default"};
const struct enumeration promotion_types = ENUMERATION("promotion_type", type_values);
static const char *const visibility_values[] = {NULL, "global", "communities", "both"};
const struct enumeration promotion_visibilities = ENUMERATION("promotion_visibility", visibility_values);
static const char *const offer_values[] = {NULL, "percent", "amount_off", "fixed_price"};
static const struct enumeration offer_kinds = ENUMERATION("offer_kind", offer_values);
static const char *const target_values[] = {NULL, "global", "community"};
static const struct enumeration targets = ENUMERATION("approval_target", target_values);
static const char *const decision_values[] = {NULL, "pending", "approved", "rejected", "revoked"};
static const struct enumeration decisions = ENUMERATION("approval_decision", decision_values);

/* ---- fields ---- */
/* clang-format off */
static const struct field offer_rows[] = {
    ENUM(offer, 1, kind, &offer_kinds, .flags = REQUIRED, .doc = "percent, amount_off or fixed_price, per unit"),
    BASIS_POINTS(offer, 2, percent_bp, .min = 1, .max = BASIS_POINTS_ONE, .flags = OPTIONAL,
        .doc = "of percent: 2500 is a quarter off"),
    MONEY(offer, 3, amount, .min = 0, .max = MONEY_MAX, .doc = "of amount_off and fixed_price"),
};
const struct fields offer_fields = FIELDS("offer", struct offer, offer_rows);

static const struct field product_rows[] = {
    ID(promotion_product, 1, product_id, .flags = REQUIRED, .refers = "product",
        .doc = "a published product of the supplier"),
    STRUCT(promotion_product, 2, offer, struct offer, &offer_fields, .doc = "of a campaign: wins over the promotion's"),
};
static const struct fields line_fields = FIELDS("promotion_product", struct promotion_product, product_rows);

static const struct field price_rows[] = {
    ID(variant_price, 1, variant_id, .doc = "the variant"),
    MONEY(variant_price, 2, price, .doc = "its price at submit"),
};
static const struct fields price_fields = FIELDS("variant_price", struct variant_price, price_rows);

static const struct field snapshot_rows[] = {
    ID(promotion_snapshot, 1, product_id, .doc = "the product"),
    TEXT(promotion_snapshot, 2, product_name, .doc = "its name at submit"),
    MONEY(promotion_snapshot, 3, original_price, .doc = "its lowest price at submit"),
    TEXT(promotion_snapshot, 4, image_url, .doc = "its picture at submit"),
    TIME(promotion_snapshot, 5, snapshot_at, .doc = "when it was taken"),
    LIST(promotion_snapshot, 6, variants, struct variant_price, &price_fields, .max = 1000,
        .doc = "prices of its live variants"),
};
static const struct fields snapshot_fields = FIELDS("promotion_snapshot", struct promotion_snapshot, snapshot_rows);

static const struct field approval_rows[] = {
    ENUM(approval, 1, target, &targets, .doc = "the global feed, or a community"),
    ID(approval, 2, community_id, .flags = OPTIONAL, .refers = "community", .doc = "of a community"),
    ENUM(approval, 3, decision, &decisions, .doc = "what was decided"),
    ID(approval, 4, by, .flags = OPTIONAL, .refers = "user", .doc = "by whom"),
    TIME(approval, 5, at, .doc = "when"),
    TEXT(approval, 6, reason, .format = FORMAT_LONG, .doc = "why not"),
    INTEGER(approval, 7, content_version, .doc = "of what was submitted"),
};
static const struct fields approval_fields = FIELDS("approval", struct approval, approval_rows);

static const struct field community_element = ELEMENT(FIELD_ID, struct id, .refers = "community");

#define CONCERNED (TEAM | ADMIN | TARGET_OWNER)
static const struct field promotion_rows[] = {
    ENTITY_ROW(promotion),
    ID(promotion, 2, supplier_id, .flags = REQUIRED | CREATE_ONLY, .refers = "supplier", .doc = "whose it is"),
    ENUM(promotion, 3, type, &promotion_types, .flags = REQUIRED,
        .doc = "campaign: 2 to 3 products; single: one, with an offer; default: 1 to 20, without"),
    TEXT(promotion, 4, title, .min = 1, .max = 120, .flags = REQUIRED, .doc = "shown on the card"),
    TEXT(promotion, 5, description, .format = FORMAT_LONG, .max = 2000, .doc = "description"),
    TEXT(promotion, 6, image_url, .format = FORMAT_PICTURE, .doc = "picture of the card"),
    LIST(promotion, 7, products, struct promotion_product, &line_fields, .min = 1, .max = 20, .flags = REQUIRED,
        .doc = "what it is about"),
    STRUCT(promotion, 8, offer, struct offer, &offer_fields, .doc = "what is off, for each unit"),
    ENUM(promotion, 9, visibility, &promotion_visibilities, .flags = REQUIRED, .sees = CONCERNED,
        .doc = "where it is shown"),
    SCALARS(promotion, 10, community_ids, struct id, &community_element, .max = 20, .sees = CONCERNED,
        .doc = "communities it is shown in; owners see their own"),
    TIME(promotion, 11, starts_at, .flags = REQUIRED, .doc = "when it becomes active, once approved"),
    TIME(promotion, 12, ends_at, .doc = "when it ends; none only for default; a live one may only end earlier"),
    LIST(promotion, 13, product_snapshots, struct promotion_snapshot, &snapshot_fields, .max = 20,
        .flags = READ_ONLY, .sees = CONCERNED | MODERATOR, .doc = "the products as they were at submit"),
    LIST(promotion, 14, approvals, struct approval, &approval_fields, .max = 21, .flags = READ_ONLY, .sees = CONCERNED,
        .doc = "one for each target; owners see their own"),
    TIME(promotion, 15, first_activated_at, .flags = READ_ONLY, .doc = "first activation; never changes"),
    INTEGER(promotion, 16, content_version, .initial = 1, .flags = READ_ONLY, .sees = TEAM | ADMIN,
        .doc = "raised when what is approved changes"),
    TIME(promotion, 17, submitted_at, .flags = READ_ONLY, .sees = CONCERNED, .doc = "last submit"),
    MONEY(promotion, 18, lowest_offer_price, .flags = READ_ONLY, .doc = "lowest price under the offer, as of submit"),
    TEXT(promotion, 19, reason, .format = FORMAT_LONG, .flags = READ_ONLY, .sees = CONCERNED,
        .doc = "why it was rejected, paused or cancelled"),
    BOOL(promotion, 20, paused_by_staff, .flags = READ_ONLY, .sees = TEAM | ADMIN,
        .doc = "paused by the staff: only they resume it"),
    ID(promotion, 21, deleted_by, .flags = READ_ONLY, .sees = ADMIN, .doc = "who deleted it"),
};
const struct fields promotion_fields = FIELDS("promotion", struct promotion, promotion_rows);

/* ---- bodies ---- */
#define COMMUNITY_DOC "the target; absent: the asker's own, or the global one of the staff"
#define REASON_LIMITS .format = FORMAT_LONG, .min = 1, .max = 500
static const struct field approve_rows[] = {
    ID(approve_body, 1, community_id, .refers = "community", .doc = COMMUNITY_DOC),
};
static const struct field decision_rows[] = {
    ID(decision_body, 1, community_id, .refers = "community", .doc = COMMUNITY_DOC),
    TEXT(decision_body, 2, reason, REASON_LIMITS, .flags = REQUIRED, .doc = "why"),
};
const struct fields approve_fields = FIELDS("promotion_approve", struct approve_body, approve_rows);
const struct fields decision_fields = FIELDS("promotion_decision", struct decision_body, decision_rows);

/* ---- events ---- */
static const struct field event_rows[] = {
    ENUM(promotion_decision, 1, target, &targets, .doc = "the target it is about"),
    ID(promotion_decision, 2, community_id, .doc = "of a community"),
    ID(promotion_decision, 3, by, .doc = "who decided"),
    TEXT(promotion_decision, 4, reason, .doc = "why"),
    INTEGER(promotion_decision, 5, content_version, .doc = "of what was submitted"),
};
/* clang-format on */
static const struct fields event_fields = FIELDS("promotion_event", struct promotion_decision, event_rows);
static const uint16_t described[] = {2, 3, 4, 7, 9, 10, 11, 12, 16, 0}; /* what is planned */
static const uint16_t carded[] = {2, 3, 4, 6, 9, 10, 15, 18, 0};        /* what a card shows, and where */

const struct event promotion_created = {1, "promotion.created", described, NULL, "a draft was made"};
/* clang-format off */
const struct event promotion_updated = { 2, "promotion.updated", described, NULL,
                                         "a draft was changed, or a live one ends earlier" };
/* clang-format on */
const struct event promotion_submitted = {3, "promotion.submitted", described, NULL, "its approvals are asked for"};
const struct event promotion_revised = {4, "promotion.revised", described, NULL, "it is a draft again"};
const struct event promotion_approved = {5, "promotion.approved", NULL, &event_fields, "one target said yes"};
/* clang-format off */
const struct event promotion_rejected = { 6, "promotion.rejected", NULL, &event_fields,
                                          "one target said no, or nobody answered in time" };
const struct event promotion_approval_revoked = { 7, "promotion.approval_revoked", NULL, &event_fields,
                                                  "one target took its yes back" };
/* clang-format on */
const struct event promotion_scheduled = {8, "promotion.scheduled", carded, NULL, "approved; it waits for its start"};
/* clang-format off */
const struct event promotion_activated = { 9, "promotion.activated", carded, NULL,
                                           "it is shown and gives its price for the first time" };
/* clang-format on */
const struct event promotion_ended = {10, "promotion.ended", carded, NULL, "its window is over"};
const struct event promotion_paused = {11, "promotion.paused", carded, &event_fields, "it is not shown for now"};
const struct event promotion_resumed = {12, "promotion.resumed", carded, NULL, "it is shown again"};
/* clang-format off */
const struct event promotion_cancelled = { 13, "promotion.cancelled", carded, &event_fields,
                                           "it is over before its end" };
/* clang-format on */
const struct event promotion_deleted = {14, "promotion.deleted", carded, NULL, "it is gone for all but the staff"};
const struct event promotion_restored = {15, "promotion.restored", carded, NULL, "the deletion was taken back"};
/* clang-format off */
const struct event *const promotion_events[] = {
    &promotion_created, &promotion_updated, &promotion_submitted, &promotion_revised, &promotion_approved,
    &promotion_rejected, &promotion_approval_revoked, &promotion_scheduled, &promotion_activated, &promotion_ended,
    &promotion_paused, &promotion_resumed, &promotion_cancelled, &promotion_deleted, &promotion_restored, NULL};
/* clang-format on */

/* ---- indexes: lists hold what is not deleted, under its status ---- */
static bool listed(const struct promotion *promotion)
{
    return promotion->entity.status != PROMOTION_DELETED;
}

static void key_under(const struct promotion *promotion, struct key_writer *writer, struct id id)
{
    key_begin(writer);
    key_integer(writer, promotion->entity.status);
    key_id(writer, id);
    key_integer(writer, promotion->entity.created_at);
    key_end(writer);
}

static void newest_keys(const void *entity, struct key_writer *writer)
{
    const struct promotion *promotion = entity;
    if (!listed(promotion)) return;
    key_begin(writer);
    key_integer(writer, promotion->entity.status);
    key_integer(writer, promotion->entity.created_at);
    key_end(writer);
}

static void supplier_keys(const void *entity, struct key_writer *writer)
{
    const struct promotion *promotion = entity;
    if (listed(promotion)) key_under(promotion, writer, promotion->supplier_id);
}

static void community_keys(const void *entity, struct key_writer *writer)
{
    const struct promotion *promotion = entity;
    for (uint32_t i = 0; listed(promotion) && i < promotion->community_ids.count; i++)
        key_under(promotion, writer, promotion->community_ids.at[i]);
}

static void product_keys(const void *entity, struct key_writer *writer)
{
    const struct promotion *promotion = entity;
    for (uint32_t i = 0; listed(promotion) && i < promotion->products.count; i++)
        key_under(promotion, writer, promotion->products.at[i].product_id);
}

const struct index promotion_by_newest = {1, "newest", .keys = newest_keys, .doc = "status, created_at"};
/* clang-format off */
const struct index promotion_by_supplier = { 2, "supplier", .keys = supplier_keys,
                                             .doc = "status, supplier, created_at" };
const struct index promotion_by_community = { 3, "community", .keys = community_keys,
                                              .doc = "status, community, created_at" };
/* clang-format on */
const struct index promotion_by_product = {4, "product", .keys = product_keys, .doc = "status, product, created_at"};
/* clang-format off */
const struct index *const promotion_indexes[] = {
    &promotion_by_newest, &promotion_by_supplier, &promotion_by_community, &promotion_by_product, NULL};
/* clang-format on */
