/* Checking, copying back and re-keying data that lies still. */
#include "main/verify.h"
#include "actors/all.h"
#include "actors/runtime/core.h"
#include "main/copy.h"
#include "main/exit.h"
#include "main/files.h"
#include "main/keys.h"
#include "store/directory.h"
#include "store/slots.h"
#include "store/store.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *data_directory(const struct arguments *arguments)
{
    const char *data = argument(arguments, "data");
    return data ? data : "data";
}

/* ---- verify ---------------------------------------------------------------------------------------------------------- */

enum { DIFFERENCES_SHOWN = 20 };

static void print_difference(void *context, const char *difference, struct text key)
{
    int *shown = context;
    if ((*shown)++ >= DIFFERENCES_SHOWN) return;
    fprintf(stderr, "souk verify: %s: ", difference);
    for (uint32_t i = 0; i < key.length; i++) {
        unsigned char byte = (unsigned char)key.data[i];
        fprintf(stderr, byte > 32 && byte < 127 && byte != '\\' ? "%c" : "\\x%02x", byte);
    }
    fputc('\n', stderr);
}

static void draw(void *context, uint8_t out[32])
{
    (void)context;
    randombytes_buf(out, 32);
}

/* The rows that the log gives, beside those of the tables. */
static int compare_tables(struct arena *arena, struct store *store, const char *key_file, const char *slots)
{
    char problem[256];
    struct keyring *keyring = keyring_open(key_file, slots, SLOTS_READ_ONLY, problem);
    if (!keyring) {
        fprintf(stderr, "souk verify: %s\n", problem);
        return EXIT_USAGE;
    }
    struct ports ports = {.store = store, .random = draw, .keyring = keyring};
    struct core_config config = {.default_tenant = LITERAL("default"), .actors_memory = SIZE_MAX};
    int shown = 0;
    int64_t differences = core_verify(souk_registry(arena), &ports, &config, print_difference, &shown, problem);
    keyring_destroy(keyring);
    if (differences < 0) fprintf(stderr, "souk verify: %s\n", problem);
    if (differences > 0) fprintf(stderr, "souk verify: %lld rows differ\n", (long long)differences);
    return differences ? EXIT_DAMAGED : EXIT_DONE;
}

/* Of a store opened to be read nothing comes. */
static void ignore_durable(void *context, uint64_t lsn)
{
    (void)context, (void)lsn;
}

static void ignore_checkpointed(void *context, struct ordered *frozen)
{
    (void)context, (void)frozen;
}

static void ignore_failed(void *context, const char *why)
{
    (void)context, (void)why;
}

static int verify(struct arena *arena, const struct store_config *config, const char *key_file, const char *slots)
{
    static const struct store_events events = {NULL, ignore_durable, ignore_checkpointed, ignore_failed};
    char problem[PROBLEM_SIZE];
    uint64_t last = 0;
    int status = store_verify_log(config, &last, problem);
    struct store *store = status ? NULL : store_open(config, &events, problem, &status);
    if (!store) {
        fprintf(stderr, "souk verify: %s\n", problem);
        return status;
    }
    printf("%s: %llu records, each as it was written\n", config->path, (unsigned long long)last);
    uint64_t applied = store->calls->applied_lsn(store);
    status = compare_tables(arena, store, key_file, slots);
    if (status == EXIT_DONE && applied)
        printf("%s: every row is what the log gives, to position %llu\n", config->path, (unsigned long long)applied);
    else if (status == EXIT_DONE)
        printf("%s: the next start makes its rows anew from the log\n", config->path);
    store->calls->close(store);
    return status;
}

int run_verify(const struct arguments *arguments)
{
    struct arena *arena = arena_create();
    uint8_t tables[TABLES_SIZE];
    registry_tables(souk_registry(arena), tables);
    struct store_config config = {.path = data_directory(arguments), .read_only = true, .tables = tables};
    const char *key_file = argument(arguments, "key-file");
    if (!key_file) key_file = file_beside(arena, config.path, ".key").data;
    const char *slots = argument(arguments, "slots");
    if (!slots) slots = file_path(arena, config.path, SLOTS_NAME).data;
    int status = verify(arena, &config, key_file, slots);
    arena_destroy(arena);
    return status;
}

/* ---- restore --------------------------------------------------------------------------------------------------------- */

static int salvage(const struct store_config *config, const char *to)
{
    struct store_salvaged salvaged;
    char problem[PROBLEM_SIZE];
    int status = store_salvage(config, to, &salvaged, problem);
    if (status) {
        fprintf(stderr, "souk restore: %s\n", problem);
        return status;
    }
    printf("%s: records 1 to %llu are kept\n", to, (unsigned long long)salvaged.kept);
    if (salvaged.acknowledged > salvaged.kept)
        printf("%llu were acknowledged: %llu are lost\n", (unsigned long long)salvaged.acknowledged,
               (unsigned long long)(salvaged.acknowledged - salvaged.kept));
    if (salvaged.beyond) printf("%llu records behind the gap are not kept\n", (unsigned long long)salvaged.beyond);
    if (salvaged.why[0]) printf("the rest: %s\n", salvaged.why);
    return EXIT_DONE;
}

/* A store opens only as it was written: what is copied back is checked before anybody relies on it. */
static int copy_back(const struct store_config *config, const char *to)
{
    char problem[PROBLEM_SIZE];
    uint64_t last = 0;
    int status = store_verify_log(config, &last, problem);
    if (status) {
        fprintf(stderr, "souk restore: %s\nsouk restore --salvage keeps what is whole\n", problem);
        return status;
    }
    if (!copy_directory(config->path, to, problem, sizeof problem)) {
        fprintf(stderr, "souk restore: %s\n", problem);
        return errno == ENOSPC || errno == EDQUOT ? EXIT_FULL : EXIT_NOT_WRITABLE;
    }
    printf("%s: %llu records\n", to, (unsigned long long)last);
    return EXIT_DONE;
}

/* The slots that are named, or else those that lie beside the log that was read: whoever is erased in them stays erased. */
static int restore_slots(struct arena *arena, const char *from, const char *to, const char *named)
{
    const char *target = file_path(arena, to, SLOTS_NAME).data;
    const char *source = named ? named : file_path(arena, from, SLOTS_NAME).data;
    struct stat found;
    if (!named && stat(source, &found) != 0) {
        printf("put the keys of persons (slots) of the server that wrote it at %s\n", target);
        return EXIT_DONE;
    }
    if (stat(target, &found) == 0) unlink(target); /* came with the copy */
    if (slots_copy(source, target)) return EXIT_DONE;
    fprintf(stderr, "souk restore: cannot copy %s to %s: %s\n", source, target, strerror(errno));
    return errno == ENOSPC || errno == EDQUOT ? EXIT_FULL : EXIT_NOT_WRITABLE;
}

int run_restore(const struct arguments *arguments)
{
    const char *from = arguments->others[0], *to = arguments->others[1];
    if (!file_directory_is_empty(to)) {
        fprintf(stderr, "souk restore: %s is there and not empty\n", to);
        return EXIT_NOT_WRITABLE;
    }
    struct store_config config = {.path = from, .read_only = true};
    int status = argument(arguments, "salvage") ? salvage(&config, to) : copy_back(&config, to);
    struct arena *arena = arena_create();
    if (status == EXIT_DONE) status = restore_slots(arena, from, to, argument(arguments, "slots"));
    if (status == EXIT_DONE) {
        const char *key = file_beside(arena, to, ".key").data;
        struct stat found;
        if (stat(key, &found) != 0)
            printf("put the master key of the server that wrote it at %s (or name it with server.key_file)\n", key);
    }
    arena_destroy(arena);
    return status;
}

/* ---- keys rotate ----------------------------------------------------------------------------------------------------- */

/* A wrong --data must not be written into. */
static bool no_store(struct arena *arena, const char *data)
{
    return !path_exists(file_path(arena, data, "rocks").data);
}

/* Of data that nobody serves: its lock is held as long as that takes. */
int run_keys_rotate(const struct arguments *arguments)
{
    struct arena *arena = arena_create();
    char problem[256];
    const char *data = data_directory(arguments), *key_file = argument(arguments, "key-file");
    if (!key_file) key_file = file_beside(arena, data, ".key").data;
    int status = EXIT_DONE, lock = no_store(arena, data) ? -1 : directory_lock(data);
    enum rotation rotation = ROTATION_DONE;
    if (no_store(arena, data)) {
        status = EXIT_DAMAGED;
        fprintf(stderr, "souk keys rotate: %s: there is no store\n", data);
    } else if (lock < 0) {
        status = errno == EAGAIN ? STORE_EXIT_IN_USE : EXIT_NOT_WRITABLE;
        fprintf(stderr, "souk keys rotate: %s: %s\n", data, errno == EAGAIN ? "a server runs on it" : strerror(errno));
    } else if ((rotation = keyring_rotate(key_file, file_path(arena, data, SLOTS_NAME).data, problem)) !=
               ROTATION_DONE) {
        status = rotation == ROTATION_REFUSED ? EXIT_USAGE : EXIT_NOT_WRITABLE; /* as serve says of such keys */
        fprintf(stderr, "souk keys rotate: %s\n", problem);
    } else {
        printf(
            "%s is a new master key, and wraps all keys of people; copies of the old one open copies of the old slots alone\n",
            key_file);
    }
    if (lock >= 0) close(lock);
    arena_destroy(arena);
    return status;
}

/* ---- admin rotate-keys ----------------------------------------------------------------------------------------------- */

int run_rotate_keys(const struct arguments *arguments)
{
    struct arena *arena = arena_create();
    struct token_keys keys;
    char problem[256];
    const char *data = data_directory(arguments);
    int status = EXIT_DONE;
    if (no_store(arena, data)) {
        status = EXIT_DAMAGED;
        fprintf(stderr, "souk admin rotate-keys: %s: there is no store\n", data);
    } else if (!token_keys_rotate(&keys, data, problem)) {
        status = EXIT_NOT_WRITABLE;
        fprintf(stderr, "souk admin rotate-keys: %s\n", problem);
    } else {
        printf("from its next start the server signs with key %s; %u older ones verify\n", keys.keys[0].id,
               keys.count - 1);
    }
    arena_destroy(arena);
    return status;
}
