/* People, their communities, and what they say there. */
#include "main/demo_world.h"
#include <stdio.h>
#include <string.h>

const char DEMO_PASSWORD[] = "demo password";

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off */
static const char *const first_names[] = {
    "Ada",   "Ben",   "Chloe", "Daniel",  "Emma", "Farid", "Grace", "Hana", "Ivan", "Julia", "Kofi",   "Lena",  "Mateo",
    "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Samir", "Tara",  "Ugo",  "Vera", "Wei",   "Ximena", "Yusuf", "Zoe",
};
static const char *const last_names[] = {
    "Adler",  "Baker",  "Costa", "Diaz",  "Endo",  "Fischer", "Garcia", "Hughes", "Ito",
    "Jansen", "Kaya",   "Lopez", "Meyer", "Novak", "Okafor",  "Petrov", "Quinn",  "Rossi",
    "Silva",  "Tanaka", "Ueda",  "Vogel", "Weber", "Young",   "Zhang",
};
/* clang-format on */
static const char *const countries[] = {"DE", "FR", "GB", "US", "ES", "JP"};
static const struct {
    const char *name, *purpose;
} topics[] = {
    {"Slow Coffee", "beans, grinders and the perfect pour"},  {"Trail Runners", "routes, shoes and early mornings"},
    {"Home Bakers", "sourdough and other patient breads"},    {"Analogue Photographers", "film, paper and darkrooms"},
    {"Balcony Gardeners", "much green on few square metres"}, {"Repair Cafe", "mend it before you replace it"},
    {"Board Game Nights", "rules explained, snacks shared"},  {"Cold Water Swimmers", "lakes, seas and hot tea after"},
};
/* clang-format off */
static const char *const openings[] = { "Today I tried",       "Has anybody here tried", "I keep coming back to",
                                        "A short report on",   "My honest opinion of",   "Three months with",
                                        "What I learned about" };
static const char *const things[] = { "the new hand grinder", "a waxed cotton jacket",
                                      "cast iron pans",       "the blue notebook",
                                      "a second-hand camera", "the wool socks everybody talks about",
                                      "a very small lamp" };
static const char *const closings[] = { "and I would do it again.", "and it was worth the wait.",
                                        "Photos follow.",           "What do you think?",
                                        "Ask me anything.",         "The short version: yes." };
/* clang-format on */

/* ---- People -------------------------------------------------------------------------------------------------------- */

static void take_verification(struct demo *demo, void *subject, int status, yyjson_val *data)
{
    struct demo_person *person = subject;
    (void)status;
    const char *token = yyjson_get_str(yyjson_obj_get(data, "verification_token"));
    person->id = demo_id_at(data, "id");
    person->verification = demo_text(demo, "%s", token ? token : "").data;
}

static void take_token(struct demo *demo, void *subject, int status, yyjson_val *data)
{
    struct demo_person *person = subject;
    (void)status;
    const char *token = yyjson_get_str(yyjson_obj_get(data, "access_token"));
    person->authorization = demo_text(demo, "Authorization: Bearer %s\r\n", token ? token : "").data;
    person->id = demo_id_at(yyjson_obj_get(data, "user"), "id");
}

static void log_in(struct demo *demo, struct demo_person *person)
{
    demo_ask(demo, (struct demo_call){.method = "POST",
                                      .target = "/auth/login",
                                      .taken = take_token,
                                      .subject = person,
                                      .body = demo_text(demo, "{\"email\":\"%s\",\"password\":\"%s\"}", person->email,
                                                        DEMO_PASSWORD)});
}

static void name_person(struct demo *demo, struct demo_person *person, unsigned number)
{
    const char *first = first_names[number % COUNT(first_names)];
    const char *last = last_names[((size_t)number * 7 + number / COUNT(first_names)) % COUNT(last_names)];
    person->name = demo_text(demo, "%s %s", first, last).data;
    char *email = arena_alloc(demo->arena, 64);
    int length = snprintf(email, 64, "%s%u@demo.example", first, number + 1);
    for (int i = 0; i < length; i++)
        email[i] = letter_small(email[i]);
    person->email = email;
}

void demo_make_people(struct demo *demo)
{
    demo_stage(demo, "people");
    demo->window = DEMO_HASHES;
    log_in(demo, &demo->admin);
    for (unsigned i = 0; i < demo->size.people; i++) {
        struct demo_person *person = &demo->people[i];
        name_person(demo, person, i);
        demo_ask(demo,
                 (struct demo_call){
                     .method = "POST",
                     .target = "/auth/register",
                     .taken = take_verification,
                     .subject = person,
                     .body = demo_text(
                         demo,
                         "{\"email\":\"%s\",\"password\":\"%s\",\"display_name\":\"%s\",\"accept_terms\":true,"
                         "\"birth_date\":\"%u-0%u-1%u\",\"country\":\"%s\"}",
                         person->email, DEMO_PASSWORD, person->name, 1960 + demo_draw(demo, 45), 1 + demo_draw(demo, 9),
                         demo_draw(demo, 10), countries[demo_draw(demo, COUNT(countries))])});
    }
    demo_settle(demo);
    for (unsigned i = 0; i < demo->size.people && !demo->failed; i++)
        demo_ask(demo, (struct demo_call){.method = "POST",
                                          .target = "/auth/verify",
                                          .body = demo_text(demo, "{\"token\":\"%s\"}", demo->people[i].verification)});
    demo_settle(demo);
    for (unsigned i = 0; i < demo->size.people; i++)
        log_in(demo, &demo->people[i]);
    demo_settle(demo);
    demo->window = DEMO_PIPELINE;
    for (unsigned i = 0; i < demo->size.people && !demo->failed; i += 3)
        demo_ask(demo, (struct demo_call){.by = &demo->people[i],
                                          .method = "PATCH",
                                          .target = "/users/me",
                                          .body = demo_text(demo, "{\"profile\":{\"bio\":\"Likes %s.\"}}",
                                                            things[demo_draw(demo, COUNT(things))])});
    for (unsigned i = 0; i < demo->size.leaders && !demo->failed; i++)
        demo_ask(demo,
                 (struct demo_call){.by = &demo->admin,
                                    .method = "POST",
                                    .target = demo_target(demo, "/admin/users/%s/grant-role", demo->people[i].id.text),
                                    .body = LITERAL("{\"role\":\"leader\",\"reason\":\"founding members\"}")});
    demo_settle(demo);
}

/* ---- Communities --------------------------------------------------------------------------------------------------- */

static void add_member(struct demo *demo, struct demo_community *community, struct demo_person *person)
{
    struct demo_person **member = LIST_ADD(demo->arena, &community->members);
    *member = person;
}

static void join(struct demo *demo, struct demo_community *community, struct demo_person *person)
{
    for (unsigned i = 0; i < community->members.count; i++)
        if (community->members.at[i] == person) return;
    demo_ask(demo, (struct demo_call){.by = person,
                                      .method = "POST",
                                      .target = demo_target(demo, "/communities/%s/join", community->id.text)});
    add_member(demo, community, person);
}

/* The last one who asks to join a private community waits. */
static void let_members_in(struct demo *demo, struct demo_community *community)
{
    for (unsigned i = 1; i + 1 < community->members.count && !demo->failed; i++)
        demo_ask(demo,
                 (struct demo_call){.by = community->owner,
                                    .method = "POST",
                                    .target = demo_target(demo, "/communities/%s/members/%s/approve",
                                                          community->id.text, community->members.at[i]->id.text)});
    if (community->members.count > 1) community->members.count--;
}

void demo_make_communities(struct demo *demo)
{
    demo_stage(demo, "communities");
    for (unsigned i = 0; i < demo->community_count && !demo->failed; i++) {
        struct demo_community *community = &demo->communities[i];
        const char *name = topics[i % COUNT(topics)].name;
        community->owner = &demo->people[i % demo->size.leaders];
        community->private = i % 4 == 3;
        community->moderated = i % 3 == 2;
        add_member(demo, community, community->owner);
        struct text number = i < COUNT(topics) ? LITERAL("") : demo_text(demo, " %u", i / (unsigned)COUNT(topics) + 1);
        demo_ask(demo,
                 (struct demo_call){
                     .by = community->owner,
                     .method = "POST",
                     .target = "/communities",
                     .taken = demo_take_id,
                     .subject = &community->id,
                     .body = demo_text(
                         demo,
                         "{\"name\":\"%s%s\",\"purpose\":\"%s\",\"visibility\":\"%s\",\"content\":{\"moderated\":%s},"
                         "\"rules\":[{\"title\":\"Be kind\",\"text\":\"There is a person at the other end.\"}]}",
                         name, number.data, topics[i % COUNT(topics)].purpose,
                         community->private ? "private" : "public", community->moderated ? "true" : "false")});
    }
    demo_settle(demo);
    for (unsigned i = 0; i < demo->size.people && !demo->failed; i++)
        for (unsigned k = 0; k < 3; k++)
            join(demo, &demo->communities[demo_draw(demo, demo->community_count)], &demo->people[i]);
    demo_settle(demo);
    for (unsigned i = 0; i < demo->community_count; i++)
        if (demo->communities[i].private) let_members_in(demo, &demo->communities[i]);
    demo_settle(demo);
}

/* ---- Posts --------------------------------------------------------------------------------------------------------- */

static struct text post_body(struct demo *demo, const struct demo_community *community, unsigned number)
{
    const char *thing = things[demo_draw(demo, COUNT(things))];
    struct text text = demo_text(demo, "%s %s, %s", openings[demo_draw(demo, COUNT(openings))], thing,
                                 closings[demo_draw(demo, COUNT(closings))]);
    if (number % 5 == 3)
        return demo_text(demo,
                         "{\"community_id\":\"%s\",\"type\":\"image\",\"title\":\"%s\",\"body\":\"%s\",\"media\":["
                         "{\"url\":\"https://images.example/%u.jpg\",\"alt\":\"%s\"}]}",
                         community->id.text, thing, text.data, number, thing);
    if (number % 5 == 4)
        return demo_text(demo,
                         "{\"community_id\":\"%s\",\"type\":\"link\",\"title\":\"%s\",\"link\":"
                         "{\"url\":\"https://magazine.example/%u\",\"title\":\"All about it\"}}",
                         community->id.text, thing, number);
    return demo_text(demo, "{\"community_id\":\"%s\",\"type\":\"text\",\"title\":\"%s\",\"body\":\"%s\"}",
                     community->id.text, thing, text.data);
}

static void command_post(struct demo *demo, const struct demo_post *post, const struct demo_person *by,
                         const char *command, const char *body)
{
    demo_ask(demo, (struct demo_call){.by = by,
                                      .method = "POST",
                                      .body = body ? text_of(body) : (struct text){0},
                                      .target = demo_target(demo, "/posts/%s/%s", post->id.text, command)});
}

/* Moderators say yes to most that waits; a post in twelve is hidden; some ask for the global feed. */
static void moderate(struct demo *demo, struct demo_post *post, unsigned number)
{
    const struct demo_community *community = post->community;
    bool waits = community->moderated && post->author != community->owner;
    if (waits && number % 7 == 6) return;
    if (waits && number % 7 == 5) {
        command_post(demo, post, community->owner, "reject", "{\"reason\":\"not about our topic\"}");
        return;
    }
    if (waits) command_post(demo, post, community->owner, "approve", NULL);
    post->published = number % 12 != 11;
    if (!post->published)
        command_post(demo, post, community->owner, "hide", "{\"reason\":\"asked for by its author\"}");
}

void demo_make_posts(struct demo *demo)
{
    demo_stage(demo, "posts");
    for (unsigned i = 0; i < demo->post_count && !demo->failed; i++) {
        struct demo_post *post = &demo->posts[i];
        post->community = &demo->communities[i % demo->community_count];
        post->author = post->community->members.at[demo_draw(demo, post->community->members.count)];
        demo_ask(demo, (struct demo_call){.by = post->author,
                                          .method = "POST",
                                          .target = "/posts",
                                          .taken = demo_take_id,
                                          .subject = &post->id,
                                          .body = post_body(demo, post->community, i)});
    }
    demo_settle(demo);
    for (unsigned i = 0; i < demo->post_count && !demo->failed; i++)
        moderate(demo, &demo->posts[i], i);
    demo_settle(demo);
    unsigned asked = 0;
    for (unsigned i = 0; i < demo->post_count && !demo->failed; i += 3) {
        struct demo_post *post = &demo->posts[i];
        if (!post->published || post->community->private) continue;
        command_post(demo, post, post->author, "request-global", NULL);
        if (++asked % 3) command_post(demo, post, &demo->admin, "approve-global", NULL);
    }
    for (unsigned i = 0; i < demo->community_count && i < demo->post_count && !demo->failed; i++)
        if (demo->posts[i].published) command_post(demo, &demo->posts[i], demo->posts[i].community->owner, "pin", NULL);
    demo_settle(demo);
}
