/* Checking, copying back and re-keying data that lies still. */
#include "main/verify.h"
#include "main/copy.h"
#include "main/exit.h"
#include "main/files.h"
#include "main/keys.h"
#include "store/store.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *data_directory(const struct arguments *arguments)
{
    const char *data = argument(arguments, "data");
    return data ? data : "data";
}

int run_verify(const struct arguments *arguments)
{
    struct store_config config = { .path = data_directory(arguments), .read_only = true };
    char problem[PROBLEM_SIZE];
    uint64_t last = 0;
    int status = store_verify_log(&config, &last, problem);
    if (status) {
        fprintf(stderr, "souk verify: %s\n", problem);
        return status;
    }
    printf("%s: %llu records, each as it was written\n", config.path, (unsigned long long)last);
    return EXIT_DONE;
}

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

int run_restore(const struct arguments *arguments)
{
    const char *from = arguments->others[0], *to = arguments->others[1];
    if (!file_directory_is_empty(to)) {
        fprintf(stderr, "souk restore: %s is there and not empty\n", to);
        return EXIT_NOT_WRITABLE;
    }
    struct store_config config = { .path = from, .read_only = true };
    int status = argument(arguments, "salvage") ? salvage(&config, to) : copy_back(&config, to);
    if (status == EXIT_DONE) {
        struct arena *arena = arena_create();
        const char *key = file_beside(arena, to, ".key").data;
        struct stat found;
        if (stat(key, &found) != 0)
            printf("put the master key of the server that wrote it at %s (or name it with server.key_file)\n", key);
        arena_destroy(arena);
    }
    return status;
}

int run_rotate_keys(const struct arguments *arguments)
{
    struct token_keys keys;
    char problem[256];
    if (!token_keys_rotate(&keys, data_directory(arguments), problem)) {
        fprintf(stderr, "souk admin rotate-keys: %s\n", problem);
        return EXIT_NOT_WRITABLE;
    }
    printf("from its next start the server signs with key %s; %u older ones verify\n", keys.keys[0].id, keys.count - 1);
    return EXIT_DONE;
}
