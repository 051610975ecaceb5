/* Inside of the demo: what has been made so far, and how requests are made.

   Requests are sent many at a time and their answers taken in order, so that one commit of the log serves many of them.
   After the first refusal nothing more is sent: the sentence of that refusal is what the demo ends with. */
#pragma once
#include "main/client.h"
#include "main/demo.h"
#include "base/id.h"
#include "schema/field.h"
#include <yyjson.h>

enum {
    DEMO_VARIANTS_MOST = 3,
    DEMO_ITEMS_MOST = 3,
    DEMO_PIPELINE = 48,
    DEMO_HASHES = 24
}; /* fewer than the places of the workers that hash passwords */

struct demo_id {
    char text[ID_TEXT_LENGTH + 1];
};
struct demo_person {
    const char *name, *email, *verification;
    const char *authorization; /* a header line */
    struct demo_id id;
};
struct demo_community {
    struct demo_id id;
    struct demo_person *owner;
    bool private, moderated;
    LIST_OF(struct demo_person *) members;
};
struct demo_supplier {
    const char *name;
    struct demo_id id, location, licence;
    struct demo_person *owner;
    bool verified;
};
struct demo_product {
    struct demo_id id, variants[DEMO_VARIANTS_MOST];
    struct demo_supplier *supplier;
    unsigned variant_count;
    bool published;
    const char *name;
};
struct demo_promotion {
    struct demo_id id;
    struct demo_product *product;
    struct demo_community *community; /* NULL: the global feed */
    bool active;
};
struct demo_post {
    struct demo_id id;
    struct demo_community *community;
    struct demo_person *author;
    bool published;
};
struct demo_order {
    struct demo_id id, items[DEMO_ITEMS_MOST];
    struct demo_product *products[DEMO_ITEMS_MOST];
    struct demo_person *customer;
    unsigned item_count;
    bool confirmed;
};

struct demo;
/* What an answer's data is wanted for. */
typedef void demo_taken(struct demo *demo, void *subject, int status, yyjson_val *data);
struct demo_expected {
    demo_taken *taken;
    void *subject;
    const char *what; /* method and target, for the sentence of a refusal */
    int also;         /* a status that is as good as success; 0: none */
};

struct demo {
    struct arena *arena;
    struct client *client;
    struct demo_size size;
    uint64_t random;
    char *problem;    /* of 256 bytes */
    const char *base; /* of all paths: /api/v1, or with the slug of a marketplace */
    bool failed, terminal;
    struct demo_expected expected[DEMO_PIPELINE];
    unsigned expected_first, expected_count, window; /* answers that may be awaited at once */
    struct demo_person admin, *people;
    struct demo_community *communities;
    struct demo_supplier *suppliers;
    struct demo_product *products;
    struct demo_promotion *promotions;
    struct demo_post *posts;
    struct demo_order *orders;
    unsigned community_count, product_count, promotion_count, post_count;
    unsigned done; /* requests, for the progress */
};

/* demo_talk.c */
struct demo_call {
    const struct demo_person *by; /* NULL: nobody, or the operator */
    const char *method, *target;  /* below demo.base */
    struct text body;             /* absent: none */
    const char *content_type;     /* of it; NULL: JSON */
    demo_taken *taken;            /* NULL: success is enough */
    void *subject;
    int also;
};
void demo_ask(struct demo *demo, struct demo_call call);
void demo_settle(struct demo *demo); /* takes all answers that are still to come */
struct text demo_text(struct demo *demo, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *demo_target(struct demo *demo, const char *format, ...) __attribute__((format(printf, 2, 3)));
unsigned demo_draw(struct demo *demo, unsigned below);
void demo_take_id(struct demo *demo, void *subject, int status, yyjson_val *data); /* subject: a struct demo_id */
struct demo_id demo_id_at(yyjson_val *object, const char *name);
void demo_stage(struct demo *demo, const char *name); /* says what is made now */

/* demo_people.c, demo_trade.c */
void demo_make_people(struct demo *demo);
void demo_make_communities(struct demo *demo);
void demo_make_posts(struct demo *demo);
void demo_make_suppliers(struct demo *demo);
void demo_make_products(struct demo *demo);
void demo_make_promotions(struct demo *demo);
void demo_make_orders(struct demo *demo);
