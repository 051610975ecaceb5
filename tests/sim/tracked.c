#include "sim/tracked.h"

#include <string.h>

enum { STATES_MOST = 9, NOW = OPERATION_COUNT }; /* NOW: by itself, at any time */

/* clang-format off */
static const char *const states[][STATES_MOST] = {
    [LIFE_PUBLIC_MEMBERSHIP]  = {"none", "requested", "active", "left", "removed", "banned", "rejected"},
    [LIFE_PRIVATE_MEMBERSHIP] = {"none", "requested", "active", "left", "removed", "banned", "rejected"},
    [LIFE_SUPPLIER]           = {"verified", "suspended"},
    [LIFE_PRODUCT]            = {"published", "archived"},
    [LIFE_PROMOTION]          = {"active", "paused", "ended", "cancelled"},
    [LIFE_POST]               = {"published", "hidden", "deleted"},
    [LIFE_FOLLOW]             = {"none", "active"},
    [LIFE_ITEM]               = {"pending", "confirmed", "processing", "shipped", "delivered", "cancelled"},
};
static const struct edge {
    enum life life;
    const char *from;
    int by;
    const char *to;
} edges[] = {
    {LIFE_PUBLIC_MEMBERSHIP,  "none left removed rejected",  OPERATION_join,        "active"},
    {LIFE_PUBLIC_MEMBERSHIP,  "requested active",            OPERATION_leave,       "left"},
    {LIFE_PUBLIC_MEMBERSHIP,  "active",                      OPERATION_remove,      "removed"},
    {LIFE_PUBLIC_MEMBERSHIP,  "none requested active left removed rejected", OPERATION_ban, "banned"},
    {LIFE_PUBLIC_MEMBERSHIP,  "banned",                      OPERATION_unban,       "left"},
    {LIFE_PRIVATE_MEMBERSHIP, "none left removed rejected",  OPERATION_join,        "requested"},
    {LIFE_PRIVATE_MEMBERSHIP, "requested",                   OPERATION_admit,       "active"},
    {LIFE_PRIVATE_MEMBERSHIP, "requested active",            OPERATION_leave,       "left"},
    {LIFE_PRIVATE_MEMBERSHIP, "active",                      OPERATION_remove,      "removed"},
    {LIFE_PRIVATE_MEMBERSHIP, "none requested active left removed rejected", OPERATION_ban, "banned"},
    {LIFE_PRIVATE_MEMBERSHIP, "banned",                      OPERATION_unban,       "left"},
    {LIFE_SUPPLIER,           "verified",                    OPERATION_suspend,     "suspended"},
    {LIFE_SUPPLIER,           "suspended",                   OPERATION_reinstate,   "verified"},
    {LIFE_PRODUCT,            "published",                   OPERATION_archive,     "archived"},
    {LIFE_PRODUCT,            "published",                   OPERATION_withdraw,    "archived"},
    {LIFE_PRODUCT,            "archived",                    OPERATION_publish,     "published"},
    {LIFE_PROMOTION,          "active",                      OPERATION_pause,       "paused"},
    {LIFE_PROMOTION,          "paused",                      OPERATION_resume,      "active"},
    {LIFE_PROMOTION,          "active paused",               NOW,                   "ended"},
    {LIFE_PROMOTION,          "active paused",               OPERATION_withdraw,    "cancelled"},
    {LIFE_FOLLOW,             "none",                        OPERATION_follow,      "active"},
    {LIFE_FOLLOW,             "active",                      OPERATION_unfollow,    "none"},
    {LIFE_POST,               "published",                   OPERATION_hide,        "hidden"},
    {LIFE_POST,               "hidden",                      OPERATION_unhide,      "published"},
    {LIFE_POST,               "published hidden",            OPERATION_unpost,      "deleted"},
    {LIFE_POST,               "deleted",                     OPERATION_unhide,      "published"},     /* by who deleted it */
    {LIFE_POST,               "deleted",                     OPERATION_unhide,      "hidden"},
    {LIFE_ITEM,               "pending",                     NOW,                   "confirmed"},
    {LIFE_ITEM,               "pending",                     NOW,                   "cancelled"},
    {LIFE_ITEM,               "confirmed",                   OPERATION_process,     "processing"},
    {LIFE_ITEM,               "processing",                  OPERATION_ship,        "shipped"},
    {LIFE_ITEM,               "shipped",                     OPERATION_deliver,     "delivered"},
    {LIFE_ITEM,               "confirmed processing",        OPERATION_cancel,      "cancelled"},
    {LIFE_ITEM,               "confirmed processing",        OPERATION_cancel_item, "cancelled"},
};
/* clang-format on */

static int state_of(enum life life, const char *name)
{
    for (int i = 0; i < STATES_MOST && states[life][i]; i++)
        if (!strcmp(states[life][i], name)) return i;
    return -1;
}

static bool names(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += length)
        if ((at == list || at[-1] == ' ') && (!at[length] || at[length] == ' ')) return true;
    return false;
}

struct tracked tracked_begin(enum life life, const char *state)
{
    return (struct tracked){.life = life, .known = (uint32_t)state_of(life, state)};
}

const char *tracked_state(const struct tracked *tracked)
{
    return states[tracked->life][tracked->known];
}

bool tracked_is(const struct tracked *tracked, const char *state)
{
    return !strcmp(tracked_state(tracked), state);
}

bool tracked_may_be(const struct tracked *tracked, const char *state)
{
    uint32_t possible = 1u << tracked->known;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
            const struct edge *edge = &edges[i];
            uint32_t to = edge->life == tracked->life ? 1u << state_of(edge->life, edge->to) : 0;
            if (!to || possible & to || (edge->by != NOW && !tracked->open[edge->by])) continue;
            for (int from = 0; from < STATES_MOST && states[tracked->life][from]; from++) {
                if (!(possible & 1u << from) || !names(edge->from, states[tracked->life][from])) continue;
                possible |= to;
                more = true;
            }
        }
    }
    int wanted = state_of(tracked->life, state);
    return wanted >= 0 && possible & 1u << wanted;
}

bool tracked_see(struct tracked *tracked, const char *state)
{
    if (!tracked_may_be(tracked, state)) return false;
    tracked->known = (uint32_t)state_of(tracked->life, state);
    return true;
}

void tracked_settled(struct tracked *tracked)
{
    memset(tracked->open, 0, sizeof tracked->open);
}
