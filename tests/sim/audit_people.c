/* The auditor's view of people: memberships, posts, feeds, and everybody's figures. */
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

/* ---- memberships ---- */
struct memberships_seen {
    uint32_t person;
    bool seen[COMMUNITIES_MOST];
};

static void visit_membership(struct world *world, yyjson_val *row, void *context)
{
    struct memberships_seen *rows = context;
    struct id id = json_id(row, "community_id");
    for (uint32_t i = 0; i < world->community_count; i++) {
        if (!id_equal(world->communities[i].id, id)) continue;
        struct tracked *member = &world->communities[i].members[rows->person];
        const char *before = tracked_state(member), *state = json_text(row, "status");
        if (!tracked_see(member, state))
            violated(world, "I1 durable", "person %u was %s in community %u and is %s", rows->person, before, i, state);
        rows->seen[i] = true;
    }
}

static void audit_memberships(struct world *world)
{
    for (uint32_t i = 0; i < world->person_count && world_is_well(world); i++) {
        struct memberships_seen rows = {.person = i};
        each_entry(world, (struct asking){.kind = "membership", .command = "mine", .user = world->people[i].id},
                   visit_membership, &rows);
        for (uint32_t k = 0; k < world->community_count; k++)
            if (!rows.seen[k] && !tracked_see(&world->communities[k].members[i], "none"))
                violated(world, "I1 durable", "person %u was %s in community %u and is unknown there", i,
                         tracked_state(&world->communities[k].members[i]), k);
    }
}

/* ---- follows ---- */
struct followers_seen {
    uint32_t followed;
    bool seen[PEOPLE_MOST];
};

static void visit_follower(struct world *world, yyjson_val *row, void *context)
{
    struct followers_seen *rows = context;
    struct id id = json_id(row, "follower.user_id");
    for (uint32_t i = 0; i < world->person_count; i++) {
        if (!id_equal(world->people[i].id, id)) continue;
        if (!tracked_see(&world->people[i].follows[rows->followed], "active"))
            violated(world, "I1 durable", "person %u follows person %u, and should not", i, rows->followed);
        rows->seen[i] = true;
    }
}

static void audit_follows(struct world *world)
{
    for (uint32_t i = 0; i < world->person_count && world_is_well(world); i++) {
        struct followers_seen rows = {.followed = i};
        each_entry(
            world,
            (struct asking){.kind = "follow", .command = "followers", .id = world->people[i].text, .operator_ = true},
            visit_follower, &rows);
        for (uint32_t k = 0; k < world->person_count; k++)
            if (!rows.seen[k] && !tracked_see(&world->people[k].follows[i], "none"))
                violated(world, "I1 durable", "person %u does not follow person %u, and should", k, i);
    }
}

/* ---- posts ---- */
struct posts_seen {
    const char *state;
    bool *seen;
};

static void visit_post(struct world *world, yyjson_val *row, void *context)
{
    struct posts_seen *posts = context;
    struct post *post = NULL;
    for (uint32_t i = 0; i < world->posts.count && !post; i++) {
        char marker[24];
        snprintf(marker, sizeof marker, "s%u", world->posts.at[i].slot);
        if (!strcmp(marker, json_text(row, "title"))) post = &world->posts.at[i];
    }
    if (!post || (!post->exists && !world->slots.at[post->slot].open)) {
        violated(world, "I2 nothing else", "post %s was never asked for, or refused", json_text(row, "id"));
        return;
    }
    struct id id = json_id(row, "id");
    if (post->exists && !id_equal(post->id, id))
        violated(world, "I1 keys", "request s%u made a second post", post->slot);
    if (!post->exists) post->text = arena_text(world->arena, text_of(json_text(row, "id"))).data;
    post->exists = true;
    post->id = id;
    const char *before = tracked_state(&post->status);
    if (!tracked_see(&post->status, posts->state))
        violated(world, "I1 durable", "the post of request s%u was %s and is %s", post->slot, before, posts->state);
    posts->seen[post - world->posts.at] = true;
}

static void audit_posts(struct world *world)
{
    struct posts_seen posts = {.seen = ARENA_ARRAY(world->arena, bool, world->posts.count + 1)};
    for (uint32_t i = 0; i < world->community_count; i++) {
        const char *id = world->communities[i].text;
        posts.state = "published";
        each_entry(world,
                   (struct asking){.kind = "post",
                                   .command = "list",
                                   .operator_ = true,
                                   .query = arena_format(world->arena, "community_id=%s", id).data},
                   visit_post, &posts);
        posts.state = "hidden";
        each_entry(world,
                   (struct asking){.kind = "post",
                                   .command = "list",
                                   .operator_ = true,
                                   .query = arena_format(world->arena, "community_id=%s&status=hidden", id).data},
                   visit_post, &posts);
    }
    for (uint32_t i = 0; i < world->posts.count && world_is_well(world); i++) {
        struct post *post = &world->posts.at[i];
        if (!post->exists || posts.seen[i]) continue;
        if (!tracked_see(&post->status, "deleted"))
            violated(world, "I1 durable", "the post of request s%u is gone", post->slot);
    }
}

/* ---- feeds ---- */
struct cards_seen {
    int community; /* NOBODY: the global feed */
    bool *posts;
    bool promotions[PROMOTIONS_MOST];
};

static void visit_card(struct world *world, yyjson_val *card, void *context)
{
    struct cards_seen *cards = context;
    struct id id = json_id(card, "reference_id");
    for (uint32_t i = 0; i < world->posts.count; i++)
        if (world->posts.at[i].exists && id_equal(world->posts.at[i].id, id)) cards->posts[i] = true;
    for (uint32_t i = 0; i < world->promotion_count; i++) {
        if (!id_equal(world->promotions[i].id, id)) continue;
        cards->promotions[i] = true;
        world->promotions[i].shown++;
    }
}

static void check_cards(struct world *world, const struct cards_seen *cards)
{
    for (uint32_t i = 0; i < world->posts.count; i++) {
        const struct post *post = &world->posts.at[i];
        bool wanted = post->exists && post->community == cards->community && tracked_is(&post->status, "published");
        if (cards->posts[i] != wanted)
            violated(world, "I8 feeds", "the post of request s%u is %s and %s the feed of community %d", post->slot,
                     tracked_state(&post->status), wanted ? "not in" : "in", cards->community);
    }
    for (uint32_t i = 0; i < world->promotion_count; i++) {
        const struct promotion *promotion = &world->promotions[i];
        const struct supplier *supplier = &world->suppliers[world->products[promotion->product].supplier];
        bool wanted = promotion->community == cards->community && tracked_is(&promotion->status, "active") &&
                      tracked_is(&supplier->status, "verified");
        if (cards->promotions[i] != wanted)
            violated(world, "I8 feeds", "promotion %u is %s and %s feed %d", i, tracked_state(&promotion->status),
                     wanted ? "not in" : "in", cards->community);
    }
}

static void audit_feeds(struct world *world)
{
    for (int i = NOBODY; i < (int)world->community_count && world_is_well(world); i++) {
        struct cards_seen cards = {.community = i, .posts = ARENA_ARRAY(world->arena, bool, world->posts.count + 1)};
        struct asking asking = {.kind = "feed_item",
                                .command = i == NOBODY ? "read_global" : "read_community",
                                .id = i == NOBODY ? NULL : world->communities[i].text,
                                .user = world->people[0].id};
        if (i != NOBODY) asking.user = world->people[world->communities[i].owner].id;
        each_entry(world, asking, visit_card, &cards);
        check_cards(world, &cards);
    }
}

/* ---- figures ---- */
static void count_entry(struct world *world, yyjson_val *entry, void *context)
{
    (void)world, (void)entry;
    ++*(int64_t *)context;
}

static void audit_communities(struct world *world)
{
    for (uint32_t i = 0; i < world->community_count && world_is_well(world); i++) {
        struct community *community = &world->communities[i];
        int64_t members = 0, posts = 0, listed = 0;
        for (uint32_t k = 0; k < world->person_count; k++)
            members += tracked_is(&community->members[k], "active");
        for (uint32_t k = 0; k < world->posts.count; k++)
            posts += world->posts.at[k].exists && world->posts.at[k].community == (int)i &&
                     tracked_is(&world->posts.at[k].status, "published");
        struct asking asking = {.kind = "membership", .command = "list", .id = community->text, .operator_ = true};
        each_entry(world, asking, count_entry, &listed);
        asking = (struct asking){.kind = "community", .command = "read", .id = community->text, .operator_ = true};
        struct answer answer = world_ask(world, asking, 200);
        if (json_integer(answer.data, "stats.member_count") != members || listed != members ||
            json_integer(answer.data, "stats.post_count") != posts)
            violated(world, "I8 figures",
                     "community %u counts %lld members and %lld posts, and lists %lld; it should be %lld and %lld", i,
                     (long long)json_integer(answer.data, "stats.member_count"),
                     (long long)json_integer(answer.data, "stats.post_count"), (long long)listed, (long long)members,
                     (long long)posts);
        int64_t description = strtoll(json_text(answer.data, "description"), NULL, 10),
                version = json_integer(answer.data, "version");
        if (!price_known(community->description, description, world->step) || version < community->version)
            violated(world, "I1 durable",
                     "community %u is described by request %lld at version %lld; known is version %lld", i,
                     (long long)description, (long long)version, (long long)community->version);
        price_learn(world, &community->description, description);
        community->version = version;
        answer_free(&answer);
    }
}

static void audit_persons(struct world *world, const struct totals *totals)
{
    for (uint32_t i = 0; i < world->person_count && world_is_well(world); i++) {
        int64_t communities = 0, posts = 0, followers = 0, following = 0;
        for (uint32_t k = 0; k < world->person_count; k++) {
            followers += tracked_is(&world->people[k].follows[i], "active");
            following += tracked_is(&world->people[i].follows[k], "active");
        }
        for (uint32_t k = 0; k < world->community_count; k++)
            communities += tracked_is(&world->communities[k].members[i], "active");
        for (uint32_t k = 0; k < world->posts.count; k++)
            posts += world->posts.at[k].exists && world->posts.at[k].author == (int)i &&
                     tracked_is(&world->posts.at[k].status, "published");
        struct answer answer = world_ask(
            world,
            (struct asking){.kind = "user", .command = "admin_read", .id = world->people[i].text, .operator_ = true},
            200);
        const int64_t wanted[] = {totals->orders[i], totals->spent[i], communities, posts, followers, following};
        static const char *const names[] = {"stats.total_orders", "stats.total_spent.amount", "stats.community_count",
                                            "stats.post_count",   "stats.follower_count",     "stats.following_count"};
        for (unsigned k = 0; k < 6; k++)
            if (json_integer(answer.data, names[k]) != wanted[k])
                violated(world, "I8 figures", "%s of person %u is %lld; it should be %lld", names[k], i,
                         (long long)json_integer(answer.data, names[k]), (long long)wanted[k]);
        answer_free(&answer);
    }
}

struct accounts_seen {
    uint32_t counts[ADDRESSES_MOST]; /* of those that are open */
    const char *text[ADDRESSES_MOST];
};

static void count_account(struct world *world, yyjson_val *row, void *context)
{
    unsigned number;
    struct accounts_seen *seen = context;
    if (sscanf(json_text(row, "email"), "new%u@example.com", &number) != 1 || number >= ADDRESSES_MOST) return;
    seen->counts[number]++;
    seen->text[number] = arena_text(world->arena, text_of(json_text(row, "id"))).data;
}

static struct answer ask_of_account(struct world *world, const char *id)
{
    return world_ask(
        world,
        (struct asking){.kind = "user", .command = "admin_read", .id = id, .operator_ = true, .include_deleted = true},
        200);
}

static void check_key_is_gone(struct world *world, const char *text)
{
    struct id tenant = id_derived_text("tenant", ID_NONE, LITERAL("default")), id;
    if (!id_parse(text_of(text), &id) || !keyring_is_erased(world->loopback.keyring, tenant, id))
        violated(world, "I1 durable", "person %s is erased, and the key is still there", text);
}

/* What became of the account that had the address: whether it still has it. */
static bool account_remains(struct world *world, struct account *account, uint32_t number)
{
    if (!account->text) return false;
    struct answer answer = ask_of_account(world, account->text);
    bool erased = *json_text(answer.data, "erased_at"), closed = !strcmp(json_text(answer.data, "status"), "deleted");
    if (account->made && !account->touched && (erased || closed != account->closed))
        violated(world, "I1 durable", "the account of new%u@example.com is %s, and nobody asked for that", number,
                 erased ? "erased" : json_text(answer.data, "status"));
    if (account->closed && !closed)
        violated(world, "I1 durable", "the account of new%u@example.com is open again", number);
    if (!erased &&
        strcmp(json_text(answer.data, "email"), arena_format(world->arena, "new%u@example.com", number).data))
        violated(world, "I1 durable", "the account of new%u@example.com is of %s", number,
                 json_text(answer.data, "email"));
    if (erased) check_key_is_gone(world, account->text);
    account->closed = closed;
    answer_free(&answer);
    return !erased;
}

/* Nothing brings back what an acknowledged erasure took: no crash, no replay. */
static void audit_erased(struct world *world)
{
    for (uint32_t i = 0; i < world->erased.count && world_is_well(world); i++) {
        struct answer answer = ask_of_account(world, world->erased.at[i]);
        if (!*json_text(answer.data, "erased_at") || *json_text(answer.data, "email") ||
            *json_text(answer.data, "profile.display_name"))
            violated(world, "I1 durable", "person %s was erased, and is %s", world->erased.at[i],
                     json_text(answer.data, "email"));
        check_key_is_gone(world, world->erased.at[i]);
        answer_free(&answer);
    }
}

static void audit_accounts(struct world *world)
{
    struct accounts_seen seen = {0};
    each_entry(world, (struct asking){.kind = "user", .command = "list", .operator_ = true}, count_account, &seen);
    for (uint32_t i = 0; i < ADDRESSES_MOST && world_is_well(world); i++) {
        struct account *account = &world->accounts[i];
        uint32_t count = seen.counts[i];
        if (count > 1) violated(world, "unique", "%u people have the address new%u@example.com", count, i);
        if (count > account->made + account->open)
            violated(world, "I2 nothing else", "nobody registered new%u@example.com", i);
        bool remains = account_remains(world, account, i);
        if (!remains) *account = (struct account){.made = count, .text = count ? seen.text[i] : NULL};
        if (remains && count != !account->closed)
            violated(world, "I1 durable", "the account of new%u@example.com is %s the list", i,
                     count ? "in" : "not in");
        account->touched = false;
    }
    audit_erased(world);
}

void audit_people(struct world *world, const struct totals *totals)
{
    audit_memberships(world);
    audit_follows(world);
    audit_posts(world);
    audit_feeds(world);
    audit_communities(world);
    audit_persons(world, totals);
    audit_accounts(world);
}
