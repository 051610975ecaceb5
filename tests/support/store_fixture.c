/* Events are counted under a mutex; everything else belongs to the test's thread. */
#include "support/store_fixture.h"
#include "base/check.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- events ---- */

static void on_durable(void *context, uint64_t lsn)
{
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->mutex);
    if (lsn <= fixture->durable) fixture->disordered = true;
    fixture->durable = lsn;
    fixture->durable_calls++;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->mutex);
}

static void on_checkpointed(void *context, struct ordered *frozen)
{
    (void)frozen;
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->mutex);
    if (fixture->durable < fixture->checkpoint_lsn) fixture->disordered = true;
    fixture->checkpointed++;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->mutex);
}

static void on_failed(void *context, const char *why)
{
    CHECK(why && why[0]);
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->mutex);
    fixture->failed++;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->mutex);
}

/* ---- opening and closing ---- */

static struct fixture *fixture_new(bool on_disk)
{
    struct fixture *fixture = memory_alloc(sizeof *fixture);
    const char *temporary = getenv("TMPDIR");
    snprintf(fixture->directory, sizeof fixture->directory, "%s/souk-store-XXXXXX", temporary ? temporary : "/tmp");
    CHECK(mkdtemp(fixture->directory));
    CHECK((size_t)snprintf(fixture->path, sizeof fixture->path, "%s/data", fixture->directory) < sizeof fixture->path);
    fixture->on_disk = on_disk;
    fixture->arena = arena_create();
    pthread_mutex_init(&fixture->mutex, NULL);
    pthread_cond_init(&fixture->changed, NULL);
    return fixture;
}

bool fixture_open(struct fixture *fixture, char problem[PROBLEM_SIZE], int *exit_code)
{
    struct store_events events = {fixture, on_durable, on_checkpointed, on_failed};
    if (fixture->on_disk) {
        struct store_config config = {.path = fixture->path, .read_only = fixture->read_only};
        fixture->store = store_open(&config, &events, problem, exit_code);
    } else {
        fixture->store = memory_store_create(&events);
    }
    if (!fixture->store) return false;
    fixture->appended = fixture->durable = fixture->store->calls->last_lsn(fixture->store);
    return true;
}

struct fixture *fixture_create(bool on_disk)
{
    struct fixture *fixture = fixture_new(on_disk);
    char problem[PROBLEM_SIZE];
    int exit_code;
    CHECK(fixture_open(fixture, problem, &exit_code));
    return fixture;
}

struct fixture *fixture_create_closed(void)
{
    return fixture_new(true);
}

void fixture_close(struct fixture *fixture)
{
    if (fixture->store) fixture->store->calls->close(fixture->store);
    fixture->store = NULL;
}

void fixture_reopen(struct fixture *fixture)
{
    if (!fixture->on_disk) {
        memory_store_crash(fixture->store, 0);
        fixture->appended = fixture->durable = fixture->store->calls->last_lsn(fixture->store);
        return;
    }
    char problem[PROBLEM_SIZE];
    int exit_code;
    fixture_close(fixture);
    CHECK(fixture_open(fixture, problem, &exit_code));
}

void fixture_destroy(struct fixture *fixture)
{
    fixture_close(fixture);
    tree_remove(fixture->directory);
    arena_destroy(fixture->arena);
    pthread_cond_destroy(&fixture->changed);
    pthread_mutex_destroy(&fixture->mutex);
    free(fixture);
}

/* ---- the log ---- */

void record_make(uint64_t lsn, struct buffer *head, struct buffer *body)
{
    buffer_clear(head);
    buffer_clear(body);
    buffer_format(head, "head of %llu", (unsigned long long)lsn);
    buffer_format(body, "body of %llu:", (unsigned long long)lsn);
    for (uint64_t i = 0; i < lsn * 37 % 211; i++)
        buffer_byte(body, (char)(lsn * 31 + i));
    if (lsn % 10 == 3) buffer_clear(body);
}

void fixture_append(struct fixture *fixture, uint32_t records)
{
    struct batch *batch = memory_alloc(sizeof *batch);
    struct buffer head = {0}, body = {0};
    batch->first_lsn = fixture->appended + 1;
    for (uint32_t i = 0; i < records; i++) {
        record_make(++fixture->appended, &head, &body);
        buffer_big32(&batch->records, (uint32_t)head.length);
        buffer_big32(&batch->records, (uint32_t)body.length);
        buffer_text(&batch->records, buffer_as_text(&head));
        buffer_text(&batch->records, buffer_as_text(&body));
    }
    batch->last_lsn = fixture->appended;
    buffer_free(&head);
    buffer_free(&body);
    fixture->store->calls->append(fixture->store, batch);
}

void fixture_wait(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->mutex);
    while (fixture->durable < fixture->appended && !fixture->failed)
        pthread_cond_wait(&fixture->changed, &fixture->mutex);
    pthread_mutex_unlock(&fixture->mutex);
}

bool fixture_log_is_good(struct fixture *fixture, uint64_t last)
{
    struct buffer head = {0}, body = {0};
    struct arena *arena = arena_create();
    bool good = true;
    for (uint64_t lsn = 1; good && lsn <= last; lsn++) {
        struct text found_head, found_body;
        record_make(lsn, &head, &body);
        arena_reset(arena);
        good = fixture->store->calls->read_log(fixture->store, lsn, arena, &found_head, &found_body) == FOUND &&
               text_equal(found_head, buffer_as_text(&head)) && text_equal(found_body, buffer_as_text(&body));
    }
    arena_destroy(arena);
    buffer_free(&head);
    buffer_free(&body);
    return good;
}

/* ---- the tables ---- */

struct ordered *rows_of(const char *rows)
{
    struct ordered *map = ordered_create();
    struct text rest = text_of(rows);
    while (rest.length) {
        struct text value = text_split(&rest, ' ');
        if (value.length && value.data[0] == '-') {
            ordered_set_tombstone(map, (struct text){value.data + 1, value.length - 1});
            continue;
        }
        struct text key = text_split(&value, '=');
        if (key.length) ordered_set(map, key, value);
    }
    return map;
}

void fixture_checkpoint(struct fixture *fixture, struct ordered *frozen)
{
    pthread_mutex_lock(&fixture->mutex);
    uint32_t before = fixture->checkpointed;
    fixture->checkpoint_lsn = fixture->appended;
    pthread_mutex_unlock(&fixture->mutex);
    fixture->store->calls->checkpoint(fixture->store, frozen, fixture->appended);
    pthread_mutex_lock(&fixture->mutex);
    while (fixture->checkpointed == before && !fixture->failed)
        pthread_cond_wait(&fixture->changed, &fixture->mutex);
    pthread_mutex_unlock(&fixture->mutex);
    ordered_destroy(frozen);
}

struct text fixture_scan(struct fixture *fixture, const char *from, const char *to, bool reverse, uint32_t limit,
                         enum tier tier)
{
    struct table_row *rows = ARENA_ARRAY(fixture->arena, struct table_row, limit + 1);
    uint32_t count = 0;
    enum found found = fixture->store->calls->scan(fixture->store, text_of(from), text_of(to), reverse, limit, tier,
                                                   fixture->arena, rows, &count);
    if (found != FOUND) return found == MISS ? LITERAL("MISS") : LITERAL("DAMAGED");
    struct buffer out = {.arena = fixture->arena};
    for (uint32_t i = 0; i < count; i++)
        buffer_format(&out, "%s%.*s=%.*s", i ? " " : "", TEXT_ARGUMENTS(rows[i].key), TEXT_ARGUMENTS(rows[i].value));
    return arena_text(fixture->arena, buffer_as_text(&out));
}

struct text fixture_get(struct fixture *fixture, const char *key, enum tier tier)
{
    struct text value = {0};
    enum found found = fixture->store->calls->get(fixture->store, text_of(key), tier, fixture->arena, &value);
    if (found == FOUND) return value;
    return found == ABSENT ? LITERAL("ABSENT") : found == MISS ? LITERAL("MISS") : LITERAL("DAMAGED");
}

/* ---- files ---- */

struct text file_read(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    CHECK(file);
    struct buffer bytes = {.arena = arena};
    size_t length;
    do {
        length = fread(buffer_reserve(&bytes, 64 * 1024), 1, 64 * 1024, file);
        bytes.length += length;
    } while (length);
    fclose(file);
    return buffer_as_text(&bytes);
}

void file_write(const char *path, struct text bytes)
{
    FILE *file = fopen(path, "wb");
    CHECK(file);
    CHECK(fwrite(bytes.data, 1, bytes.length, file) == bytes.length);
    CHECK(fclose(file) == 0);
}

static DIR *open_directory(const char *path)
{
    DIR *directory = opendir(path);
    CHECK(directory);
    return directory;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_directory(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

void tree_copy(const char *from, const char *to)
{
    if (!is_directory(from)) {
        struct arena *arena = arena_create();
        file_write(to, file_read(arena, from));
        arena_destroy(arena);
        return;
    }
    CHECK(mkdir(to, 0700) == 0);
    DIR *directory = open_directory(from);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char source[FIXTURE_PATH_SIZE * 3], target[FIXTURE_PATH_SIZE * 3];
        if (is_dots(entry->d_name)) continue;
        snprintf(source, sizeof source, "%.300s/%s", from, entry->d_name);
        snprintf(target, sizeof target, "%.300s/%s", to, entry->d_name);
        tree_copy(source, target);
    }
    closedir(directory);
}

void tree_remove(const char *path)
{
    if (!is_directory(path)) {
        unlink(path);
        return;
    }
    DIR *directory = open_directory(path);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char inner[FIXTURE_PATH_SIZE * 3];
        if (is_dots(entry->d_name)) continue;
        snprintf(inner, sizeof inner, "%.300s/%s", path, entry->d_name);
        tree_remove(inner);
    }
    closedir(directory);
    rmdir(path);
}

uint32_t files_each(const char *path, const char *ending, void (*visit)(void *context, const char *path), void *context)
{
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);
    CHECK(count >= 0);
    uint32_t visited = 0;
    for (int i = 0; i < count; i++) {
        size_t length = strlen(names[i]->d_name), ending_length = strlen(ending);
        bool wanted = !is_dots(names[i]->d_name) && length >= ending_length &&
                      strcmp(names[i]->d_name + length - ending_length, ending) == 0;
        char file[FIXTURE_PATH_SIZE * 3];
        snprintf(file, sizeof file, "%.300s/%s", path, names[i]->d_name);
        free(names[i]);
        if (!wanted) continue;
        visit(context, file);
        visited++;
    }
    free(names);
    return visited;
}
