/* Verification: all that is derived is a function of the log, so a second core that replays it from the first record must
   come to the same rows. */
#include "actors/runtime/internal.h"
#include "actors/runtime/shadow.h"

#include <stdio.h>

static bool expires(struct text key)
{
    return key.data[0] == SPACE_IDEMPOTENCY || key.data[0] == SPACE_IDEMPOTENCY_EXPIRY;
}

struct comparison {
    struct keyring *keyring;
    const struct registry *registry;
    void (*report)(void *context, const char *difference, struct text key);
    void *context;
    int64_t differences;
    const struct ordered_entry *entry; /* of the shadow: the next one */
};

static void differ(struct comparison *comparison, const char *difference, struct text key)
{
    comparison->differences++;
    comparison->report(comparison->context, difference, key);
}

/* The shadow's rows before this key, which the tables do not have. */
static void lacked_before(struct comparison *comparison, struct text key)
{
    for (; comparison->entry && text_compare(comparison->entry->key, key) < 0;
         comparison->entry = ordered_next(comparison->entry))
        if (!expires(comparison->entry->key)) differ(comparison, "the tables lack a row", comparison->entry->key);
}

static bool compare_row(void *context, const struct table_row *row)
{
    struct comparison *comparison = context;
    lacked_before(comparison, row->key);
    if (!comparison->entry || !text_equal(comparison->entry->key, row->key)) {
        if (!row_of_erased(comparison->registry, comparison->keyring, row))
            differ(comparison, "the tables have a row that the log does not give", row->key);
        return true;
    }
    if (!text_equal(comparison->entry->value, row->value) &&
        !same_but_erased(comparison->registry, comparison->keyring, row->key, comparison->entry->value, row->value))
        differ(comparison, "a row differs from what the log gives", row->key);
    comparison->entry = ordered_next(comparison->entry);
    return true;
}

/* Both sides in key order. */
static bool compare_space(const struct ordered *tables, struct store *store, enum space space,
                          struct comparison *comparison)
{
    char first = (char)space, end = (char)(space + 1);
    comparison->entry = ordered_at_or_after(tables, (struct text){&first, 1});
    if (!space_each(store, space, compare_row, comparison)) return false;
    lacked_before(comparison, (struct text){&end, 1});
    return true;
}

static void lacks_bytes(void *context, struct text key)
{
    differ(context, "the bytes of a stored file are missing", key);
}

int64_t core_verify(const struct registry *registry, const struct ports *ports, const struct core_config *config,
                    void (*report)(void *context, const char *difference, struct text key), void *context,
                    char problem[256])
{
    /* derived spaces only: 'L' and 'M' are the store's own */
    static const enum space spaces[] = {SPACE_ENTITY,
                                        SPACE_INDEX,
                                        SPACE_UNIQUE,
                                        SPACE_TIMER,
                                        SPACE_EFFECT,
                                        SPACE_IDEMPOTENCY,
                                        SPACE_IDEMPOTENCY_EXPIRY};
    struct comparison comparison = {
        .report = report, .context = context, .keyring = ports->keyring, .registry = registry};
    uint64_t applied = ports->store->calls->applied_lsn(ports->store);
    if (applied == 0) return 0; /* nothing was ever applied */
    struct shadow *shadow = shadow_create(registry, ports, config, applied, problem);
    if (!shadow) return -1;
    const struct ordered *tables = shadow_tables(shadow);
    bool good = true;
    for (unsigned i = 0; good && i < sizeof spaces / sizeof spaces[0]; i++)
        good = compare_space(tables, ports->store, spaces[i], &comparison);
    good = good && blobs_verify(registry, ports->store, lacks_bytes, &comparison);
    if (!good) snprintf(problem, 256, "the tables cannot be read");
    shadow_destroy(shadow);
    return good ? comparison.differences : -1;
}
