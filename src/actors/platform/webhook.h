/* Webhooks: addresses outside that a marketplace tells its events. */
#pragma once
#include "actors/runtime/endpoint.h"

enum webhook_status { WEBHOOK_ENABLED = 1, WEBHOOK_DISABLED, WEBHOOK_DELETED };
enum webhook_disabled { DISABLED_BY_STAFF = 1, DISABLED_GONE, DISABLED_EXHAUSTED };

struct webhook {
    struct entity entity;
    struct text url, description;
    LIST_OF(struct text) events;
    struct text secret, secret_before; /* bytes */
    int64_t secret_before_until;
    int64_t serial, beginning, position, number; /* as in endpoint_request */
    enum webhook_disabled disabled_by;           /* of a disabled one */
    struct text problem;                         /* of the last attempt, when it was given up */
    int64_t disabled_at;
};
extern const struct kind webhook_kind;
extern const struct kind *const platform_kinds[];
extern const struct effect_class *const platform_effects[];
