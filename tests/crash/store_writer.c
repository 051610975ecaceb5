/* A program to be killed: appends records whose every byte follows from their number, and tells what was acknowledged.

     store_writer write DIRECTORY SEED     prints "open LAST APPLIED", "sent LSN", "ack LSN", …, until it is killed
     store_writer check DIRECTORY          prints "last LSN applied LSN" when log and tables are exactly right

   Exits 75 when the store fails, as a server does; with the store's exit code when it does not open; 1 when something is
   wrong. Tables are a function of the log, as everywhere: of record n, row E(n mod 97) is n, and row F(n mod 13) is n when
   n is odd, and gone when it is even. */
#include "store/store.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_E = 97, ROWS_F = 13, WAITING_BATCHES_MOST = 24, EXIT_FAILED = 75 };

struct writer {
    struct store *store;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t appended, durable;
    bool checkpointing;
    struct ordered *delta;
    uint64_t seed;
};

/* One write a line, so that a kill cuts between lines. */
static void say(const char *what, uint64_t first, uint64_t second)
{
    char line[80];
    int length = second == UINT64_MAX
                     ? snprintf(line, sizeof line, "%s %" PRIu64 "\n", what, first)
                     : snprintf(line, sizeof line, "%s %" PRIu64 " %" PRIu64 "\n", what, first, second);
    if (write(STDOUT_FILENO, line, (size_t)length) != length) _exit(1);
}

static _Noreturn void wrong(const char *what, uint64_t number)
{
    printf("wrong: %s %" PRIu64 "\n", what, number);
    fflush(stdout);
    _exit(1);
}

static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xBF58476D1CE4E5B9); /* splitmix64 (Steele, Lea, Flood 2014) */
    value = (value ^ value >> 27) * UINT64_C(0x94D049BB133111EB);
    return value ^ value >> 31;
}

/* ---- events ---- */

static void on_durable(void *context, uint64_t lsn)
{
    struct writer *writer = context;
    say("ack", lsn, UINT64_MAX);
    pthread_mutex_lock(&writer->mutex);
    writer->durable = lsn;
    pthread_cond_signal(&writer->changed);
    pthread_mutex_unlock(&writer->mutex);
}

static void on_checkpointed(void *context, struct ordered *frozen)
{
    struct writer *writer = context;
    ordered_destroy(frozen);
    pthread_mutex_lock(&writer->mutex);
    writer->checkpointing = false;
    pthread_mutex_unlock(&writer->mutex);
}

static void on_failed(void *context, const char *why)
{
    (void)context, (void)why;
    _exit(EXIT_FAILED);
}

/* ---- records and rows ---- */

static void record_make(uint64_t lsn, struct buffer *head, struct buffer *body)
{
    buffer_clear(head);
    buffer_clear(body);
    buffer_format(head, "head %" PRIu64, lsn);
    uint64_t length = mix(lsn) % 1500;
    for (uint64_t i = 0; i < length; i += 8)
        buffer_big64(body, mix(lsn * 1000 + i));
}

static struct text key_of(char key[16], char space, uint64_t number)
{
    return (struct text){key, (uint32_t)snprintf(key, 16, "%c%02" PRIu64, space, number)};
}

static void rows_add(struct ordered *delta, uint64_t lsn)
{
    char key[16], value[24];
    struct text text = {value, (uint32_t)snprintf(value, sizeof value, "%" PRIu64, lsn)};
    ordered_set(delta, key_of(key, 'E', lsn % ROWS_E), text);
    if (lsn % 2)
        ordered_set(delta, key_of(key, 'F', lsn % ROWS_F), text);
    else
        ordered_set_tombstone(delta, key_of(key, 'F', lsn % ROWS_F));
}

/* The newest record up to `applied` with this remainder; 0: none. */
static uint64_t newest(uint64_t applied, uint64_t modulus, uint64_t remainder)
{
    uint64_t back = (applied % modulus + modulus - remainder) % modulus;
    return applied > back ? applied - back : 0;
}

static void check_row(struct store *store, struct arena *arena, char space, uint64_t number, uint64_t expected)
{
    char key[16];
    struct text value;
    int64_t found = 0;
    enum found result = store->calls->get(store, key_of(key, space, number), TIER_DISK, arena, &value);
    if (result == DAMAGED || (result == FOUND && !text_to_integer(value, &found))) wrong("row", number);
    if ((uint64_t)found != expected) wrong(space == 'E' ? "value of row E" : "value of row F", number);
}

static void check_all(struct store *store)
{
    struct arena *arena = arena_create();
    struct buffer head = {0}, body = {0};
    uint64_t last = store->calls->last_lsn(store), applied = store->calls->applied_lsn(store);
    if (applied > last) wrong("applied", applied);
    for (uint64_t lsn = 1; lsn <= last; lsn++) {
        struct text found_head, found_body;
        record_make(lsn, &head, &body);
        arena_reset(arena);
        if (store->calls->read_log(store, lsn, arena, &found_head, &found_body) != FOUND) wrong("missing record", lsn);
        if (!text_equal(found_head, buffer_as_text(&head)) || !text_equal(found_body, buffer_as_text(&body)))
            wrong("record", lsn);
    }
    for (uint64_t i = 0; i < ROWS_E; i++)
        check_row(store, arena, 'E', i, newest(applied, ROWS_E, i));
    for (uint64_t i = 0; i < ROWS_F; i++) {
        uint64_t lsn = newest(applied, ROWS_F, i);
        check_row(store, arena, 'F', i, lsn % 2 ? lsn : 0);
    }
    say("last", last, applied);
    buffer_free(&head);
    buffer_free(&body);
    arena_destroy(arena);
}

/* ---- writing ---- */

static void append(struct writer *writer, uint32_t records)
{
    struct batch *batch = memory_alloc(sizeof *batch);
    struct buffer head = {0}, body = {0};
    batch->first_lsn = writer->appended + 1;
    for (uint32_t i = 0; i < records; i++) {
        record_make(++writer->appended, &head, &body);
        rows_add(writer->delta, writer->appended);
        buffer_big32(&batch->records, (uint32_t)head.length);
        buffer_big32(&batch->records, (uint32_t)body.length);
        buffer_text(&batch->records, buffer_as_text(&head));
        buffer_text(&batch->records, buffer_as_text(&body));
    }
    batch->last_lsn = writer->appended;
    buffer_free(&head);
    buffer_free(&body);
    say("sent", writer->appended, UINT64_MAX);
    writer->store->calls->append(writer->store, batch);
}

static bool may_checkpoint(struct writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    bool free_now = !writer->checkpointing;
    if (free_now) writer->checkpointing = true;
    pthread_mutex_unlock(&writer->mutex);
    return free_now;
}

static void write_for_ever(struct writer *writer)
{
    writer->appended = writer->durable = writer->store->calls->last_lsn(writer->store);
    writer->delta = ordered_create();
    for (uint64_t lsn = writer->store->calls->applied_lsn(writer->store) + 1; lsn <= writer->appended; lsn++)
        rows_add(writer->delta, lsn);
    for (uint64_t i = 0;; i++) {
        uint64_t chance = mix(writer->seed + i);
        pthread_mutex_lock(&writer->mutex);
        while (writer->appended - writer->durable > WAITING_BATCHES_MOST)
            pthread_cond_wait(&writer->changed, &writer->mutex);
        pthread_mutex_unlock(&writer->mutex);
        append(writer, 1 + (uint32_t)(chance % 8));
        if (chance >> 8 & 63 || !may_checkpoint(writer)) continue;
        writer->store->calls->checkpoint(writer->store, writer->delta, writer->appended);
        writer->delta = ordered_create();
    }
}

int main(int count, char **arguments)
{
    if (count < 3) return 2;
    bool writes = strcmp(arguments[1], "write") == 0;
    struct writer writer = {.seed = count > 3 ? strtoull(arguments[3], NULL, 10) : 0};
    pthread_mutex_init(&writer.mutex, NULL);
    pthread_cond_init(&writer.changed, NULL);
    struct store_events events = {&writer, on_durable, on_checkpointed, on_failed};
    struct store_config config = {.path = arguments[2]};
    char problem[PROBLEM_SIZE];
    int exit_code;
    writer.store = store_open(&config, &events, problem, &exit_code);
    if (!writer.store) {
        printf("refused: %s\n", problem);
        return exit_code;
    }
    say("open", writer.store->calls->last_lsn(writer.store), writer.store->calls->applied_lsn(writer.store));
    if (writes) write_for_ever(&writer);
    check_all(writer.store);
    writer.store->calls->close(writer.store);
    return 0;
}
