#include "sim/history.h"
#include "sim/chance.h"

#include <inttypes.h>
#include <string.h>

enum { ALWAYS, CLIENT, FAULT };

const char *const operation_names[OPERATION_COUNT] = {
#define OPERATION_NAME(name, weight, group, doc) #name,
    OPERATION_LIST(OPERATION_NAME)
#undef OPERATION_NAME
};
static const struct {
    uint32_t weight;
    int group;
} rows[OPERATION_COUNT] = {
#define OPERATION_ROW(name, weight, group, doc) {weight, group},
    OPERATION_LIST(OPERATION_ROW)
#undef OPERATION_ROW
};
static const struct terms defaults = {
#define TERM_DEFAULT(name, initial, doc) .name = (initial),
    TERM_LIST(TERM_DEFAULT)
#undef TERM_DEFAULT
};
static const char *const term_names[] = {
#define TERM_NAME(name, initial, doc) #name,
    TERM_LIST(TERM_NAME)
#undef TERM_NAME
};
enum { TERM_COUNT = sizeof term_names / sizeof term_names[0] };
_Static_assert(sizeof(struct terms) == TERM_COUNT * sizeof(int64_t), "terms are an array of numbers");

static int64_t *term_at(struct terms *terms, unsigned number)
{
    return (int64_t *)(void *)((char *)terms + number * sizeof(int64_t));
}

/* ---- drawing ---- */
static int64_t one_of(struct chance *chance, const int64_t *values, uint32_t count)
{
    return values[chance_below(chance, count)];
}
#define ONE_OF(...) \
    one_of(&chance, (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static struct terms draw_terms(struct chance chance)
{
    struct terms terms = defaults;
    terms.chance = (int64_t)(chance_next(&chance) >> 1);
    terms.people = 3 + chance_below(&chance, 5);
    terms.communities = 1 + chance_below(&chance, 3);
    terms.suppliers = 1 + chance_below(&chance, 3);
    terms.locations = 1 + chance_below(&chance, 3);
    terms.products = 1 + chance_below(&chance, 4);
    terms.variants = 1 + chance_below(&chance, 3);
    terms.promotions = chance_below(&chance, 6);
    terms.stock = ONE_OF(0, 3, 20, 100, 1000);
    terms.price = ONE_OF(0, 1, 333, 1000, 9999, 1000000007);
    terms.tax_bp = ONE_OF(0, 700, 1900, 2000, 833);
    terms.tax_included = ONE_OF(0, 1);
    terms.keys = ONE_OF(1, 3, 10, 40);
    terms.eager = ONE_OF(0, 10, 50, 100);
    terms.instant = ONE_OF(0, 0, 1);
    terms.memory = ONE_OF(4096, 65536, 1 << 20);
    terms.checkpoint_ms = ONE_OF(20, 1000, 5000, 60000);
    terms.hold_ms = ONE_OF(20000, 900000, 900000);
    terms.open_max = ONE_OF(2, 100, 100);
    if (chance_percent(&chance, 10)) { /* edges are hit all the time */
        terms.memory = 4096;
        terms.checkpoint_ms = 20;
        terms.open_max = 1;
        terms.keys = 1;
    }
    return terms;
}

/* Small numbers more often than great ones. */
static uint32_t draw_number(struct chance *chance)
{
    return chance_below(chance, 1u << (1 + chance_below(chance, 15)));
}

struct history history_draw(struct arena *arena, uint64_t seed, uint32_t steps)
{
    struct chance chance = {seed * UINT64_C(0xD1342543DE82EF95)};
    struct history history = {.terms = draw_terms((struct chance){chance_next(&chance)}),
                              .count = steps,
                              .at = ARENA_ARRAY(arena, struct operation, steps + 1)};
    uint32_t weights[OPERATION_COUNT], sum = 0;
    bool faults = chance_percent(&chance, 80);
    for (unsigned i = 0; i < OPERATION_COUNT; i++) {
        bool on = rows[i].group == ALWAYS || chance_percent(&chance, rows[i].group == CLIENT ? 75 : 60);
        if (i == OPERATION_crash) on = chance_percent(&chance, 90);
        if (rows[i].group == FAULT && !faults) on = false;
        weights[i] = on ? rows[i].weight * (1 + chance_below(&chance, 3)) : 0;
        sum += weights[i];
    }
    for (uint32_t i = 0; i < steps; i++) {
        struct operation *operation = &history.at[i];
        uint32_t drawn = chance_below(&chance, sum);
        unsigned kind = 0;
        while (drawn >= weights[kind])
            drawn -= weights[kind++];
        operation->kind = (enum operation_kind)kind;
        operation->a = draw_number(&chance);
        operation->b = draw_number(&chance);
        operation->c = draw_number(&chance);
        operation->d = draw_number(&chance);
    }
    return history;
}

/* ---- as text ---- */
void history_write(FILE *file, const struct history *history)
{
    struct terms terms = history->terms, usual = defaults;
    for (unsigned i = 0; i < TERM_COUNT; i++)
        if (*term_at(&terms, i) != *term_at(&usual, i))
            fprintf(file, "%s %" PRId64 "\n", term_names[i], *term_at(&terms, i));
    for (uint32_t i = 0; i < history->count; i++) {
        const struct operation *operation = &history->at[i];
        fprintf(file, "%s! %u %u %u %u\n", operation_names[operation->kind], operation->a, operation->b, operation->c,
                operation->d);
    }
}

static int64_t *term_named(struct terms *terms, const char *name)
{
    for (unsigned i = 0; i < TERM_COUNT; i++)
        if (!strcmp(term_names[i], name)) return term_at(terms, i);
    return NULL;
}

static int operation_named(const char *name)
{
    for (int i = 0; i < OPERATION_COUNT; i++)
        if (!strcmp(operation_names[i], name)) return i;
    return -1;
}

/* An operation's name ends with '!', which tells `price 5` (a term) from `price! 0 5 0 0`. */
static const char *line_read(struct arena *arena, struct history *history, uint32_t *room, const char *line)
{
    char word[64];
    int64_t value = 0;
    struct operation operation = {0};
    int read = sscanf(line, "%63[a-z_]%*[!] %u %u %u %u", word, &operation.a, &operation.b, &operation.c, &operation.d);
    if (read < 1) return "a line begins with a word";
    if (line[strlen(word)] != '!') {
        int64_t *term = term_named(&history->terms, word);
        if (!term) return "there is no such term";
        if (sscanf(line, "%*s %" SCNd64, &value) != 1) return "a term has a value";
        *term = value;
        return NULL;
    }
    int kind = operation_named(word);
    if (kind < 0) return "there is no such operation";
    operation.kind = (enum operation_kind)kind;
    if (history->count == *room) {
        *room = *room ? *room * 2 : 64;
        struct operation *grown = ARENA_ARRAY(arena, struct operation, *room);
        for (uint32_t i = 0; i < history->count; i++)
            grown[i] = history->at[i];
        history->at = grown;
    }
    history->at[history->count++] = operation;
    return NULL;
}

const char *history_read(FILE *file, struct arena *arena, struct history *history)
{
    char line[256];
    uint32_t room = 0;
    *history = (struct history){.terms = defaults};
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "#\n")] = 0;
        if (!line[strspn(line, " ")]) continue;
        const char *problem = line_read(arena, history, &room, line);
        if (problem) return problem;
    }
    return NULL;
}
