/* Every limit, with its reason. TINY builds make buffers and batches odd and small, so that tests hit the edges. */
#pragma once

enum {
    LIMIT_HEAD_BYTES = 16 * 1024, /* far above honest clients, small enough to hold 10,000 of them */
    LIMIT_URI_BYTES = 8 * 1024,   /* what browsers and proxies agree on */
    LIMIT_HEADER_COUNT = 100,
    LIMIT_BODY_BYTES = 1024 * 1024,
    LIMIT_JSON_DEPTH = 16, /* the deepest declared body has 5 */
    LIMIT_PIPELINE = 64,   /* requests of one connection in flight before reading stops */
    LIMIT_PAGE_DEFAULT = 20,
    LIMIT_PAGE_MOST = 100,
    LIMIT_PATH_PARAMETERS = 4,
    LIMIT_IDEMPOTENCY_KEY_BYTES = 255,
    LIMIT_KEY_BYTES = 512,                  /* an index key: tenant, index, values, id */
    LIMIT_KINDS = 1024,                     /* numbers of kinds are below it: what is known of each is an array */
    LIMIT_RERUNS = 64,                      /* void runs of one message before it is given up as a fault */
    LIMIT_IN_FLIGHT_BYTES = 1024 * 1024,    /* bodies of one connection's requests in flight before reading stops */
    LIMIT_BODIES_BYTES = 256 * 1024 * 1024, /* bodies that one net loop holds; more are answered 503 */
    LIMIT_FILE_BYTES = LIMIT_BODY_BYTES, /* what a file that is asked for is counted as until its answer is rendered */
    LIMIT_FILES_BYTES =
        256 * 1024 * 1024,               /* those, and what clients do not take, of one net loop; more files are 503 */
    LIMIT_LINGER_BYTES = 64 * 1024,      /* read and dropped after a last answer, so that it is not lost to a reset */
    LIMIT_HANDSHAKE_BYTES = 32 * 1024,   /* of TLS; an honest client sends two or three KiB */
    LIMIT_COMPRESSED_BYTES = 256 * 1024, /* a longer answer goes as it is: compressing it would keep others waiting */
    LIMIT_HANDSHAKE_MESSAGES = 32,       /* after the handshake: wishes for new keys, in the life of a connection */
    LIMIT_TURN_HANDSHAKES = 8,           /* connections that get on with theirs, before others have their turn */
#ifdef TINY
    LIMIT_READ_BYTES = 61,
    LIMIT_UNSENT_BYTES = 1000,
    LIMIT_BODY_APART = 33,
    LIMIT_GZIP_KEPT_BYTES = 9000,
    LIMIT_ARENAS_KEPT = 2,
    LIMIT_TURN_MESSAGES = 3,
    LIMIT_TURN_RECORDS = 2,
    LIMIT_TURN_SNAPSHOTS = 1,
    LIMIT_CORE_QUEUE = 67,
    LIMIT_LANES = 3,
    LIMIT_BATCH_BYTES = 1500,
    LIMIT_BATCHES_WAITING_BYTES = 64 * 1024,
    LIMIT_CHECKPOINT_BYTES = 7 * 1024,
    LIMIT_ARENA_CHUNK = 208,
    LIMIT_SCAN_ROWS = 5,
    LIMIT_ANSWERS_BYTES = 16 * 1024,
    LIMIT_STAMPS = 257,
    LIMIT_SEATS = 17,
    LIMIT_QUESTIONS = 31,
#else
    LIMIT_READ_BYTES = 64 * 1024,             /* one read takes what a socket's buffer usually holds */
    LIMIT_UNSENT_BYTES = 256 * 1024,          /* of one connection, before no more of its answers are rendered */
    LIMIT_GZIP_KEPT_BYTES = 16 * 1024 * 1024, /* of a net loop: compressed answers, and what they were made from */
    LIMIT_BODY_APART = 4096,                  /* a kept body that is sent from where it is: copying less is cheaper */
    LIMIT_ARENAS_KEPT = 1024,                 /* for the next requests of a net loop */
    LIMIT_TURN_MESSAGES = 256,                /* a turn of reads stays below a millisecond or two */
    LIMIT_TURN_RECORDS = 32,   /* and one of orders below four; the next one's answers need not wait for them */
    LIMIT_TURN_SNAPSHOTS = 64, /* of a checkpoint, encoded beside the messages: a tenth of a millisecond or so */
    LIMIT_CORE_QUEUE = 16384,
    LIMIT_LANES = 64,                /* in which marketplaces take turns */
    LIMIT_BATCH_BYTES = 1024 * 1024, /* more waits for the next batch */
    LIMIT_BATCHES_WAITING_BYTES = 64 * 1024 * 1024,
    LIMIT_CHECKPOINT_BYTES = 32 * 1024 * 1024,
    LIMIT_ARENA_CHUNK = 8 * 1024,           /* a usual request fits in one */
    LIMIT_SCAN_ROWS = 256,                  /* rows a scan asks the tables for at once */
    LIMIT_ANSWERS_BYTES = 64 * 1024 * 1024, /* kept for the next who asks the same */
    LIMIT_STAMPS = 64 * 1024,               /* places that changes are noted in: 512 KiB */
    LIMIT_SEATS = 64 * 1024,                /* answers that are kept at most: 1 MiB */
    LIMIT_QUESTIONS = 16 * 1024,            /* that came once: 64 KiB */
#endif
    LIMIT_ANSWER_BYTES = 256 * 1024,        /* one of them */
    LIMIT_SEARCH_BYTES = 128 * 1024 * 1024, /* of changes that wait for the search index; beyond, no writes are taken */
    LIMIT_SEARCH_LANES = 15,                /* that queries of marketplaces are spread over */
    LIMIT_SEARCH_HITS = 256,    /* that are asked of it at once, when filters pass over those of the first ask */
    LIMIT_FILTERED_ROWS = 2000, /* rows a filtered page may pass over before it answers short */
};
