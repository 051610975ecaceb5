/* Polls: a post that asks, and the votes that answer.

     the post    holds the options; they stay from the first vote on
     vote        one a person and post, may be changed until the poll closes
     poll_state  knows that there was a first vote, so that a decision needs no scan
     poll_result a view: votes of each option and how many people voted, joined into the post */
#include "actors/community/community.h"
#include "actors/community/poll.h"
#include "actors/community/post_links.h"

enum { POLL_DAYS_MOST = 30 };

struct vote_body {
    LIST_OF(struct id) option_ids;
};

/* ---- what a poll is ---- */
static void report_closing(struct tx *tx, const struct post *post)
{
    const struct post *before = tx->before;
    int64_t closes_at = post->poll.closes_at;
    if (!closes_at || (before && before->poll.closes_at == closes_at)) return;
    if (closes_at <= tx->now) fail_detail(tx, "poll.closes_at", "too_small", "a poll closes in the future");
    if (closes_at > post->entity.created_at + DAYS(POLL_DAYS_MOST))
        fail_detail(tx, "poll.closes_at", "too_large", "a poll is open for at most %d days", POLL_DAYS_MOST);
}

static void report_twins(struct tx *tx, const struct post *post)
{
    for (uint32_t i = 1; i < post->poll.options.count; i++)
        for (uint32_t k = 0; k < i; k++) {
            if (!text_equal(post->poll.options.at[i].text, post->poll.options.at[k].text)) continue;
            fail_detail(tx, text_print(tx, "poll.options[%u].text", i).data, "duplicate",
                        "another option says the same");
            break;
        }
}

void poll_report_shape(struct tx *tx, const struct post *post)
{
    bool asks = post->poll.options.count || post->poll.multiple || post->poll.closes_at;
    if (post->type != POST_POLL) {
        if (asks) fail_detail(tx, "poll", "not_allowed", "only a poll has options");
        return;
    }
    if (!post->poll.options.count) fail_detail(tx, "poll.options", "required", "a poll has 2 to 10 options");
    report_twins(tx, post);
    report_closing(tx, post);
}

void poll_complete(struct tx *tx, struct post *post)
{
    if (post->type != POST_POLL) return;
    for (uint32_t i = 0; i < post->poll.options.count; i++)
        if (id_is_none(post->poll.options.at[i].id)) post->poll.options.at[i].id = draw_id(tx);
    if (!post->poll.closes_at) post->poll.closes_at = post->entity.created_at + DAYS(POLL_DAYS_MOST);
}

static bool same_options(const struct post_poll *a, const struct post_poll *b)
{
    if (a->multiple != b->multiple || a->options.count != b->options.count) return false;
    for (uint32_t i = 0; i < a->options.count; i++) {
        const struct post_option *left = &a->options.at[i], *right = &b->options.at[i];
        if (!id_equal(left->id, right->id) || !text_equal(left->text, right->text)) return false;
    }
    return true;
}

enum error poll_unfixed(struct tx *tx, const struct post *before, const struct post *after)
{
    if (after->type != POST_POLL || same_options(&before->poll, &after->poll)) return OK;
    const struct poll_state *state = load(tx, &poll_state_kind, after->entity.id);
    if (!state || !state->first_vote_at) return OK;
    return fail(tx, ERROR_CONFLICT, "somebody has voted: the options stay as they are");
}

/* clang-format off */
static const struct field state_rows[] = {
    ENTITY_ROW(poll_state),
    TIME(poll_state, 2, first_vote_at, .flags = READ_ONLY, .doc = "from then on its options stay"),
};
/* clang-format on */
static const struct fields state_fields = FIELDS("poll_state", struct poll_state, state_rows);
/* clang-format off */
const struct kind poll_state_kind = {
    .number = 24, .name = "poll_state", .plural = "poll_states", .doc = "whether anybody has voted in a poll",
    .fields = &state_fields, .quiet = true};
/* clang-format on */

/* ---- votes ---- */
static const struct field id_element = ELEMENT(FIELD_ID, struct id);

/* clang-format off */
static const struct field vote_rows[] = {
    ENTITY_ROW(vote),
    ID(vote, 2, post_id, .flags = READ_ONLY, .refers = "post", .doc = "the poll"),
    ID(vote, 3, user_id, .flags = READ_ONLY, .refers = "user", .doc = "who votes"),
    SCALARS(vote, 4, option_ids, struct id, &id_element, .flags = READ_ONLY, .max = 10, .doc = "what for"),
};
/* clang-format on */
static const struct fields vote_fields = FIELDS("vote", struct vote, vote_rows);

/* clang-format off */
static const struct field vote_body_rows[] = {
    SCALARS(vote_body, 1, option_ids, struct id, &id_element, .flags = REQUIRED, .min = 1, .max = 10,
            .doc = "one of the options, or several where the poll allows it"),
};
/* clang-format on */
static const struct fields vote_body_fields = FIELDS("new_vote", struct vote_body, vote_body_rows);

static const uint16_t carried[] = {2, 3, 0}; /* post_id, user_id: not what for */
const struct event post_voted = {1, "post.voted", carried, NULL, "somebody voted, or voted otherwise"};
static const struct event *const vote_events[] = {&post_voted, NULL};

static const char *vote_check(const void *entity)
{
    const struct vote *vote = entity;
    return vote->option_ids.count ? NULL : "a vote is for something";
}

static struct id my_vote(struct tx *tx)
{
    struct id post_id = path_id(tx, "id");
    return id_is_none(post_id) ? ID_NONE : id_derived("vote", post_id, tx->principal.user);
}

static bool has_option(const struct post *post, struct id option_id)
{
    for (uint32_t i = 0; i < post->poll.options.count; i++)
        if (id_equal(post->poll.options.at[i].id, option_id)) return true;
    return false;
}

static bool named_before(const struct vote_body *body, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (id_equal(body->option_ids.at[i], body->option_ids.at[index])) return true;
    return false;
}

static enum error vote_shape(struct tx *tx, const struct post *post, const struct vote_body *body)
{
    if (!post->poll.multiple && body->option_ids.count > 1)
        fail_detail(tx, "option_ids", "too_many", "this poll takes one option");
    for (uint32_t i = 0; i < body->option_ids.count; i++) {
        const char *path = text_print(tx, "option_ids[%u]", i).data;
        if (!has_option(post, body->option_ids.at[i]))
            fail_detail(tx, path, "not_one_of", "this poll has no such option");
        else if (named_before(body, i))
            fail_detail(tx, path, "duplicate", "it is named before");
    }
    return fail_details(tx) ? fail(tx, ERROR_VALIDATION_FAILED, "the vote has invalid values") : OK;
}

/* In the order of the options, so that the same vote is the same list. */
static void vote_for(struct tx *tx, struct vote *vote, const struct post *post, const struct vote_body *body)
{
    vote->option_ids.count = 0;
    vote->option_ids.at = NULL;
    for (uint32_t i = 0; i < post->poll.options.count; i++)
        for (uint32_t k = 0; k < body->option_ids.count; k++)
            if (id_equal(post->poll.options.at[i].id, body->option_ids.at[k]))
                *LIST_ADD(tx->arena, &vote->option_ids) = body->option_ids.at[k];
}

static enum error vote_vote(struct tx *tx)
{
    struct vote *vote = tx->subject;
    const struct vote_body *body = tx->body;
    const struct post *post = post_of_path(tx);
    if (!post) return fail(tx, ERROR_NOT_FOUND, "there is no such post");
    enum error error = post_of_member(tx, post);
    if (error) return error;
    if (post->type != POST_POLL) return fail(tx, ERROR_CONFLICT, "this post is no poll");
    error = vote_shape(tx, post, body);
    if (error) return error;
    if (post->entity.status != POST_PUBLISHED) return fail(tx, ERROR_CONFLICT, "the post is not published");
    if (post->poll.closes_at <= tx->now) return fail(tx, ERROR_CONFLICT, "the poll is closed");
    struct poll_state *state = edit_or_create(tx, &poll_state_kind, post->entity.id);
    if (!state) return PENDING;
    if (!state->first_vote_at) state->first_vote_at = tx->now;
    vote->post_id = post->entity.id;
    vote->user_id = tx->principal.user;
    vote_for(tx, vote, post, body);
    return OK;
}

static uint32_t vote_relations(struct tx *tx, const void *entity)
{
    const struct vote *vote = entity;
    return vote && id_equal(vote->user_id, tx->principal.user) ? SELF : 0;
}

static bool vote_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    (void)tx, (void)entity;
    return relations & SELF;
}

static struct id vote_post(const void *entity)
{
    return ((const struct vote *)entity)->post_id;
}

static void person_keys(const void *entity, struct key_writer *writer)
{
    const struct vote *vote = entity;
    key_begin(writer);
    key_id(writer, vote->user_id);
    key_integer(writer, vote->entity.created_at);
    key_end(writer);
}
/* clang-format off */
static const struct index vote_by_person = {.number = 1, .name = "person", .keys = person_keys, .doc = "a person's votes, by age",
                                          .leads = LEADS_PERSON};
/* clang-format on */
static const struct index *const vote_indexes[] = {&vote_by_person, NULL};

/* clang-format off */
static const struct command vote_commands[] = {
    {"vote", "PUT", "/posts/{id}/vote", NULL, ACTION_UPSERT, USER, .body = &vote_body_fields, .event = &post_voted,
     .target = my_vote, .decide = vote_vote, .demands = MEMBER,
     .doc = "votes in a poll, or votes otherwise, as a member of its community"},
    {"read", "GET", "/posts/{id}/vote", NULL, ACTION_READ, SELF, .target = my_vote, .doc = "the asker's vote in a poll"},
    {0},
};

const struct kind vote_kind = {
    .number = 55,
    .name = "vote",
    .plural = "votes",
    .doc = "what somebody votes for in a poll",
    .fields = &vote_fields,
    .events = vote_events,
    .indexes = vote_indexes,
    .commands = vote_commands,
    .relations = vote_relations,
    .visible = vote_visible,
    .check = vote_check,
    .event_subject = vote_post,
    .subject_kind = "post",
};
/* clang-format on */

/* ---- the result ---- */
/* clang-format off */
static const struct field figure_rows[] = {
    ID(poll_figure, 1, option_id, .flags = READ_ONLY, .doc = "an option of the poll"),
    INTEGER(poll_figure, 2, votes, .flags = READ_ONLY, .doc = "people who vote for it"),
};
/* clang-format on */
static const struct fields figure_fields = FIELDS("poll_figure", struct poll_figure, figure_rows);

/* clang-format off */
static const struct field result_rows[] = {
    ENTITY_ROW(poll_result),
    INTEGER(poll_result, 2, voters, .flags = READ_ONLY, .doc = "people who voted"),
    LIST(poll_result, 3, options, struct poll_figure, &figure_fields, .flags = READ_ONLY, .max = 10,
         .doc = "votes of each option, in the poll's order"),
};
/* clang-format on */
static const struct fields result_fields = FIELDS("poll_result", struct poll_result, result_rows);
/* clang-format off */
const struct kind poll_result_kind = {
    .number = 56, .name = "poll_result", .plural = "poll_results", .doc = "how a poll stands", .fields = &result_fields,
    .derived = true};
/* clang-format on */

/* A row of zeros for each option; made anew while the options may still change, so before the first vote. */
static void follow_options(struct tx *tx, const struct post *post)
{
    struct poll_result *result = edit_or_create(tx, &poll_result_kind, post->entity.id);
    if (!result || result->voters) return;
    result->options.at = NULL;
    result->options.count = 0;
    for (uint32_t i = 0; i < post->poll.options.count; i++)
        LIST_ADD(tx->arena, &result->options)->option_id = post->poll.options.at[i].id;
}

static void add_votes(struct poll_result *result, const struct vote *vote, int64_t change)
{
    for (uint32_t i = 0; i < vote->option_ids.count; i++)
        for (uint32_t k = 0; k < result->options.count; k++)
            if (id_equal(result->options.at[k].option_id, vote->option_ids.at[i]))
                result->options.at[k].votes += change;
}

static void follow_vote(struct tx *tx, const struct vote *before, const struct vote *after)
{
    struct poll_result *result = edit(tx, &poll_result_kind, after->post_id);
    if (!result) return;
    if (before)
        add_votes(result, before, -1);
    else
        result->voters++;
    add_votes(result, after, 1);
}

static void poll_results_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind == &vote_kind) follow_vote(tx, fact->before, fact->after);
    if (fact->kind != &post_kind) return;
    const struct post *post = fact->after;
    if (post->type == POST_POLL && fact->version == post->entity.version) follow_options(tx, post);
}
/* clang-format off */
const struct follower poll_results_follower = {
    .name = "poll_results", .doc = "votes of each option of a poll", .view = true, .follow = poll_results_follow};
/* clang-format on */
