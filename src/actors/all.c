/* The one place that knows all areas. A new kind is a row of its area's list; a new area is a row here. */
#include "actors/all.h"
#include "actors/catalog/product.h"
#include "actors/catalog/supplier.h"
#include "actors/community/community.h"
#include "actors/community/post.h"
#include "actors/identity/identity.h"
#include "actors/platform/webhook.h"
#include "actors/promotion/promotion.h"
#include "actors/runtime/system.h"
#include "actors/sales/order.h"
#include "actors/views/views.h"

static const struct kind *const system_kinds[] = {&system_kind, NULL};
static const struct effect_class *const system_effects[] = {&blob_removal_effect, NULL};

/* The areas in the order in which they build on each other; views follow all of them. */
static const struct area {
    const struct kind *const *kinds;
    const struct follower *const *followers;
    const struct effect_class *const *effects;
} areas[] = {
    {identity_kinds, identity_followers, identity_effects},
    {supplier_kinds, supplier_followers, NULL},
    {community_kinds, community_followers, NULL},
    {catalog_kinds, catalog_followers, NULL},
    {promotion_kinds, promotion_followers, NULL},
    {post_kinds, post_followers, NULL},
    {sales_kinds, sales_followers, sales_effects},
    {platform_kinds, NULL, platform_effects},
    {views_kinds, views_followers, NULL},
    {system_kinds, NULL, system_effects},
};
enum { AREA_COUNT = sizeof areas / sizeof areas[0] };

/* Appends a NULL-terminated list of pointers (NULL: none) to another one; returns the new number. */
static size_t join(struct arena *arena, const void ***joined, size_t count, const void *const *list)
{
    size_t more = 0;
    while (list && list[more])
        more++;
    const void **grown = ARENA_ARRAY(arena, const void *, count + more + 1);
    for (size_t i = 0; i < count; i++)
        grown[i] = (*joined)[i];
    for (size_t i = 0; i < more; i++)
        grown[count + i] = list[i];
    *joined = grown;
    return count + more;
}

const struct registry *souk_registry(struct arena *arena)
{
    const void **kinds = NULL, **followers = NULL, **effects = NULL;
    size_t kind_count = 0, follower_count = 0, effect_count = 0;
    for (size_t i = 0; i < AREA_COUNT; i++) {
        kind_count = join(arena, &kinds, kind_count, (const void *const *)areas[i].kinds);
        follower_count = join(arena, &followers, follower_count, (const void *const *)areas[i].followers);
        effect_count = join(arena, &effects, effect_count, (const void *const *)areas[i].effects);
    }
    struct registry *registry = ARENA_NEW(arena, struct registry);
    registry->kinds = (const struct kind *const *)kinds;
    registry->followers = (const struct follower *const *)followers;
    registry->effects = (const struct effect_class *const *)effects;
    registry->person_kind = &user_kind;
    registry->person_is_erased = user_is_erased;
    registry->identify = identity_identify;
    registry->tenant_kind = &tenant_kind;
    registry->tenant_domain = &tenant_by_domain;
    registry->added = history_commands(arena, registry->kinds);
    return registry;
}
