/* Answers that are kept for the next who asks the same. What a steady command answers (kind.h) follows from the question and
   from the committed state, so an answer holds until something that its run read has changed.

   Everything that changes is noted here: an actor's state and each row of an index raise the count of changes, and the
   count is stamped into a slot of a table that the actor, the key or the beginning of the key hashes to. An answer
   remembers the count at which it was made and the slots of all that its run read: it holds while none of them has a
   younger stamp. Two that share a slot only cost a run more; nothing that changes can go by unseen.

   A question is kept when it comes a second time. An answer that is being sent is held by a reference, wherever it was sent
   from; past LIMIT_ANSWERS_BYTES the longest unused is forgotten. */
#include "actors/runtime/internal.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { LEAD_SHORT = 1 + 16 + 2 + 2, LEAD_LONG = LEAD_SHORT + 16 }; /* of an index key: its index; and its first id */

struct kept_answer {
    struct kept_answer *older, *newer; /* by last use */
    uint32_t references;               /* of the table, and of replies on their way */
    uint32_t slot_count, figure_count;
    uint64_t made; /* the count of changes up to which it holds for certain */
    int64_t until; /* the time */
    uint64_t seen_lsn;
    bool saw_all; /* it waits for the last record, as its run did */
    size_t size;
    struct text etag, body, key;
    uint32_t seat;
    uint64_t leads_to;      /* a ticket: this is a pass, for one asker, to what all are answered who are alike; or 0 */
    struct figure *figures; /* counted each time it is sent */
    uint64_t figures_epoch;
    uint32_t slots[];
};
/* A ticket is a seat and its generation: it leads to the answer of one question, whichever that is now, until the question
   is forgotten. Passes and heads of the net have tickets, since a reference would keep alive what is forgotten. */
struct seat {
    struct kept_answer *answer; /* NULL: free */
    uint32_t generation, next_free;
};
struct answers {
    struct map *by_question;
    struct kept_answer ends; /* of the list: .newer is the longest unused */
    size_t bytes;
    uint64_t changes, recalled;
    uint32_t asked[LIMIT_QUESTIONS]; /* marks of questions that came once */
    uint64_t stamps[LIMIT_STAMPS];
    uint32_t free_seat;             /* the first, 0: none */
    struct seat seats[LIMIT_SEATS]; /* the first is nobody's */
};

struct answers *answers_create(void)
{
    struct answers *answers = memory_alloc(sizeof *answers);
    answers->by_question = map_create();
    answers->ends.older = answers->ends.newer = &answers->ends;
    for (uint32_t i = LIMIT_SEATS - 1; i > 0; i--) {
        answers->seats[i].next_free = answers->free_seat;
        answers->free_seat = i;
    }
    return answers;
}

static void unlink_answer(struct kept_answer *answer)
{
    answer->older->newer = answer->newer;
    answer->newer->older = answer->older;
}

static void link_newest(struct answers *answers, struct kept_answer *answer)
{
    answer->older = answers->ends.older;
    answer->newer = &answers->ends;
    answer->older->newer = answer;
    answers->ends.older = answer;
}

static void answer_release(void *held)
{
    struct kept_answer *answer = held;
    CHECK(answer->references > 0);
    if (--answer->references == 0) free(answer);
}

static void seat_free(struct answers *answers, uint32_t number)
{
    struct seat *seat = &answers->seats[number];
    *seat = (struct seat){.generation = seat->generation + 1, .next_free = answers->free_seat};
    answers->free_seat = number;
}

static uint64_t ticket_of(const struct answers *answers, const struct kept_answer *answer)
{
    return (uint64_t)answers->seats[answer->seat].generation << 32 | answer->seat;
}

static struct kept_answer *seated(const struct answers *answers, uint64_t ticket)
{
    const struct seat *seat = &answers->seats[(uint32_t)ticket];
    return seat->generation == ticket >> 32 ? seat->answer : NULL;
}

static void forget(struct answers *answers, struct kept_answer *answer)
{
    if (answer->seat) seat_free(answers, answer->seat);
    map_remove(answers->by_question, answer->key.data, answer->key.length);
    unlink_answer(answer);
    answers->bytes -= answer->size;
    answer_release(answer);
}

static void forget_oldest(struct answers *answers)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed is no longer in the list */
    forget(answers, answers->ends.newer);
}

void answers_forget_all(struct answers *answers)
{
    while (answers->ends.newer != &answers->ends)
        forget_oldest(answers);
}

void answers_destroy(struct answers *answers)
{
    answers_forget_all(answers);
    map_destroy(answers->by_question);
    free(answers);
}

uint64_t answers_recalled(const struct answers *answers)
{
    return answers->recalled;
}

size_t answers_bytes(const struct answers *answers)
{
    return answers->bytes;
}

/* ---- what changes ---- */

static uint32_t slot_of(const void *bytes, size_t length)
{
    const char *at = bytes;
    uint64_t hash = length;
    for (; length >= 8; length -= 8, at += 8)
        hash = (hash ^ bytes_load(at)) * UINT64_C(0x9E3779B97F4A7C15), hash ^= hash >> 29;
    for (; length; length--, at++)
        hash = (hash ^ (uint8_t)*at) * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(hash >> 40) % LIMIT_STAMPS;
}

static void stamp(struct answers *answers, const void *bytes, size_t length)
{
    answers->stamps[slot_of(bytes, length)] = answers->changes;
}

void answers_actor_changed(struct answers *answers, const struct actor *actor)
{
    answers->changes++;
#if !defined MUTANT || MUTANT != 41
    stamp(answers, actor->key, sizeof actor->key);
#endif
}

void answers_row_changed(struct answers *answers, struct text key)
{
    answers->changes++;
    if (key.data[0] == SPACE_UNIQUE) {
        stamp(answers, key.data, key.length);
    } else if (key.data[0] == SPACE_INDEX) {
#if !defined MUTANT || MUTANT != 42
        stamp(answers, key.data, LEAD_SHORT);
        if (key.length >= LEAD_LONG) stamp(answers, key.data, LEAD_LONG);
#endif
    }
}

/* ---- what a run reads ---- */

static void note_slot(struct tx *tx, const void *bytes, size_t length)
{
    *LIST_ADD(tx->arena, &tx->state->read_slots) = slot_of(bytes, length);
}

void answer_reads_actor(struct tx *tx, const struct actor *actor)
{
    if (tx->state->noting) note_slot(tx, actor->key, sizeof actor->key);
}

void answer_reads_key(struct tx *tx, struct text key)
{
    if (tx->state->noting) note_slot(tx, key.data, key.length);
    tx->state->saw_all = true;
}

void answer_reads_range(struct tx *tx, struct text prefix)
{
    if (tx->state->noting) note_slot(tx, prefix.data, prefix.length >= LEAD_LONG ? LEAD_LONG : LEAD_SHORT);
    tx->state->saw_all = true;
}

void holds_until(const struct tx *tx, int64_t time)
{
    if (time < tx->state->until) tx->state->until = time;
}

/* ---- questions ---- */

/* All that the answer may follow from besides the state: of a shared question, what is the same for all who are alike. */
static struct text question_of(struct tx *tx, bool shared)
{
    const struct request *request = tx->state->message->request;
    struct buffer out = {.arena = tx->arena};
    buffer_reserve(&out, 256);
    buffer_big32(&out, tx->kind->number);
    buffer_string(&out, tx->command->name);
    buffer_byte(&out, 0);
    buffer_big32(&out, request->limit << 1 | request->include_deleted);
    if (shared) {
        const struct principal *principal = &tx->principal;
        buffer_bytes(&out, tx->tenant.bytes, sizeof tx->tenant.bytes);
        buffer_byte(&out, (char)(1 + (principal->kind << 2 | principal->admin << 1 | principal->leader)));
    } else if (request->has_claims) {
        buffer_bytes(&out, request->token_tenant.bytes, sizeof request->token_tenant.bytes);
        buffer_bytes(&out, request->token_user.bytes, sizeof request->token_user.bytes);
        buffer_bytes(&out, request->token_session.bytes, sizeof request->token_session.bytes);
    }
    buffer_byte(&out, (char)(shared << 3 | request->has_claims << 2 | request->operator_ << 1 |
                             (request->tenant_slug.data != NULL)));
    if (!shared) buffer_text(&out, request->tenant_slug);
    for (uint32_t i = 0; i < request->path_count; i++) {
        buffer_byte(&out, '/');
        buffer_text(&out, request->path[i].value);
    }
    buffer_byte(&out, 0);
    buffer_text(&out, request->query_text);
    buffer_byte(&out, 0);
    buffer_text(&out, request->cursor);
    return buffer_as_text(&out);
}

static bool stamps_hold(const struct answers *answers, struct kept_answer *answer)
{
    if (answer->made == answers->changes) return true;
    for (uint32_t i = 0; i < answer->slot_count; i++)
        if (answers->stamps[answer->slots[i]] > answer->made) return false;
    answer->made = answers->changes;
    return true;
}

/* The answer if it holds, or what this pass leads to; noted as used. */
static struct kept_answer *usable(struct core *core, struct kept_answer *answer)
{
    struct answers *answers = core->answers;
    if (!answer || core->now >= answer->until || !stamps_hold(answers, answer)) return NULL;
    unlink_answer(answer);
    link_newest(answers, answer);
    return answer->leads_to ? usable(core, seated(answers, answer->leads_to)) : answer;
}

static struct kept_answer *find(const struct core *core, struct text question)
{
    return map_get(core->answers->by_question, question.data, question.length);
}

static void answer_send(struct tx *tx, struct kept_answer *answer)
{
    struct reply *reply = &tx->state->message->request->reply;
    reply->etag = answer->etag;
    reply->body = answer->body;
    reply->held = answer;
    reply->release = answer_release;
    answer->references++;
}

static void answer_with(struct tx *tx, struct kept_answer *answer)
{
    struct tx_state *state = tx->state;
    const struct request *request = state->message->request;
    struct reply *reply = &state->message->request->reply;
    if (answer->seen_lsn > state->seen_lsn) state->seen_lsn = answer->seen_lsn;
    if (answer->saw_all) state->seen_lsn = tx->core->last_lsn;
    state->recalled = true;
    tx->core->answers->recalled++;
    reply->status = 200;
    reply->content_type = "application/json";
    reply->no_store = request->has_claims || request->operator_;
    answer_send(tx, answer);
    reply_unchanged(tx);
    if (answer->figure_count && reply->status == 200 && !request->head_only)
        figures_repeat(tx->core, answer->figures, answer->figure_count, &answer->figures_epoch);
}

bool answer_begin(struct tx *tx)
{
    struct core *core = tx->core;
    struct tx_state *state = tx->state;
    const struct request *request = state->message->request;
    if (!tx->command->steady || request->at.given || request->dry_run) return false;
    state->noting = true;
    state->until = INT64_MAX;
    struct kept_answer *own = request->ticket ? seated(core->answers, request->ticket) : NULL;
    if (!own) own = find(core, state->question = question_of(tx, false));
    struct kept_answer *answer = usable(core, own);
    if (answer) state->message->request->reply.ticket = ticket_of(core->answers, own);
    if (answer && !core->config.proves_answers) {
        if (own->seen_lsn > state->seen_lsn) state->seen_lsn = own->seen_lsn; /* of a pass */
        state->kept = answer;
        return true;
    }
    if (!state->question.data) state->question = question_of(tx, false);
    CHECK(!own || text_equal(own->key, state->question));
    state->expected = answer;
    return false;
}

void answer_tell(struct tx *tx)
{
    answer_with(tx, tx->state->kept);
}

/* Takes the place of the answer that the question had, or the longest unused makes room. */
static void answer_insert(struct answers *answers, struct kept_answer *answer)
{
    struct kept_answer *before = map_get(answers->by_question, answer->key.data, answer->key.length);
    if (before) {
        answer->seat = before->seat;
        before->seat = 0;
        forget(answers, before);
    } else {
        if (!answers->free_seat) forget_oldest(answers);
        answer->seat = answers->free_seat;
        answers->free_seat = answers->seats[answer->seat].next_free;
    }
    answers->seats[answer->seat].answer = answer;
    map_set(answers->by_question, answer->key.data, answer->key.length, answer);
    link_newest(answers, answer);
    answers->bytes += answer->size;
    while (answers->bytes > LIMIT_ANSWERS_BYTES && answers->ends.newer != answer)
        forget_oldest(answers);
}

/* ---- keeping ---- */

/* Whether the same was asked before. Two questions of one place push each other out, which only delays them. */
static bool comes_again(struct answers *answers, struct text question)
{
    uint64_t hash = question.length;
    for (uint32_t i = 0; i < question.length; i++)
        hash = (hash ^ (uint8_t)question.data[i]) * UINT64_C(0x100000001B3);
    uint32_t mark = (uint32_t)(hash >> 32) | 1, *place = &answers->asked[(uint32_t)hash % LIMIT_QUESTIONS];
    bool again = *place == mark;
    *place = mark;
    return again;
}

static char *put(char **at, struct text source)
{
    char *start = *at;
    if (source.length) memcpy(start, source.data, source.length);
    *at += source.length;
    return start;
}

static size_t aligned(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

/* `leads_to`: what is made is a pass. */
static struct kept_answer *answer_make(struct tx *tx, struct text question, struct text body, struct text etag,
                                       uint64_t leads_to)
{
    const struct tx_state *state = tx->state;
    uint32_t figures = leads_to ? 0 : state->figures.count;
    size_t slots = state->read_slots.count + state->touched_count;
    size_t head = aligned(sizeof(struct kept_answer) + slots * sizeof(uint32_t));
    size_t size = head + figures * sizeof(struct figure) + etag.length + body.length + question.length;
    struct kept_answer *answer = memory_alloc(size);
    answer->references = 1;
    answer->size = size;
    answer->made = tx->core->answers->changes;
    answer->until = state->until;
    answer->seen_lsn = state->seen_lsn;
    answer->saw_all = state->saw_all;
    answer->leads_to = leads_to;
    for (uint32_t i = 0; i < state->read_slots.count; i++)
        answer->slots[answer->slot_count++] = state->read_slots.at[i];
    for (uint32_t i = 0; i < state->touched_count; i++) {
        const struct actor *actor = state->touched[i]->actor;
        answer->slots[answer->slot_count++] = slot_of(actor->key, sizeof actor->key);
    }
    char *at = (char *)answer + head;
    answer->figures = (struct figure *)(void *)at;
    answer->figure_count = figures;
    if (figures) memcpy(at, state->figures.at, figures * sizeof(struct figure));
    at += figures * sizeof(struct figure);
    answer->etag = etag;
    if (etag.data) answer->etag.data = put(&at, etag);
    answer->body = (struct text){put(&at, body), body.length};
    answer->key = (struct text){put(&at, question), question.length};
    return answer;
}

/* Once the shared answer is held by the reply: room for the pass may be made by forgetting it. */
static void pass_keep(struct tx *tx, const struct kept_answer *shared)
{
    struct answers *answers = tx->core->answers;
    struct text own = tx->state->own_question, nothing = {0};
    if (!own.data || !comes_again(answers, own)) return;
    answer_insert(answers, answer_make(tx, own, nothing, nothing, ticket_of(answers, shared)));
}

bool answer_recall_shared(struct tx *tx)
{
    struct tx_state *state = tx->state;
    state->own_question = state->question;
    state->question = question_of(tx, true);
    struct kept_answer *answer = usable(tx->core, find(tx->core, state->question));
    if (tx->core->config.proves_answers) {
        state->expected = answer;
        return false;
    }
    if (!answer) return false;
    answer_with(tx, answer);
    pass_keep(tx, answer);
    return true;
}

/* Where answers are proved, the run is made nevertheless; what is sent is the kept one. */
static void prove(struct tx *tx, struct kept_answer *answer, const struct reply *reply)
{
    const struct tx_state *state = tx->state;
    bool seen =
        answer->saw_all == state->saw_all && (state->saw_all || state->shared || answer->seen_lsn == state->seen_lsn);
    bool same = seen && reply->status == 200 && text_equal(answer->body, reply->body) &&
                text_equal(answer->etag, reply->etag) && answer->figure_count == state->figures.count;
    if (!same)
        log_line("core", LOG_ERROR, "a kept answer does not hold", "kind=%s command=%s kept=\"%.*s\" now=\"%.*s\"",
                 tx->kind->name, tx->command->name, TEXT_ARGUMENTS(answer->body), TEXT_ARGUMENTS(reply->body));
    CHECK(same);
    tx->core->answers->recalled++;
    answer_send(tx, answer);
    pass_keep(tx, answer);
}

void answer_keep(struct tx *tx)
{
    const struct tx_state *state = tx->state;
    const struct reply *reply = &state->message->request->reply;
    if (!state->question.data) return;
    if (state->expected)
        prove(tx, state->expected, reply);
    else if (reply->status == 200 && reply->body.length <= LIMIT_ANSWER_BYTES &&
             comes_again(tx->core->answers, state->question))
        answer_insert(tx->core->answers, answer_make(tx, state->question, reply->body, reply->etag, 0));
}
