/* What a relay needs of the client of a message broker. All of it is called on the relay's thread, but `interrupt`. */
#pragma once
#include "base/buffer.h"
#include "base/id.h"

enum { BROKER_PROBLEM_SIZE = 256 };

struct broker_message {
    struct text id;                    /* of the event, by which consumers tell a repetition: "4711.0" */
    struct text type;                  /* "order.confirmed" */
    struct text subject_kind, subject; /* "order" and the id whose events keep their order */
    struct text tenant;
    struct text trace; /* traceparent; absent: none */
    struct text body;  /* the envelope, JSON */
    int64_t time;
};
enum broker_state {
    BROKER_SETTLED, /* it has confirmed all that was published */
    BROKER_WAITING, /* not all yet */
    BROKER_LOST,    /* nothing more comes of this connection */
};
struct broker {
    const struct broker_calls *calls; /* first member of each implementation's struct */
    bool (*stopping)(const void *context);
    const void *context; /* of stopping: long waits end when it says so */
};
struct broker_calls {
    const char *name; /* "kafka" */
    uint32_t window;  /* messages that may be published and not confirmed */
    /* These three leave a sentence in `problem` when they fail. */
    bool (*connect)(struct broker *broker, char problem[BROKER_PROBLEM_SIZE]);
    bool (*publish)(struct broker *broker, const struct broker_message *message, char problem[BROKER_PROBLEM_SIZE]);
    /* Waits at most so long for confirmations; serves the connection also when nothing was published. */
    enum broker_state (*settle)(struct broker *broker, int64_t ms, char problem[BROKER_PROBLEM_SIZE]);
    void (*disconnect)(struct broker *broker); /* what is not confirmed is forgotten */
    /* From another thread: a call that is stuck ends soon. NULL: none is ever stuck. */
    void (*interrupt)(struct broker *broker);
    void (*destroy)(struct broker *broker); /* it is not connected */
};
