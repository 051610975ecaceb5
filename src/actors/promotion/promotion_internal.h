/* What the files of the promotion kind share. */
#pragma once
#include "actors/promotion/promotion.h"
#include "actors/runtime/tenant.h"
#include "actors/runtime/tx.h"
#include "base/buffer.h"

extern const struct enumeration promotion_statuses, promotion_types, promotion_visibilities;
extern const struct fields promotion_fields, offer_fields;
extern const struct event promotion_created, promotion_updated, promotion_submitted, promotion_revised,
    promotion_approved, promotion_rejected, promotion_approval_revoked, promotion_scheduled, promotion_ended,
    promotion_paused, promotion_resumed, promotion_cancelled, promotion_deleted, promotion_restored;
extern const struct event *const promotion_events[];
extern const struct index promotion_by_newest, promotion_by_supplier, promotion_by_community, promotion_by_product;
extern const struct index *const promotion_indexes[];

/* Data of approved, rejected, approval_revoked, cancelled, paused: who said what of which target. */
struct promotion_decision {
    enum approval_target target;
    struct id community_id, by;
    struct text reason;
    int64_t content_version;
};

/* Data of impressions_counted. */
struct impressions_event {
    int64_t count, from, to;
};

/* Bodies. The first two begin alike: approval_asked() reads the target from either. */
struct approve_body {
    struct id community_id;
};
struct decision_body {
    struct id community_id;
    struct text reason;
};
extern const struct fields approve_fields, decision_fields;

/* The live promotions that target a community (id: the community's), quiet: who has to hear when it goes. */
struct community_promotions {
    struct entity entity;
    LIST_OF(struct id) promotions;
};
extern const struct kind community_promotions_kind;
enum { COMMUNITY_PROMOTIONS_MOST = 500 }; /* waiting or live in one community: one record tells all of them */

/* ---- promotion_rules.c ---- */
/* Checks a promotion whose body was bound and brings its offers into one form; every problem is a detail. */
enum error promotion_complete(struct tx *tx, struct promotion *promotion, const struct promotion *before);
/* Did anything change that approvals are given for? */
bool promotion_content_changed(const struct promotion *before, const struct promotion *after);
/* The promotion may be submitted now: supplier, products, communities, window; else a 409. */
enum error promotion_submittable(struct tx *tx, const struct promotion *promotion);
const char *promotion_check(const void *entity);

/* ---- approvals.c ---- */
/* The approval that an approve, reject or revoke is about (body.community_id, else the asker's own); NULL: none. */
struct approval *approval_asked(struct tx *tx, const struct promotion *promotion);
/* How many targets are still without an answer; how many said yes. */
uint32_t approvals_pending(const struct promotion *promotion);
uint32_t approvals_given(const struct promotion *promotion);
/* Does a submit have to wait for somebody? */
bool approvals_would_wait(const struct promotion *promotion);
/* One for each target: approvals of this content are kept, all others asked anew. */
void approvals_open(struct tx *tx, struct promotion *promotion);
/* May the asker decide about this target? */
enum error approval_may_approve(struct tx *tx, const struct approval *approval);
enum error approval_may_refuse(struct tx *tx, const struct approval *approval);
void approval_decide(struct tx *tx, struct approval *approval, enum approval_decision decision, struct text reason);
struct promotion_decision *approval_event(struct tx *tx, const struct promotion *promotion,
                                          const struct approval *approval, struct text reason);
/* `shown` of the kind: owners of a target see their own targets and approvals, not those of others. */
const void *promotion_shown(struct tx *tx, const void *entity, uint32_t relations);

/* ---- offers.c ---- */
void promotion_take_snapshots(struct tx *tx, struct promotion *promotion);

/* ---- promotion_counts.c ---- */
/* Counters and lists beside a promotion that goes from one status to another. Refuses when a limit is reached. */
enum error promotion_account(struct tx *tx, const struct promotion *promotion, uint32_t from, uint32_t to);
/* Timers of a promotion that goes from one status to another. */
void promotion_timers(struct tx *tx, const struct promotion *promotion, uint32_t from, uint32_t to);

/* ---- promotion_views.c ---- */
enum error promotion_read_performance(struct tx *tx);
extern const struct fields performance_reply_fields;
extern const struct follower promotion_performance_follower, promotion_count_follower, promotion_product_follower,
    promotion_community_follower;
