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
    uint32_t slot_count, figure_count, key_length;
    uint64_t made; /* the count of changes up to which it holds for certain */
    uint64_t seen_lsn;
    bool saw_all; /* it waits for the last record, as its run did */
    size_t size;
    struct text etag, body, key;
    struct figure *figures;
    uint32_t slots[];
};
struct answers {
    struct map *by_question;
    struct kept_answer ends; /* of the list: .newer is the longest unused */
    size_t bytes;
    uint64_t changes, recalled;
    uint32_t asked[LIMIT_QUESTIONS]; /* marks of questions that came once */
    uint64_t stamps[LIMIT_STAMPS];
};

struct answers *answers_create(void)
{
    struct answers *answers = memory_alloc(sizeof *answers);
    answers->by_question = map_create();
    answers->ends.older = answers->ends.newer = &answers->ends;
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

void answer_release(struct kept_answer *answer)
{
    CHECK(answer->references > 0);
    if (--answer->references == 0) free(answer);
}

static void forget(struct answers *answers, struct kept_answer *answer)
{
    map_remove(answers->by_question, answer->key.data, answer->key.length);
    unlink_answer(answer);
    answers->bytes -= answer->size;
    answer_release(answer);
}

void answers_destroy(struct answers *answers)
{
    while (answers->ends.newer != &answers->ends)
        forget(answers, answers->ends.newer);
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

/* ---- questions ---- */

bool answer_begin(struct tx *tx)
{
    const struct request *request = tx->state->message->request;
    tx->state->noting = tx->command->steady && request && !request->at.given && !request->dry_run;
    if (!tx->state->noting) return false;
    tx->state->shared = tx->command->alike && tx->command->alike(tx);
    return !pending(tx) && !tx->state->shared && answer_recall(tx);
}

/* All that the answer may follow from besides the state. */
static struct text question_of(struct tx *tx)
{
    bool shared = tx->state->shared;
    const struct request *request = tx->state->message->request;
    const struct principal *principal = &tx->principal;
    struct buffer out = {.arena = tx->arena};
    buffer_reserve(&out, 256);
    buffer_bytes(&out, &tx->command, sizeof tx->command);
    buffer_bytes(&out, tx->tenant.bytes, sizeof tx->tenant.bytes);
    buffer_byte(&out, (char)(principal->kind << 3 | principal->admin << 2 | principal->leader << 1 | shared));
    if (!shared && principal->kind == PRINCIPAL_USER) {
        buffer_bytes(&out, principal->user.bytes, sizeof principal->user.bytes);
        buffer_bytes(&out, principal->session.bytes, sizeof principal->session.bytes);
    }
    for (uint32_t i = 0; i < request->path_count; i++) {
        buffer_text(&out, request->path[i].value);
        buffer_byte(&out, '/');
    }
    buffer_text(&out, request->query_text);
    buffer_byte(&out, 0);
    buffer_text(&out, request->cursor);
    buffer_big32(&out, request->limit << 1 | request->include_deleted);
    return buffer_as_text(&out);
}

static bool holds(const struct answers *answers, struct kept_answer *answer)
{
    if (answer->made == answers->changes) return true;
    for (uint32_t i = 0; i < answer->slot_count; i++)
        if (answers->stamps[answer->slots[i]] > answer->made) return false;
    answer->made = answers->changes;
    return true;
}

static void answer_send(struct tx *tx, struct kept_answer *answer)
{
    struct reply *reply = &tx->state->message->request->reply;
    reply->etag = answer->etag;
    reply->body = answer->body;
    reply->held = answer;
    answer->references++;
}

static void answer_with(struct tx *tx, struct kept_answer *answer)
{
    struct tx_state *state = tx->state;
    struct reply *reply = &state->message->request->reply;
    reply->status = 200;
    reply->content_type = "application/json";
    reply->no_store = tx->principal.kind != PRINCIPAL_ANONYMOUS;
    answer_send(tx, answer);
    if (answer->seen_lsn > state->seen_lsn) state->seen_lsn = answer->seen_lsn;
    if (answer->saw_all) state->seen_lsn = tx->core->last_lsn;
    for (uint32_t i = 0; i < answer->figure_count; i++)
        *LIST_ADD(tx->arena, &state->figures) = answer->figures[i];
    reply_unchanged(tx);
    state->recalled = true;
}

bool answer_recall(struct tx *tx)
{
    struct answers *answers = tx->core->answers;
    struct text question = tx->state->question = question_of(tx);
    struct kept_answer *answer = map_get(answers->by_question, question.data, question.length);
    if (!answer || !holds(answers, answer)) return false;
    unlink_answer(answer);
    link_newest(answers, answer);
    answers->recalled++;
    if (tx->core->config.proves_answers) {
        tx->state->expected = answer;
        return false;
    }
    answer_with(tx, answer);
    return true;
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

static struct kept_answer *answer_make(struct tx *tx, const struct reply *reply)
{
    const struct tx_state *state = tx->state;
    size_t slots = state->read_slots.count + state->touched_count;
    size_t slots_bytes = (slots * sizeof(uint32_t) + 15) & ~(size_t)15;
    size_t figures_bytes = state->figures.count * sizeof(struct figure);
    size_t size = (sizeof(struct kept_answer) + 15) / 16 * 16 + slots_bytes + figures_bytes + reply->etag.length +
                  reply->body.length + state->question.length;
    struct kept_answer *answer = memory_alloc(size);
    answer->references = 1;
    answer->size = size;
    answer->made = tx->core->answers->changes;
    answer->seen_lsn = state->seen_lsn;
    answer->saw_all = state->saw_all;
    for (uint32_t i = 0; i < state->read_slots.count; i++)
        answer->slots[answer->slot_count++] = state->read_slots.at[i];
    for (uint32_t i = 0; i < state->touched_count; i++) {
        const struct actor *actor = state->touched[i]->actor;
        answer->slots[answer->slot_count++] = slot_of(actor->key, sizeof actor->key);
    }
    char *at = (char *)answer + (sizeof *answer + 15) / 16 * 16 + slots_bytes;
    answer->figures = (struct figure *)(void *)at;
    answer->figure_count = state->figures.count;
    if (figures_bytes) memcpy(at, state->figures.at, figures_bytes);
    at += figures_bytes;
    answer->etag = reply->etag;
    if (reply->etag.data) answer->etag.data = put(&at, reply->etag);
    answer->body = (struct text){put(&at, reply->body), reply->body.length};
    answer->key = (struct text){put(&at, state->question), state->question.length};
    return answer;
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
    answer_send(tx, answer);
}

void answer_keep(struct tx *tx)
{
    struct answers *answers = tx->core->answers;
    const struct tx_state *state = tx->state;
    const struct reply *reply = &state->message->request->reply;
    if (!state->question.data) return;
    if (state->expected) {
        prove(tx, state->expected, reply);
        return;
    }
    if (reply->status != 200 || reply->body.length > LIMIT_ANSWER_BYTES || !comes_again(answers, state->question))
        return;
    struct kept_answer *answer = answer_make(tx, reply);
    struct kept_answer *before = map_get(answers->by_question, answer->key.data, answer->key.length);
    if (before) forget(answers, before);
    map_set(answers->by_question, answer->key.data, answer->key.length, answer);
    link_newest(answers, answer);
    answers->bytes += answer->size;
    while (answers->bytes > LIMIT_ANSWERS_BYTES && answers->ends.newer != answer)
        forget(answers, answers->ends.newer);
}
