/* A kind with a member of every type, nested two deep, and random values of it. */
#pragma once
#include "base/arena.h"
#include "schema/field.h"
#include "unit/random.h"
#include <string.h>

enum { SEEN_BY_OWNER = 1, SEEN_BY_STAFF = 2 };

enum sample_status { SAMPLE_DRAFT = 1, SAMPLE_OPEN, SAMPLE_CLOSED };
static const char *const sample_status_names[] = {NULL, "draft", "open", "closed"};
static const struct enumeration sample_statuses = ENUMERATION("sample_status", sample_status_names);

struct sample_note {
    struct id id;
    enum sample_status status;
    bool pinned;
    struct text body, signature;
    int64_t likes;
};
struct sample_line {
    struct id id;
    struct text sku, gift_message;
    int64_t quantity;
    struct money price;
    int64_t ships_at;
    int32_t due_on;
    bool gift;
    LIST_OF(struct sample_note) notes;
    LIST_OF(struct text) labels;
    LIST_OF(struct text_pair) options;
    struct sample_note last_note;
    struct text cost;
};
struct sample_address {
    struct text street, country;
    struct sample_note hint;
    bool main;
};
struct sample {
    struct id id;
    struct text title, about, email, card;
    enum sample_status status;
    bool active;
    int64_t rank, share, visits;
    struct money price;
    int64_t starts_at, created_at;
    int32_t born_on;
    struct id owner;
    struct sample_address address, depot;
    LIST_OF(struct sample_line) lines;
    LIST_OF(struct sample_note) diary;
    LIST_OF(struct text) tags;
    LIST_OF(struct id) friends;
    LIST_OF(int64_t) scores;
    LIST_OF(struct money) fees;
    LIST_OF(bool) answers;
    LIST_OF(enum sample_status) history;
    LIST_OF(int64_t) moments;
    LIST_OF(int32_t) days;
    LIST_OF(struct text) blobs;
    LIST_OF(struct text_pair) attributes, contacts;
    struct text password, hash, picture;
};

/* clang-format off */
static const struct field sample_note_rows[] = {
    /*   struct       tag member     */
    ID(sample_note,   1, id,         .flags = READ_ONLY, .doc = "drawn by the server"),
    ENUM(sample_note, 2, status,     &sample_statuses, .initial = SAMPLE_DRAFT, .doc = "state"),
    BOOL(sample_note, 3, pinned,     .doc = "stays on top"),
    TEXT(sample_note, 5, body,       .max = 50, .flags = REQUIRED, .doc = "what it says"),
    TEXT(sample_note, 6, signature,  .max = 50, .flags = PERSONAL, .doc = "who says it"),
    INTEGER(sample_note, 9, likes,   .flags = READ_ONLY, .sees = SEEN_BY_STAFF, .doc = "counted"),
};
static const struct fields sample_note_fields = FIELDS("sample_note", struct sample_note, sample_note_rows);

static const struct field sample_text_element = ELEMENT(FIELD_TEXT, struct text, .min = 1, .max = 10);
static const struct field sample_line_rows[] = {
    ID(sample_line,      1, id,           .flags = READ_ONLY, .doc = "drawn by the server"),
    TEXT(sample_line,    2, sku,          .format = FORMAT_KEY, .flags = REQUIRED, .doc = "stock keeping unit"),
    TEXT(sample_line,    3, gift_message, .format = FORMAT_LONG, .flags = PERSONAL, .doc = "for the one who gets it"),
    INTEGER(sample_line, 4, quantity,     .min = 1, .max = 99, .flags = REQUIRED, .doc = "pieces"),
    MONEY(sample_line,   5, price,        .doc = "of one piece"),
    TIME(sample_line,    6, ships_at,     .doc = "not before"),
    DATE(sample_line,    7, due_on,       .doc = "day"),
    BOOL(sample_line,    8, gift,         .flags = CREATE_ONLY, .doc = "wrapped"),
    LIST(sample_line,    9, notes,        struct sample_note, &sample_note_fields, .max = 5, .doc = "remarks"),
    SCALARS(sample_line, 10, labels,      struct text, &sample_text_element, .max = 3, .doc = "labels"),
    MAP(sample_line,     11, options,     .max = 3, .element = &sample_text_element, .doc = "choices"),
    STRUCT(sample_line,  12, last_note,   struct sample_note, &sample_note_fields, .flags = OPTIONAL, .doc = "newest remark"),
    BYTES(sample_line,   13, cost,        .max = 16, .flags = READ_ONLY | SECRET, .doc = "never shown"),
};
static const struct fields sample_line_fields = FIELDS("sample_line", struct sample_line, sample_line_rows);

static const struct field sample_address_rows[] = {
    TEXT(sample_address,   1, street,  .max = 80, .flags = REQUIRED, .doc = "and number"),
    TEXT(sample_address,   2, country, .format = FORMAT_COUNTRY, .flags = REQUIRED, .doc = "code"),
    STRUCT(sample_address, 3, hint,    struct sample_note, &sample_note_fields, .sees = SEEN_BY_OWNER, .doc = "where to ring"),
    BOOL(sample_address,   4, main,    .initial = true, .doc = "the usual one"),
};
static const struct fields sample_address_fields = FIELDS("sample_address", struct sample_address, sample_address_rows);

static const struct field sample_id_element = ELEMENT(FIELD_ID, struct id, .refers = "sample");
static const struct field sample_score_element = ELEMENT(FIELD_INTEGER, int64_t, .min = -10, .max = 10);
static const struct field sample_money_element = ELEMENT(FIELD_MONEY, struct money, .min = 1, .max = 1000);
static const struct field sample_bool_element = ELEMENT(FIELD_BOOL, bool);
static const struct field sample_status_element = ELEMENT(FIELD_ENUM, enum sample_status, .values = &sample_statuses);
static const struct field sample_time_element = ELEMENT(FIELD_TIME, int64_t);
static const struct field sample_date_element = ELEMENT(FIELD_DATE, int32_t);
static const struct field sample_blob_element = ELEMENT(FIELD_BYTES, struct text, .max = 8);
static const struct field sample_rows[] = {
    ID(sample,           1,  id,         .flags = READ_ONLY, .doc = "drawn by the server"),
    TEXT(sample,         2,  title,      .max = 120, .flags = REQUIRED, .doc = "shown on the card"),
    TEXT(sample,         3,  about,      .format = FORMAT_LONG, .doc = "shown below it"),
    TEXT(sample,         4,  email,      .format = FORMAT_EMAIL, .flags = PERSONAL, .sees = SEEN_BY_OWNER, .doc = "to write to"),
    TEXT(sample,         5,  card,       .min = 2, .max = 20, .flags = MASKED, .doc = "number"),
    ENUM(sample,         6,  status,     &sample_statuses, .initial = SAMPLE_DRAFT, .doc = "state"),
    BOOL(sample,         7,  active,     .initial = true, .doc = "in use"),
    INTEGER(sample,      8,  rank,       .min = -5, .max = 5, .doc = "place"),
    BASIS_POINTS(sample, 9,  share,      .doc = "of the whole"),
    INTEGER(sample,      10, visits,     .flags = OPTIONAL, .sees = SEEN_BY_STAFF, .doc = "counted"),
    MONEY(sample,        11, price,      .doc = "of all"),
    TIME(sample,         12, starts_at,  .doc = "from then on"),
    TIME(sample,         13, created_at, .flags = READ_ONLY, .doc = "made then"),
    DATE(sample,         14, born_on,    .flags = PERSONAL, .doc = "birthday"),
    ID(sample,           15, owner,      .refers = "user", .doc = "whose it is"),
    STRUCT(sample,       16, address,    struct sample_address, &sample_address_fields, .flags = PERSONAL, .doc = "where"),
    STRUCT(sample,       17, depot,      struct sample_address, &sample_address_fields, .doc = "from where"),
    LIST(sample,         18, lines,      struct sample_line, &sample_line_fields, .max = 50, .doc = "what is in it"),
    LIST(sample,         19, diary,      struct sample_note, &sample_note_fields, .max = 4, .flags = PERSONAL, .doc = "private remarks"),
    SCALARS(sample,      20, tags,       struct text, &sample_text_element, .min = 1, .max = 5, .doc = "words"),
    SCALARS(sample,      21, friends,    struct id, &sample_id_element, .doc = "others"),
    SCALARS(sample,      22, scores,     int64_t, &sample_score_element, .doc = "points"),
    SCALARS(sample,      23, fees,       struct money, &sample_money_element, .doc = "charges"),
    SCALARS(sample,      24, answers,    bool, &sample_bool_element, .doc = "yes or no"),
    SCALARS(sample,      25, history,    enum sample_status, &sample_status_element, .doc = "states before"),
    SCALARS(sample,      26, moments,    int64_t, &sample_time_element, .doc = "times"),
    SCALARS(sample,      27, days,       int32_t, &sample_date_element, .doc = "days"),
    SCALARS(sample,      28, blobs,      struct text, &sample_blob_element, .doc = "bytes"),
    MAP(sample,          29, attributes, .max = 4, .doc = "free pairs"),
    MAP(sample,          30, contacts,   .flags = PERSONAL, .doc = "ways to reach"),
    TEXT(sample,         31, password,   .format = FORMAT_PASSWORD, .min = 8, .flags = SECRET | CREATE_ONLY, .doc = "to log in"),
    BYTES(sample,        32, hash,       .flags = SECRET | READ_ONLY, .doc = "of the password"),
    BYTES(sample,        300, picture,   .min = 2, .max = 64, .doc = "small image"),
};
static const struct fields sample_fields = FIELDS("sample", struct sample, sample_rows);
/* clang-format on */

/* ---- Random values ---- */

/* Every text and byte string of a random value begins with one of these, by the part it belongs to. */
#define SAMPLE_OPEN_MARK     "OPEN:"
#define SAMPLE_PERSONAL_MARK "PERSONAL:"

struct sampler {
    struct arena *arena;
    uint64_t state;
};

static inline struct text sample_text(struct sampler *sampler, bool personal)
{
    static const char *const pieces[] = {
        "a", "B", "0", " ", "\"", "\\", "\n", "\x01", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xE2\x80\xA8"};
    if (random_below(&sampler->state, 5) == 0) return (struct text){0};
    if (random_below(&sampler->state, 8) == 0) return LITERAL("");
    char text[400];
    size_t length = 0, count = random_below(&sampler->state, random_below(&sampler->state, 9) ? 12 : 80);
    for (const char *mark = personal ? SAMPLE_PERSONAL_MARK : SAMPLE_OPEN_MARK; *mark; mark++)
        text[length++] = *mark;
    while (count--) {
        const char *piece = pieces[random_below(&sampler->state, sizeof pieces / sizeof *pieces)];
        while (*piece)
            text[length++] = *piece++;
    }
    return arena_text(sampler->arena, (struct text){text, (uint32_t)length});
}

static inline int64_t sample_integer(struct sampler *sampler)
{
    uint64_t wide = random_next(&sampler->state) >> random_below(&sampler->state, 64);
    return random_below(&sampler->state, 3) ? (int64_t)wide : (int64_t)-wide;
}

static inline void sample_fill(struct sampler *sampler, const struct fields *fields, void *value, bool personal,
                               unsigned depth);

static inline void sample_member(struct sampler *sampler, const struct field *field, void *member, bool personal,
                                 unsigned depth);

static inline void sample_list(struct sampler *sampler, const struct field *field, void *member, bool personal,
                               unsigned depth)
{
    struct list *list = member;
    size_t size = field->type == FIELD_MAP ? sizeof(struct text_pair)
                  : field->nested          ? field->nested->size
                                           : field->element->size;
    list->count = (uint32_t)random_below(&sampler->state, random_below(&sampler->state, 12) ? 4 : 40 >> depth);
    list->at = list->count ? arena_alloc(sampler->arena, size * list->count) : NULL;
    for (uint32_t i = 0; i < list->count; i++) {
        char *element = (char *)list->at + size * i;
        if (field->type == FIELD_MAP) {
            struct text_pair *pair = (struct text_pair *)(void *)element;
            pair->key = arena_format(sampler->arena, "%skey%u", personal ? SAMPLE_PERSONAL_MARK : SAMPLE_OPEN_MARK, i);
            pair->value = sample_text(sampler, personal);
        } else if (field->nested)
            sample_fill(sampler, field->nested, element, personal, depth + 1);
        else
            sample_member(sampler, field->element, element, personal, depth);
    }
}

static inline void sample_member(struct sampler *sampler, const struct field *field, void *member, bool personal,
                                 unsigned depth)
{
    struct money money = {sample_integer(sampler), "EUR"};
    switch ((enum field_type)field->type) {
    case FIELD_TEXT:
    case FIELD_BYTES: *(struct text *)member = sample_text(sampler, personal); break;
    case FIELD_ENUM: *(uint32_t *)member = (uint32_t)random_below(&sampler->state, field->values->count); break;
    case FIELD_BOOL: *(bool *)member = random_below(&sampler->state, 2); break;
    case FIELD_INTEGER:
    case FIELD_BASIS_POINTS: *(int64_t *)member = sample_integer(sampler); break;
    case FIELD_MONEY: *(struct money *)member = money; break;
    case FIELD_TIME: *(int64_t *)member = (int64_t)random_below(&sampler->state, INT64_C(253402300800000)); break;
    case FIELD_DATE:
        *(int32_t *)member = (int32_t)(1970 + random_below(&sampler->state, 80)) * 10000 + 101 +
                             (int32_t)random_below(&sampler->state, 28);
        break;
    case FIELD_ID:
        for (int i = 0; i < 16; i++)
            ((struct id *)member)->bytes[i] = (uint8_t)random_next(&sampler->state);
        break;
    case FIELD_STRUCT: sample_fill(sampler, field->nested, member, personal, depth + 1); break;
    case FIELD_LIST:
    case FIELD_MAP: sample_list(sampler, field, member, personal, depth); break;
    case FIELD_TYPE_COUNT: break;
    }
}

/* Gives most members of a zeroed value a random value. */
static inline void sample_fill(struct sampler *sampler, const struct fields *fields, void *value, bool personal,
                               unsigned depth)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (random_below(&sampler->state, 4) == 0) continue;
        sample_member(sampler, field, (char *)value + field->offset, personal || (field->flags & PERSONAL), depth);
    }
}

/* Changes a few members of a value; lists are changed in arrays of their own. */
static inline void sample_change(struct sampler *sampler, const struct fields *fields, void *value, bool personal)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        char *member = (char *)value + field->offset;
        bool inner = personal || (field->flags & PERSONAL);
        if (random_below(&sampler->state, 3)) continue;
        if (random_below(&sampler->state, 3) == 0) memset(member, 0, field->size);
        if (field->type == FIELD_STRUCT) {
            sample_change(sampler, field->nested, member, inner);
            continue;
        }
        struct list *list = (struct list *)(void *)member;
        if (field->type != FIELD_LIST || !field->nested || random_below(&sampler->state, 6) == 0) {
            sample_member(sampler, field, member, inner, 1);
            continue;
        }
        list->at = list->count ? arena_copy(sampler->arena, list->at, field->nested->size * (size_t)list->count) : NULL;
        if (random_below(&sampler->state, 2)) list_add(sampler->arena, list, field->nested->size);
        if (list->count && random_below(&sampler->state, 3) == 0)
            list_remove(list, (uint32_t)random_below(&sampler->state, list->count), field->nested->size);
        for (uint32_t k = 0; k < list->count; k++)
            if (random_below(&sampler->state, 2))
                sample_change(sampler, field->nested, (char *)list->at + field->nested->size * k, inner);
    }
}

static inline struct sample *sample_new(struct sampler *sampler)
{
    struct sample *sample = ARENA_NEW(sampler->arena, struct sample);
    sample_fill(sampler, &sample_fields, sample, false, 0);
    return sample;
}
