/* Cursors of lists. The first byte chooses the list (all, or those of a name), the second what the rest is:

     0  a cursor as a client sends it
     1  the number of one that was issued for some list, then edits of it: places and what is changed there
     2  what a cursor says, before it is written as text: tag and key

   A cursor is taken by the list for which these very bytes were issued, and by no other; all else is answered 400 and
   never shows an entry. */
#include "fuzz/fuzz.h"
#include "base/log.h"
#include "support/loopback.h"
#include "support/thing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTS = 3, THINGS = 24, ISSUED_MOST = LISTS * THINGS, CURSOR_MOST = 400 };
static const char *const queries[LISTS] = {NULL, "name=n0", "name=n1"};
static struct {
    struct loopback loopback;
    bool open;
    struct {
        char text[CURSOR_MOST];
        unsigned list;
    } issued[ISSUED_MOST];
    unsigned count;
} world;

static struct said *ask(unsigned list, const char *cursor)
{
    return loopback_ask(
        &world.loopback,
        (struct asking){.kind = "thing", .command = "list", .limit = 1, .query = queries[list], .cursor = cursor});
}

/* Every cursor of every list: pages of one entry. */
static void issue(unsigned list)
{
    char cursor[CURSOR_MOST] = "";
    do {
        struct said *said = ask(list, cursor[0] ? cursor : NULL);
        MUST(said->answered && said->request.reply.status == 200, "a page of list %u", list);
        struct text next = said_field(said, "next");
        snprintf(cursor, sizeof cursor, "%.*s", (int)next.length, next.data ? next.data : "");
        said_free(said);
        if (!cursor[0]) return;
        MUST(world.count < ISSUED_MOST, "too many cursors");
        memcpy(world.issued[world.count].text, cursor, sizeof cursor);
        world.issued[world.count++].list = list;
    } while (cursor[0]);
}

static void begin(void)
{
    if (world.open) return;
    world.open = true;
    log_configure("error", false);
    loopback_open(&world.loopback, &thing_registry, thing_providers);
    for (int i = 0; i < THINGS; i++) {
        char body[40];
        snprintf(body, sizeof body, "{\"name\":\"n%d\"}", i % 4);
        struct said *said = loopback_ask(
            &world.loopback, (struct asking){.kind = "thing", .command = "create", .user = {{0x01, 1}}, .body = body});
        MUST(said->answered && said->request.reply.status == 201, "a thing");
        said_free(said);
        loopback_pass(&world.loopback, i % 7 == 6 ? 6000 : i % 3);
    }
    for (unsigned list = 0; list < LISTS; list++)
        issue(list);
}

static void send(unsigned list, struct text cursor)
{
    char *sent = fuzz_copy(cursor);
    char text[CURSOR_MOST + 1];
    if (cursor.length >= CURSOR_MOST || !cursor.length || memchr(cursor.data, 0, cursor.length)) {
        free(sent);
        return;
    }
    snprintf(text, sizeof text, "%.*s", TEXT_ARGUMENTS(cursor));
    bool good = false;
    for (unsigned i = 0; i < world.count; i++)
        good |= world.issued[i].list == list && !strcmp(world.issued[i].text, text);
    struct said *said = ask(list, text);
    MUST(said->answered, "no answer to %s", text);
    unsigned status = said->request.reply.status;
    MUST(status == (good ? 200 : 400), "list %u answers %u to %s", list, status, text);
    MUST(good || !said_contains(said, "\"created_at\""), "a refusal shows an entry");
    said_free(said);
    free(sent);
}

static void edited(unsigned list, struct input *input)
{
    char text[CURSOR_MOST];
    memcpy(text, world.issued[input_byte(input) % world.count].text, sizeof text);
    size_t length = strlen(text);
    while (input->left) {
        uint32_t at = input_byte(input) % length;
        text[at] = (char)(text[at] ^ input_byte(input));
    }
    send(list, (struct text){text, (uint32_t)length});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    struct input input = {data, size};
    unsigned list = input_byte(&input) % LISTS;
    struct arena *arena = arena_create();
    switch (input_byte(&input) % 3) {
    case 0: send(list, input_rest(&input)); break;
    case 1: edited(list, &input); break;
    default: send(list, base64url_encode(arena, input_rest(&input)));
    }
    arena_destroy(arena);
    return 0;
}

void fuzz_seeds(struct fuzz_seeds *seeds)
{
    begin();
    struct arena *arena = arena_create();
    struct buffer bytes = {0};
    for (unsigned i = 0; i < world.count; i += 5) {
        struct text cursor = text_of(world.issued[i].text), raw;
        for (unsigned list = 0; list < LISTS; list++) {
            buffer_byte(&bytes, (char)list);
            buffer_byte(&bytes, 0);
            buffer_text(&bytes, cursor);
            fuzz_seed(seeds, &bytes);
        }
        buffer_bytes(&bytes, (const char[]){(char)world.issued[i].list, 1, (char)i, 3, 1}, 5);
        fuzz_seed(seeds, &bytes);
        if (!base64url_decode(arena, cursor, &raw)) continue;
        buffer_byte(&bytes, (char)world.issued[i].list);
        buffer_byte(&bytes, 2);
        buffer_text(&bytes, raw);
        fuzz_seed(seeds, &bytes);
    }
    buffer_free(&bytes);
    arena_destroy(arena);
}
