/* Who wants nothing of whom: a link between two people, its id derived from both.

     – ─block→ active ─unblock→ ended ─block→ active

   Truths: nobody blocks oneself; only the one who blocks (and the staff) sees the link. Who is blocked cannot follow, like
   or comment on the other's things, and stops following; the one who blocks is shown feeds and comments without the other's.
   Both commands may be repeated. */
#include "actors/identity/block.h"
#include "actors/identity/follow.h"
#include "actors/identity/identity.h"

static const char *const block_status_names[] = {NULL, "active", "ended"};
static const struct enumeration block_statuses = ENUMERATION("block_status", block_status_names);

/* clang-format off */
static const struct field block_rows[] = {
    ENTITY_ROW(block_link),
    ID(block_link, 2, blocker_id, .flags = READ_ONLY, .refers = "user", .doc = "who blocks"),
    ID(block_link, 3, blocked_id, .flags = READ_ONLY, .refers = "user", .doc = "whom"),
    TIME(block_link, 4, since, .flags = READ_ONLY, .doc = "when it began last"),
};
/* clang-format on */
static const struct fields block_fields = FIELDS("block", struct block_link, block_rows);

static const uint16_t carried[] = {2, 3, 0}; /* blocker_id, blocked_id */
const struct event user_blocked = {1, "user.blocked", carried, NULL, "somebody wants nothing of this person"};
const struct event user_unblocked = {2, "user.unblocked", carried, NULL, "somebody blocks this person no more"};
static const struct event *const block_events[] = {&user_blocked, &user_unblocked, NULL};

/* clang-format off */
static const struct transition block_machine_rows[] = {
    /* from                             command    to            event */
    {FROM_NONE | STATE(BLOCK_ENDED),   "block",   BLOCK_ACTIVE, &user_blocked},
    {STATE(BLOCK_ACTIVE),              "block",   TO_SAME,      NULL},
    {STATE(BLOCK_ACTIVE),              "unblock", BLOCK_ENDED,  &user_unblocked},
};
/* clang-format on */
static const struct machine block_machine = MACHINE(&block_statuses, block_machine_rows);

static void blocker_keys(const void *entity, struct key_writer *writer)
{
    const struct block_link *block = entity;
    if (block->entity.status != BLOCK_ACTIVE) return;
    key_begin(writer);
    key_id(writer, block->blocker_id);
    key_integer(writer, block->since);
    key_end(writer);
}
/* clang-format off */
static const struct index block_by_blocker = {.number = 1, .name = "blocker", .keys = blocker_keys,
                                              .doc = "whom a person blocks, by age", .leads = LEADS_PERSON};
/* clang-format on */
static const struct index *const block_indexes[] = {&block_by_blocker, NULL};

static void scope_myself(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, tx->principal.user);
}
/* clang-format off */
static const struct listing my_listings[] = {
    {.sort = "newest", .index = &block_by_blocker, .scope = scope_myself, .reverse = true}, {0}};
/* clang-format on */

static const char *block_check(const void *entity)
{
    const struct block_link *block = entity;
    if (id_equal(block->blocker_id, block->blocked_id)) return "nobody blocks oneself";
    return block->since ? NULL : "a link says since when";
}

/* ---- who ---- */
static struct id block_id(struct id blocker_id, struct id blocked_id)
{
    return id_derived("block", blocker_id, blocked_id);
}

static bool blocks(struct tx *tx, struct id blocker_id, struct id blocked_id)
{
    const struct block_link *block = load(tx, &block_kind, block_id(blocker_id, blocked_id));
    return block && block->entity.status == BLOCK_ACTIVE;
}

bool blocks_asker(struct tx *tx, struct id user_id)
{
    return tx->principal.kind == PRINCIPAL_USER && blocks(tx, user_id, tx->principal.user);
}

bool blocks_nobody(struct tx *tx)
{
    if (tx->principal.kind != PRINCIPAL_USER) return true;
    const struct user_statistics *statistics = load(tx, &user_statistics_kind, tx->principal.user);
    return !statistics || !statistics->blocked_count;
}

bool blocked_by_asker(struct tx *tx, struct id user_id)
{
    if (id_is_none(user_id)) return false;
    return !blocks_nobody(tx) && blocks(tx, tx->principal.user, user_id);
}

const struct user *user_of_path(struct tx *tx)
{
    const struct user *user = load(tx, &user_kind, path_id(tx, "id"));
    if (!user || user->entity.status == USER_DELETED) return NULL;
    return relations_to(tx, &user_kind, user) ? user : NULL;
}

static uint32_t block_relations(struct tx *tx, const void *entity)
{
    const struct block_link *block = entity;
    return block && id_equal(block->blocker_id, tx->principal.user) ? SELF : 0;
}

static bool block_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    (void)tx, (void)entity;
    return relations & (SELF | ADMIN);
}

/* ---- deciders ---- */
static struct id my_block(struct tx *tx)
{
    struct id blocked_id = path_id(tx, "id");
    return id_is_none(blocked_id) ? ID_NONE : block_id(tx->principal.user, blocked_id);
}

static enum error block_block(struct tx *tx)
{
    struct block_link *block = tx->subject;
    const struct user *user = user_of_path(tx);
    if (!user) return fail(tx, ERROR_NOT_FOUND, "there is no such user");
    if (id_equal(user->entity.id, tx->principal.user)) return fail(tx, ERROR_CONFLICT, "nobody blocks oneself");
    if (block->entity.status == BLOCK_ACTIVE) return OK;
    block->blocker_id = tx->principal.user;
    block->blocked_id = user->entity.id;
    block->since = tx->now;
    return follow_end(tx, block->blocked_id, block->blocker_id);
}

/* What was never there ends too. */
static enum error block_unblock(struct tx *tx)
{
    struct block_link *block = edit(tx, &block_kind, block_id(tx->principal.user, path_id(tx, "id")));
    if (!block && !user_of_path(tx)) return fail(tx, ERROR_NOT_FOUND, "there is no such user");
    if (!block || block->entity.status != BLOCK_ACTIVE) return OK;
    return transition(tx, &block_kind, block, "unblock", NULL);
}

/* ---- what follows ---- */
static void block_counts_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &block_kind) return;
    const struct block_link *block = fact->after;
    struct user_statistics *statistics = edit_or_create(tx, &user_statistics_kind, block->blocker_id);
    if (statistics) statistics->blocked_count += fact->event == &user_blocked ? 1 : -1;
}
/* clang-format off */
const struct follower block_counts_follower = {
    .name = "block_counts", .doc = "how many people somebody blocks", .view = true, .follow = block_counts_follow};
/* clang-format on */

/* ---- the kind ---- */
static struct id block_blocked(const void *entity)
{
    return ((const struct block_link *)entity)->blocked_id;
}

/* clang-format off */
static const struct join block_joins[] = {
    {.name = "blocked", .kind = &user_card_kind, .key = block_blocked, .placeholder = USER_CARD_PLACEHOLDER},
    {0},
};

static const struct command block_commands[] = {
    {"block", "PUT", "/users/{id}/block", NULL, ACTION_UPSERT, USER, .target = my_block, .decide = block_block,
     .status = 204, .doc = "blocks a person, who stops following"},
    {"unblock", "DELETE", "/users/{id}/block", NULL, ACTION_CALL, USER, .decide = block_unblock, .status = 204,
     .doc = "blocks a person no more"},
    {"mine", "GET", "/users/me/blocks", NULL, ACTION_LIST, USER, .listings = my_listings, .rate = RATE_READ,
     .doc = "whom the asker blocks, the newest first"},
    {0},
};

const struct kind block_kind = {
    .number = 26,
    .name = "block",
    .plural = "blocks",
    .doc = "a person who wants nothing of another one",
    .fields = &block_fields,
    .machine = &block_machine,
    .events = block_events,
    .indexes = block_indexes,
    .commands = block_commands,
    .joins = block_joins,
    .relations = block_relations,
    .visible = block_visible,
    .check = block_check,
    .event_subject = block_blocked,
    .subject_kind = "user",
};
/* clang-format on */
