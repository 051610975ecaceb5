/* A demo marketplace, made by ordinary requests: people, communities, suppliers, products, promotions, posts and orders in
   every state. The same seed and size give the same marketplace. */
#pragma once
#include "main/arguments.h"
#include <stdbool.h>
#include <stdint.h>

struct demo_size {
    unsigned people, leaders, suppliers, products_each, posts_each, orders;
};
/* "small", "medium" or a number of people. False when it is none of these. */
bool demo_size_of(const char *scale, struct demo_size *size);

/* A running server, and which of its marketplaces: NULL is the default one, a slug one that is opened when it is not there. */
struct demo_place {
    const char *control_socket, *host;
    uint16_t port;
    const char *tenant;
};
/* Fills a server through its control socket and its address. Prints progress when standard error is a terminal. On failure
   false and a sentence. */
bool demo_fill(const struct demo_place *place, const struct demo_size *size, uint64_t seed, char problem[256]);
/* The demo accounts, and the first requests to try. */
void demo_introduce(const struct demo_place *place);

/* A marketplace for measurements, of so many products with a fifth as many people and twice as many orders, made inside of
   this process in a directory that has no data and no server. `tenants` of them share the products. */
struct demo_scale {
    unsigned products, tenants;
};
/* "10k", "1m": products. False when it is no such number. */
bool demo_scale_of(const char *text, unsigned *products);
int demo_fill_scale(const char *data, const struct demo_scale *scale, uint64_t seed);
extern const char DEMO_PASSWORD[];

int run_demo(const struct arguments *arguments);
