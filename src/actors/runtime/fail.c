/* The end of a core whose store failed. What was decided may or may not be found by the next start, so nothing is said of
   it: every request that waits is answered with 503, and its client asks again. The process ends right after, so nothing
   is taken apart here. */
#include "actors/runtime/internal.h"

static void refuse(struct core *core, struct message *message)
{
    struct request *request = message->request;
    struct tx tx;
    struct tx_state state;
    if (!request) return;
    tx_open(&tx, &state, core, message);
    reply_release(&request->reply);
    request->reply = (struct reply){0};
    fail(&tx, ERROR_OVERLOADED, "the server lost its disk and starts anew: ask again");
    reply_error(&tx, ERROR_OVERLOADED);
    request->answered(request);
}

static void refuse_all(struct core *core, struct message *message)
{
    while (message) {
        struct message *next = message->next;
        refuse(core, message);
        message = next;
    }
}

static void refuse_awaiting(void *context, const void *key, size_t length, void *value)
{
    (void)key, (void)length;
    refuse(context, value);
}

void core_fail(struct core *core)
{
    core->stopping = true;
    refuse_all(core, core->held);
    for (struct message *message; (message = message_take(core));)
        refuse(core, message);
    refuse_all(core, core->undurable);
    map_each(core->awaiting, refuse_awaiting, core);
    core->held = core->undurable = NULL;
}
