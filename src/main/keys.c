/* Keys of access tokens. */
#include "main/keys.h"
#include "main/files.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char FILE_NAME[] = "token.keys";
enum { FILE_BYTES_MOST = 4096 };

static bool parse_key(struct arena *arena, struct text line, struct token_key *key)
{
    struct text name = text_split(&line, ' '), secret;
    if (!name.length || name.length >= sizeof key->id || !line.data) return false;
    if (!base64url_decode(arena, line, &secret) || secret.length != sizeof key->secret) return false;
    *key = (struct token_key){0};
    memcpy(key->id, name.data, name.length);
    memcpy(key->secret, secret.data, secret.length);
    return true;
}

static bool parse_keys(struct arena *arena, struct text content, struct token_keys *keys)
{
    keys->count = 0;
    while (content.data && content.length) {
        struct text line = text_split(&content, '\n');
        if (keys->count == TOKEN_KEYS_MOST || !parse_key(arena, line, &keys->keys[keys->count])) return false;
        keys->count++;
    }
    return keys->count > 0;
}

static bool write_keys(struct arena *arena, const struct token_keys *keys, const char *path, char problem[256])
{
    struct buffer content = {.arena = arena};
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct token_key *key = &keys->keys[i];
        struct text secret = {(const char *)key->secret, sizeof key->secret};
        buffer_format(&content, "%s %.*s\n", key->id, TEXT_ARGUMENTS(base64url_encode(arena, secret)));
    }
    return file_replace(path, buffer_as_text(&content), 0600, problem);
}

static void draw_key(struct token_key *key)
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    *key = (struct token_key){0};
    for (int i = 0; i < 8; i++)
        key->id[i] = letters[randombytes_uniform(sizeof letters - 1)];
    randombytes_buf(key->secret, sizeof key->secret);
}

static bool read_keys(struct arena *arena, struct token_keys *keys, const char *path, char problem[256])
{
    struct text content;
    struct stat status;
    if (!file_content(arena, path, FILE_BYTES_MOST, &content)) {
        if (errno == ENOENT) {
            keys->count = 1;
            draw_key(&keys->keys[0]);
            return write_keys(arena, keys, path, problem);
        }
        snprintf(problem, 256, "%.160s cannot be read: %s", path, strerror(errno));
        return false;
    }
    bool good = stat(path, &status) == 0 && (status.st_mode & 077) == 0;
    if (!good)
        snprintf(problem, 256, "%.160s may be read by others: give it mode 0600", path);
    else if (!(good = parse_keys(arena, content, keys)))
        snprintf(problem, 256, "%.160s has a line that is no key", path);
    sodium_memzero((char *)content.data, content.length);
    return good;
}

bool token_keys_open(struct token_keys *keys, const char *data_directory, char problem[256])
{
    struct arena *arena = arena_create();
    bool good = read_keys(arena, keys, file_path(arena, data_directory, FILE_NAME).data, problem);
    arena_destroy(arena);
    return good;
}

bool token_keys_rotate(struct token_keys *keys, const char *data_directory, char problem[256])
{
    struct arena *arena = arena_create();
    const char *path = file_path(arena, data_directory, FILE_NAME).data;
    bool good = read_keys(arena, keys, path, problem);
    if (good) {
        if (keys->count < TOKEN_KEYS_MOST) keys->count++;
        memmove(&keys->keys[1], &keys->keys[0], (keys->count - 1) * sizeof keys->keys[0]);
        draw_key(&keys->keys[0]);
        good = write_keys(arena, keys, path, problem);
    }
    arena_destroy(arena);
    return good;
}
