/* Who has to say yes to a promotion, and who has. A target is the global feed (the staff decides) or a community (its
   owner decides; the staff only when the owner is not active). An approval is given for one content version: a changed
   promotion asks again, an unchanged one keeps what it was given. */
#include "actors/promotion/promotion_internal.h"

#include "actors/catalog/supplier.h"
#include "actors/community/community.h"
#include "actors/identity/identity.h"

bool promotion_targets_global(const struct promotion *promotion)
{
    return promotion->visibility == VISIBILITY_GLOBAL || promotion->visibility == VISIBILITY_BOTH;
}

bool promotion_targets_community(const struct promotion *promotion, struct id community_id)
{
    for (uint32_t i = 0; i < promotion->community_ids.count; i++)
        if (id_equal(promotion->community_ids.at[i], community_id)) return true;
    return false;
}

const struct approval *promotion_approval(const struct promotion *promotion, enum approval_target target,
                                          struct id community_id)
{
    for (uint32_t i = 0; i < promotion->approvals.count; i++) {
        const struct approval *approval = &promotion->approvals.at[i];
        if (approval->target == target && id_equal(approval->community_id, community_id)) return approval;
    }
    return NULL;
}

static bool approved(const struct promotion *promotion, enum approval_target target, struct id community_id)
{
    const struct approval *approval = promotion_approval(promotion, target, community_id);
    return approval && approval->decision == DECISION_APPROVED &&
           approval->content_version == promotion->content_version;
}

bool promotion_approved_for(const struct promotion *promotion, struct id community_id)
{
    return approved(promotion, id_is_none(community_id) ? TARGET_GLOBAL : TARGET_COMMUNITY, community_id);
}

bool promotion_live(const struct promotion *promotion)
{
    int64_t status = promotion->entity.status;
    return status >= PROMOTION_PENDING_APPROVAL && status <= PROMOTION_PAUSED;
}

static uint32_t decided(const struct promotion *promotion, enum approval_decision decision)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < promotion->approvals.count; i++)
        count += promotion->approvals.at[i].decision == decision;
    return count;
}

uint32_t approvals_pending(const struct promotion *promotion)
{
    return decided(promotion, DECISION_PENDING);
}

uint32_t approvals_given(const struct promotion *promotion)
{
    return decided(promotion, DECISION_APPROVED);
}

bool approvals_would_wait(const struct promotion *promotion)
{
    if (promotion_targets_global(promotion) && !approved(promotion, TARGET_GLOBAL, ID_NONE)) return true;
    for (uint32_t i = 0; i < promotion->community_ids.count; i++)
        if (!approved(promotion, TARGET_COMMUNITY, promotion->community_ids.at[i])) return true;
    return false;
}

static struct approval opened(const struct promotion *promotion, enum approval_target target, struct id community_id)
{
    if (approved(promotion, target, community_id)) return *promotion_approval(promotion, target, community_id);
    return (struct approval){.target = target,
                             .community_id = community_id,
                             .decision = DECISION_PENDING,
                             .content_version = promotion->content_version};
}

void approvals_open(struct tx *tx, struct promotion *promotion)
{
    struct approval *rows = ARENA_ARRAY(tx->arena, struct approval, promotion->community_ids.count + 1);
    uint32_t count = 0;
    if (promotion_targets_global(promotion)) rows[count++] = opened(promotion, TARGET_GLOBAL, ID_NONE);
    for (uint32_t i = 0; i < promotion->community_ids.count; i++)
        rows[count++] = opened(promotion, TARGET_COMMUNITY, promotion->community_ids.at[i]);
    promotion->approvals.at = rows;
    promotion->approvals.count = count;
}

/* ---- whose turn it is ---- */
static bool owns(struct tx *tx, struct id community_id)
{
    return community_relations_of(tx, community_id) & OWNER;
}

/* The only target that the asker owns; ID_NONE when there is none, or a choice. */
static struct id only_own_target(struct tx *tx, const struct promotion *promotion)
{
    struct id own = ID_NONE;
    for (uint32_t i = 0; i < promotion->approvals.count; i++) {
        struct id community_id = promotion->approvals.at[i].community_id;
        if (id_is_none(community_id) || !owns(tx, community_id)) continue;
        if (!id_is_none(own)) return ID_NONE;
        own = community_id;
    }
    return own;
}

struct approval *approval_asked(struct tx *tx, const struct promotion *promotion)
{
    const struct approve_body *body = tx->body;
    enum approval_target target = TARGET_COMMUNITY;
    struct id community_id = body->community_id;
    if (id_is_none(community_id)) {
        if (tx->principal.admin && promotion_approval(promotion, TARGET_GLOBAL, ID_NONE))
            target = TARGET_GLOBAL;
        else
            community_id = only_own_target(tx, promotion);
        if (target == TARGET_COMMUNITY && id_is_none(community_id)) return NULL;
    }
    return (struct approval *)promotion_approval(promotion, target, community_id);
}

static bool owner_is_active(struct tx *tx, struct id community_id)
{
    const struct community *community = load(tx, &community_kind, community_id);
    const struct user *owner = community ? load(tx, &user_kind, community->owner_id) : NULL;
    return owner && user_is_active(owner);
}

enum error approval_may_approve(struct tx *tx, const struct approval *approval)
{
    bool staff = tx->relations & ADMIN;
    if (approval->target == TARGET_GLOBAL)
        return staff ? OK : fail(tx, ERROR_FORBIDDEN, "the staff approves for the global feed");
    if (owns(tx, approval->community_id)) return OK;
    if (!staff) return fail(tx, ERROR_FORBIDDEN, "the owner of that community approves for it");
    if (owner_is_active(tx, approval->community_id))
        return fail(tx, ERROR_FORBIDDEN, "the owner of that community is active and decides for it");
    return OK;
}

enum error approval_may_refuse(struct tx *tx, const struct approval *approval)
{
    if (tx->relations & ADMIN) return OK;
    if (approval->target == TARGET_COMMUNITY && owns(tx, approval->community_id)) return OK;
    return fail(tx, ERROR_FORBIDDEN, "you decide for the communities that you own");
}

void approval_decide(struct tx *tx, struct approval *approval, enum approval_decision decision, struct text reason)
{
    approval->decision = decision;
    approval->by = tx->principal.user;
    approval->at = tx->now;
    approval->reason = reason;
}

struct promotion_decision *approval_event(struct tx *tx, const struct promotion *promotion,
                                          const struct approval *approval, struct text reason)
{
    struct promotion_decision *data = ARENA_NEW(tx->arena, struct promotion_decision);
    if (approval) {
        data->target = approval->target;
        data->community_id = approval->community_id;
    }
    data->by = tx->principal.user;
    data->reason = reason;
    data->content_version = promotion->content_version;
    return data;
}

/* ---- what owners of a target are shown ---- */
const void *promotion_shown(struct tx *tx, const void *entity, uint32_t relations)
{
    const struct promotion *promotion = entity;
    if (relations & (TEAM | ADMIN | SYSTEM) || !(relations & TARGET_OWNER)) return promotion;
    struct promotion *shown = arena_copy(tx->arena, promotion, sizeof *promotion);
    shown->community_ids.at = ARENA_ARRAY(tx->arena, struct id, promotion->community_ids.count + 1);
    shown->approvals.at = ARENA_ARRAY(tx->arena, struct approval, promotion->approvals.count + 1);
    shown->community_ids.count = shown->approvals.count = 0;
    for (uint32_t i = 0; i < promotion->community_ids.count; i++)
        if (owns(tx, promotion->community_ids.at[i]))
            shown->community_ids.at[shown->community_ids.count++] = promotion->community_ids.at[i];
    for (uint32_t i = 0; i < promotion->approvals.count; i++) {
        const struct approval *approval = &promotion->approvals.at[i];
        if (approval->target == TARGET_COMMUNITY && owns(tx, approval->community_id))
            shown->approvals.at[shown->approvals.count++] = *approval;
    }
    return shown;
}
