/* Rate classes: a token bucket per class and principal, or per address for those without. Counted here, on the core, so
   that all net loops share one count. */
#include "actors/runtime/internal.h"
#include "actors/runtime/settings.h"

#include <stdlib.h>
#include <string.h>

struct rate_bucket {
    int64_t thousandths; /* of a request that may still be made */
    int64_t at;
};

/* clang-format off */
static const char *const rate_settings[] = {[RATE_DEFAULT] = "rates.default", [RATE_READ] = "rates.read", [RATE_WRITE] = "rates.write",
                                            [RATE_AUTH] = "rates.auth"};
/* clang-format on */

void rates_prepare(struct core *core)
{
    for (int i = RATE_DEFAULT; i < RATE_NONE; i++)
        core->per_minute[i] = setting_configured(core, rate_settings[i]);
}

bool rate_take(struct core *core, struct message *message, struct reply *reply)
{
    const struct request *request = message->request;
    enum rate_class class = message->command->rate;
    if (!core->config.rate_limits || class == RATE_NONE || request->operator_ || request->again) return true;
    int64_t per_minute = core->per_minute[class], most = per_minute * 1000;
    if (!per_minute) return true;
    struct buffer key = {.arena = message->arena};
    buffer_byte(&key, (char)class);
    if (request->has_claims && class != RATE_AUTH)
        buffer_bytes(&key, request->token_user.bytes, 16);
    else
        buffer_text(&key, request->address);
    struct rate_bucket *bucket = map_get(core->rates, key.data, key.length);
    if (!bucket) {
        bucket = memory_alloc(sizeof *bucket);
        *bucket = (struct rate_bucket){most, core->now};
        map_set(core->rates, key.data, key.length, bucket);
    }
    int64_t refill = (core->now - bucket->at) * per_minute / 60;
    if (refill > 0) {
        bucket->thousandths = bucket->thousandths + refill > most ? most : bucket->thousandths + refill;
        bucket->at = core->now;
    }
    bool allowed = bucket->thousandths >= 1000;
    if (allowed) bucket->thousandths -= 1000;
    reply->rate_limit = per_minute;
    reply->rate_remaining = bucket->thousandths / 1000;
    reply->rate_reset_s = (60 + per_minute - 1) / per_minute;
    if (!allowed) reply->retry_after_s = reply->rate_reset_s > 0 ? reply->rate_reset_s : 1;
    return allowed;
}

struct sweep {
    struct core *core;
    struct buffer full; /* length-prefixed keys of buckets that are full again */
};

static void sweep_visit(void *context, const void *key, size_t length, void *value)
{
    struct sweep *sweep = context;
    const struct rate_bucket *bucket = value;
    if (sweep->core->now - bucket->at < MINUTES(1) || length > 255) return;
    buffer_byte(&sweep->full, (char)length);
    buffer_bytes(&sweep->full, key, length);
}

void rates_sweep(struct core *core)
{
    struct sweep sweep = {.core = core};
    map_each(core->rates, sweep_visit, &sweep);
    for (size_t at = 0; at < sweep.full.length;) {
        size_t length = (uint8_t)sweep.full.data[at];
        free(map_remove(core->rates, sweep.full.data + at + 1, length));
        at += 1 + length;
    }
    buffer_free(&sweep.full);
}
