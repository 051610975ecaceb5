#include "sim/tracked.h"

#include <string.h>

enum { STATES_MOST = 9, NOW = OPERATION_COUNT };    /* NOW: by itself, at any time */

static const char *const states[][STATES_MOST] = {
    [PUBLIC_MEMBERSHIP]  = {"none", "requested", "active", "left", "removed", "banned", "rejected"},
    [PRIVATE_MEMBERSHIP] = {"none", "requested", "active", "left", "removed", "banned", "rejected"},
    [SUPPLIER]           = {"verified", "suspended"},
    [PRODUCT]            = {"published", "archived"},
    [PROMOTION]          = {"active", "paused", "ended"},
    [POST]               = {"published", "hidden", "deleted"},
    [ITEM]               = {"pending", "confirmed", "processing", "shipped", "delivered", "cancelled"},
};
static const struct edge {
    enum machine machine;
    const char *from;
    int by;
    const char *to;
} edges[] = {
    {PUBLIC_MEMBERSHIP,  "none left removed rejected",  OPERATION_join,        "active"},
    {PUBLIC_MEMBERSHIP,  "requested active",            OPERATION_leave,       "left"},
    {PUBLIC_MEMBERSHIP,  "active",                      OPERATION_remove,      "removed"},
    {PUBLIC_MEMBERSHIP,  "none requested active left removed rejected", OPERATION_ban, "banned"},
    {PUBLIC_MEMBERSHIP,  "banned",                      OPERATION_unban,       "left"},
    {PRIVATE_MEMBERSHIP, "none left removed rejected",  OPERATION_join,        "requested"},
    {PRIVATE_MEMBERSHIP, "requested",                   OPERATION_admit,       "active"},
    {PRIVATE_MEMBERSHIP, "requested active",            OPERATION_leave,       "left"},
    {PRIVATE_MEMBERSHIP, "active",                      OPERATION_remove,      "removed"},
    {PRIVATE_MEMBERSHIP, "none requested active left removed rejected", OPERATION_ban, "banned"},
    {PRIVATE_MEMBERSHIP, "banned",                      OPERATION_unban,       "left"},
    {SUPPLIER,           "verified",                    OPERATION_suspend,     "suspended"},
    {SUPPLIER,           "suspended",                   OPERATION_reinstate,   "verified"},
    {PRODUCT,            "published",                   OPERATION_archive,     "archived"},
    {PRODUCT,            "archived",                    OPERATION_publish,     "published"},
    {PROMOTION,          "active",                      OPERATION_pause,       "paused"},
    {PROMOTION,          "paused",                      OPERATION_resume,      "active"},
    {PROMOTION,          "active paused",               NOW,                   "ended"},
    {POST,               "published",                   OPERATION_hide,        "hidden"},
    {POST,               "hidden",                      OPERATION_unhide,      "published"},
    {POST,               "published hidden",            OPERATION_unpost,      "deleted"},
    {ITEM,               "pending",                     NOW,                   "confirmed"},
    {ITEM,               "pending",                     NOW,                   "cancelled"},
    {ITEM,               "confirmed",                   OPERATION_process,     "processing"},
    {ITEM,               "processing",                  OPERATION_ship,        "shipped"},
    {ITEM,               "shipped",                     OPERATION_deliver,     "delivered"},
    {ITEM,               "confirmed processing",        OPERATION_cancel,      "cancelled"},
    {ITEM,               "confirmed processing",        OPERATION_cancel_item, "cancelled"},
};

static int state_of(enum machine machine, const char *name)
{
    for (int i = 0; i < STATES_MOST && states[machine][i]; i++)
        if (!strcmp(states[machine][i], name)) return i;
    return -1;
}

static bool names(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += length)
        if ((at == list || at[-1] == ' ') && (!at[length] || at[length] == ' ')) return true;
    return false;
}

struct tracked tracked_begin(enum machine machine, const char *state)
{
    return (struct tracked){.machine = machine, .known = (uint32_t)state_of(machine, state)};
}

const char *tracked_state(const struct tracked *tracked)
{
    return states[tracked->machine][tracked->known];
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
            uint32_t to = edge->machine == tracked->machine ? 1u << state_of(edge->machine, edge->to) : 0;
            if (!to || possible & to || (edge->by != NOW && !tracked->open[edge->by])) continue;
            for (int from = 0; from < STATES_MOST && states[tracked->machine][from]; from++) {
                if (!(possible & 1u << from) || !names(edge->from, states[tracked->machine][from])) continue;
                possible |= to;
                more = true;
            }
        }
    }
    int wanted = state_of(tracked->machine, state);
    return wanted >= 0 && possible & 1u << wanted;
}

bool tracked_see(struct tracked *tracked, const char *state)
{
    if (!tracked_may_be(tracked, state)) return false;
    tracked->known = (uint32_t)state_of(tracked->machine, state);
    return true;
}

void tracked_settled(struct tracked *tracked)
{
    memset(tracked->open, 0, sizeof tracked->open);
}
