/* The demo as a whole: its size, its order, and what it says at the end. */
#include "main/demo_world.h"
#include "main/exit.h"
#include "main/files.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char ADMIN_EMAIL[] = "admin@demo.example";
enum { PEOPLE_LEAST = 12, PEOPLE_MOST = 100000, COMMUNITIES_PER_LEADER = 2 };

bool demo_size_of(const char *scale, struct demo_size *size)
{
    int64_t people;
    if (strcmp(scale, "small") == 0)
        people = 40;
    else if (strcmp(scale, "medium") == 0)
        people = 400;
    else if (!text_to_integer(text_of(scale), &people) || people < PEOPLE_LEAST || people > PEOPLE_MOST)
        return false;
    unsigned count = (unsigned)people;
    *size = (struct demo_size){
        .people = count,
        .leaders = count / 10 < 3 ? 3 : count / 10,
        .suppliers = count / 10 < 5 ? 5 : count / 10,
        .products_each = 6,
        .posts_each = 5,
        .orders = count * 2,
    };
    return true;
}

/* A request of the operator. Done before, it is no fault. */
static bool operate(struct demo *demo, struct client *control, const char *target, struct text body)
{
    struct client_reply reply;
    if (!client_call(control, "POST", text_of(target), body, demo->arena, &reply))
        snprintf(demo->problem, 256, "%.200s", client_problem(control));
    else if (reply.status < 300 || reply.status == 409)
        return true;
    else
        snprintf(demo->problem, 256, "%.60s: %d %.180s", target, reply.status, reply.body.data);
    return false;
}

/* The operator's half: the marketplace, and the one admin that everything else needs. */
static bool make_admin(struct demo *demo, const struct demo_place *place)
{
    struct client *control = client_connect_unix(place->control_socket);
    if (!control) {
        snprintf(demo->problem, 256, "%.160s: %s", place->control_socket, strerror(errno));
        return false;
    }
    struct text tenant = demo_text(demo, "{\"slug\":\"%s\",\"name\":\"%s\"}", place->tenant ? place->tenant : "",
                                   place->tenant ? place->tenant : "");
    struct text admin = demo_text(demo, "{\"email\":\"%s\",\"password\":\"%s\",\"display_name\":\"Demo Admin\"}",
                                  ADMIN_EMAIL, DEMO_PASSWORD);
    bool good = (!place->tenant || operate(demo, control, "/api/admin/tenants", tenant)) &&
                operate(demo, control, demo_target(demo, "%s/admin/users", demo->base), admin);
    client_close(control);
    demo->admin = (struct demo_person){.email = ADMIN_EMAIL, .authorization = ""};
    return good;
}

static void make_room(struct demo *demo)
{
    const struct demo_size *size = &demo->size;
    demo->community_count = size->leaders * COMMUNITIES_PER_LEADER;
    demo->product_count = size->suppliers * size->products_each;
    demo->post_count = demo->community_count * size->posts_each;
    demo->people = ARENA_ARRAY(demo->arena, struct demo_person, size->people);
    demo->communities = ARENA_ARRAY(demo->arena, struct demo_community, demo->community_count);
    demo->suppliers = ARENA_ARRAY(demo->arena, struct demo_supplier, size->suppliers);
    demo->products = ARENA_ARRAY(demo->arena, struct demo_product, demo->product_count);
    demo->promotions = ARENA_ARRAY(demo->arena, struct demo_promotion, demo->product_count);
    demo->posts = ARENA_ARRAY(demo->arena, struct demo_post, demo->post_count);
    demo->orders = ARENA_ARRAY(demo->arena, struct demo_order, size->orders);
    for (unsigned i = 0; i < size->people; i++)
        demo->people[i].authorization = "";
}

static const char *base_of(struct arena *arena, const char *tenant)
{
    return tenant ? arena_format(arena, "/api/%s/v1", tenant).data : "/api/v1";
}

static bool fill(struct demo *demo, const struct demo_place *place)
{
    demo->base = base_of(demo->arena, place->tenant);
    if (!make_admin(demo, place)) return false;
    demo->client = client_connect_tcp(place->host, place->port);
    if (!demo->client) {
        snprintf(demo->problem, 256, "%.100s, port %u: %s", place->host, place->port, strerror(errno));
        return false;
    }
    make_room(demo);
    demo_make_people(demo);
    demo_make_communities(demo);
    demo_make_suppliers(demo);
    demo_make_products(demo);
    demo_make_promotions(demo);
    demo_make_posts(demo);
    demo_make_orders(demo);
    client_close(demo->client);
    return !demo->failed;
}

bool demo_fill(const struct demo_place *place, const struct demo_size *size, uint64_t seed, char problem[256])
{
    struct demo *demo = memory_alloc(sizeof *demo);
    demo->arena = arena_create();
    demo->size = *size;
    demo->random = seed;
    demo->problem = problem;
    demo->terminal = isatty(STDERR_FILENO);
    bool good = fill(demo, place);
    if (demo->terminal) fprintf(stderr, "\r\033[K");
    if (good)
        printf("demo: %u people, %u communities, %u suppliers, %u products, %u promotions, %u posts, %u orders\n",
               size->people, demo->community_count, size->suppliers, demo->product_count, demo->promotion_count,
               demo->post_count, size->orders);
    fflush(stdout);
    arena_destroy(demo->arena);
    free(demo);
    return good;
}

void demo_introduce(const struct demo_place *place)
{
    bool six = strchr(place->host, ':') != NULL;
    struct arena *arena = arena_create();
    const char *server =
        arena_format(arena, "http://%s%s%s:%u", six ? "[" : "", place->host, six ? "]" : "", place->port).data;
    const char *base = arena_format(arena, "%s%s", server, base_of(arena, place->tenant)).data;
    printf(
        "\nEverybody's password is `%s`. An admin: %s. A leader: ada1@demo.example.\n"
        "Every endpoint, to read and to try: %s/docs\n\n"
        "  curl %s/feed\n"
        "  curl %s/products?limit=3\n"
        "  curl %s/auth/login -H 'Content-Type: application/json' -d '{\"email\":\"ada1@demo.example\",\"password\":\"%s\"}'\n\n",
        DEMO_PASSWORD, ADMIN_EMAIL, server, base, base, base, DEMO_PASSWORD);
    fflush(stdout);
    arena_destroy(arena);
}

/* ---- souk demo ----------------------------------------------------------------------------------------------------- */

static int run_scale(const struct arguments *arguments, unsigned products, int64_t seed)
{
    const char *data = argument(arguments, "data"), *tenants = argument(arguments, "tenants");
    int64_t count = 1;
    if (tenants && (!text_to_integer(text_of(tenants), &count) || count < 1 || count > products)) {
        fprintf(stderr, "souk demo: --tenants is a number of marketplaces\n");
        return EXIT_USAGE;
    }
    return demo_fill_scale(data ? data : "data", &(struct demo_scale){products, (unsigned)count}, (uint64_t)seed);
}

int run_demo(const struct arguments *arguments)
{
    const char *data = argument(arguments, "data"), *scale = argument(arguments, "scale"),
               *seed = argument(arguments, "seed");
    const char *address = argument(arguments, "address"), *tenant = argument(arguments, "tenant");
    struct demo_size size;
    int64_t number = 1, port = 8080;
    unsigned products;
    char problem[256];
    bool numbered = !seed || text_to_integer(text_of(seed), &number);
    if (numbered && scale && demo_scale_of(scale, &products)) return run_scale(arguments, products, number);
    if (!numbered || !demo_size_of(scale ? scale : "small", &size)) {
        fprintf(
            stderr,
            "souk demo: --scale is small, medium, a number of people from %d on, or of products such as 10k and 1m; "
            "--seed is a whole number\n",
            PEOPLE_LEAST);
        return EXIT_USAGE;
    }
    struct text rest = text_of(address ? address : "127.0.0.1:8080"), host = text_split(&rest, ':');
    if (!rest.data || !text_to_integer(rest, &port) || port < 1 || port > 65535) {
        fprintf(stderr, "souk demo: --address is HOST:PORT, such as 127.0.0.1:8080\n");
        return EXIT_USAGE;
    }
    if (tenant && strspn(tenant, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(tenant)) {
        fprintf(stderr, "souk demo: --tenant is a slug: small letters a-z, digits and inner hyphens\n");
        return EXIT_USAGE;
    }
    struct arena *arena = arena_create();
    const struct demo_place place = {file_socket_path(arena, data ? data : "data", "control.sock").data,
                                     arena_text(arena, host).data, (uint16_t)port, tenant};
    bool good = demo_fill(&place, &size, (uint64_t)number, problem);
    if (good)
        demo_introduce(&place);
    else
        fprintf(stderr, "souk demo: %s\n", problem);
    arena_destroy(arena);
    return good ? EXIT_DONE : EXIT_FAILED;
}
