/* Field tables: everything souk knows of a struct's members. One row a member drives JSON in and out, validation,
   PATCH, MessagePack snapshots and diffs, OpenAPI and the field reference.

   The zero value of every type is its absence: text without data, time 0, enum 0, id of zeros, money without currency,
   empty list. A row flagged OPTIONAL renders an absent integer as null instead of 0.
   Tags are written to disk: they are never reused, and a changed meaning is a new tag. */
#pragma once
#include "base/id.h"
#include "base/money.h"
#include "base/text.h"

enum field_type {
    FIELD_TEXT,         /* struct text, limits in code points, .format says what is allowed in it */
    FIELD_BYTES,        /* struct text of any bytes; base64url in JSON */
    FIELD_ENUM,         /* a 4-byte enum; values count from 1, 0 is absent */
    FIELD_BOOL,         /* bool */
    FIELD_INTEGER,      /* int64_t */
    FIELD_BASIS_POINTS, /* int64_t, 10000 is the whole */
    FIELD_MONEY,        /* struct money; {"amount": 1, "currency": "USD"} */
    FIELD_TIME,         /* int64_t, milliseconds; RFC 3339 in JSON */
    FIELD_DATE,         /* int32_t yyyymmdd; "2026-01-31" in JSON */
    FIELD_ID,           /* struct id; .refers names the kind it points to, if any */
    FIELD_STRUCT,       /* a nested struct, .nested is its table */
    FIELD_LIST,         /* LIST_OF(struct x) with .nested, or LIST_OF(scalar) with .element */
    FIELD_MAP,          /* LIST_OF(struct text_pair), keys unique; limits: .max entries, values by .element */
    FIELD_TYPE_COUNT
};

enum text_format {
    FORMAT_PLAIN,     /* one line: no control characters */
    FORMAT_LONG,      /* newlines allowed */
    FORMAT_SLUG,      /* [a-z0-9-]{3,60}, no '-' at the ends */
    FORMAT_EMAIL,     /* lower-cased when bound, <= 254 bytes */
    FORMAT_URL,       /* https (http too in .min == 1 rows is not a thing: always https), <= 2048 */
    FORMAT_PICTURE,   /* the same, or the path of a file that was uploaded here */
    FORMAT_COUNTRY,   /* ISO 3166-1 alpha-2, upper-cased */
    FORMAT_CURRENCY,  /* three capital letters */
    FORMAT_LOCALE,    /* BCP 47: letters, digits, '-' */
    FORMAT_TIME_ZONE, /* IANA name: Area/City or UTC */
    FORMAT_PHONE,     /* digits, blanks, + ( ) - . */
    FORMAT_COLOR,     /* #rrggbb */
    FORMAT_PASSWORD,  /* any bytes of UTF-8; limits count bytes */
    FORMAT_PLACE,     /* of the log: a position, or the id of an event there, position.number */
    FORMAT_KEY        /* [A-Za-z0-9_.-]+ : SKUs, attribute names, tokens */
};

enum field_flag {
    REQUIRED = 1 << 0,    /* a create or command body must have it, a PATCH may not clear it */
    READ_ONLY = 1 << 1,   /* never taken from a body: the server sets it */
    CREATE_ONLY = 1 << 2, /* taken at create, not by PATCH */
    SECRET = 1 << 3,      /* never leaves the server, in no answer, event or log line */
    PERSONAL = 1 << 4,    /* sealed on disk under the key of the entity's subject */
    OPTIONAL = 1 << 5,    /* zero means absent: rendered as null */
    MASKED = 1 << 6,      /* rendered as "•••" and its last four characters */
    ANY_JSON = 1 << 7,    /* of a READ_ONLY text: it is rendered JSON already, of any type */
    KEPT = 1 << 8         /* of a body that changes a part: may be left out, but not cleared */
};

struct fields;
struct enumeration {
    const char *name;          /* "order_status" */
    const char *const *values; /* values[0] is NULL; values[k] is the lower snake case name of k */
    uint32_t count;            /* with values[0] */
};
struct field {
    uint16_t tag;   /* from 1; 0 is taken by the sealed part */
    uint8_t type;   /* enum field_type */
    uint8_t format; /* enum text_format */
    uint32_t flags;
    uint32_t offset, size;
    uint32_t name_length;
    const char *name;
    int64_t min, max;       /* numbers: range when max > min; texts: length; lists and maps: count */
    int64_t initial;        /* enum, bool, integer: value before a body is bound */
    uint32_t sees, changes; /* relations (runtime/kind.h); 0: whoever may see / change the entity */
    const struct enumeration *values;
    const struct fields *nested;
    const struct field *element; /* of a list of scalars: its limits; offset and name unused */
    const char *refers;          /* kind name */
    const char *doc;
};
struct fields {
    const char *name; /* of the struct, as the reference shows it: "order_item" */
    uint32_t size;
    uint32_t count;
    const struct field *rows;
};

struct list {
    void *at;
    uint32_t count;
};
#define LIST_OF(element_type) \
    struct {                  \
        element_type *at;     \
        uint32_t count;       \
    }
struct text_pair {
    struct text key, value;
};
/* Adds a zeroed element at the end (the array is copied into the arena when it has to grow); returns it. */
#define LIST_ADD(arena, of)    ((__typeof__((of)->at))list_add((arena), (struct list *)(void *)(of), sizeof *(of)->at))
#define LIST_REMOVE(of, index) list_remove((struct list *)(void *)(of), (index), sizeof *(of)->at)
struct arena;
void *list_add(struct arena *arena, struct list *list, size_t element_size);
void list_remove(struct list *list, uint32_t index, size_t element_size);

/* Row macros. A row whose type is not the member's does not compile (pointer comparison inside sizeof). */
/* clang-format off */
#define FIELD_ROW(S, tag_, member_, T, type_)                                                                         \
    .tag = (tag_), .type = (type_), .name = #member_, .name_length = sizeof #member_ - 1,                              \
    .size = sizeof(((struct S *)0)->member_),                                                                          \
    .offset = (uint32_t)(offsetof(struct S, member_) + 0 * sizeof(&((struct S *)0)->member_ == (T *)0))
/* clang-format on */
#define TEXT(S, tag, member, ...)                                       \
    {                                                                   \
        FIELD_ROW(S, tag, member, struct text, FIELD_TEXT), __VA_ARGS__ \
    }
#define BYTES(S, tag, member, ...)                                       \
    {                                                                    \
        FIELD_ROW(S, tag, member, struct text, FIELD_BYTES), __VA_ARGS__ \
    }
#define BOOL(S, tag, member, ...)                                \
    {                                                            \
        FIELD_ROW(S, tag, member, bool, FIELD_BOOL), __VA_ARGS__ \
    }
#define INTEGER(S, tag, member, ...)                                   \
    {                                                                  \
        FIELD_ROW(S, tag, member, int64_t, FIELD_INTEGER), __VA_ARGS__ \
    }
#define BASIS_POINTS(S, tag, member, ...)                                   \
    {                                                                       \
        FIELD_ROW(S, tag, member, int64_t, FIELD_BASIS_POINTS), __VA_ARGS__ \
    }
#define MONEY(S, tag, member, ...)                                        \
    {                                                                     \
        FIELD_ROW(S, tag, member, struct money, FIELD_MONEY), __VA_ARGS__ \
    }
#define TIME(S, tag, member, ...)                                   \
    {                                                               \
        FIELD_ROW(S, tag, member, int64_t, FIELD_TIME), __VA_ARGS__ \
    }
#define DATE(S, tag, member, ...)                                   \
    {                                                               \
        FIELD_ROW(S, tag, member, int32_t, FIELD_DATE), __VA_ARGS__ \
    }
#define ID(S, tag, member, ...)                                     \
    {                                                               \
        FIELD_ROW(S, tag, member, struct id, FIELD_ID), __VA_ARGS__ \
    }
#define MAP(S, tag, member, ...)                                                 \
    {                                                                            \
        FIELD_LIST_ROW(S, tag, member, struct text_pair, FIELD_MAP), __VA_ARGS__ \
    }
/* ENUM(order, 4, status, &order_statuses, …): any 4-byte enum type. */
/* clang-format off */
#define ENUM(S, tag_, member_, values_, ...)                                                                          \
    { .tag = (tag_), .type = FIELD_ENUM, .name = #member_, .name_length = sizeof #member_ - 1,                         \
      .size = sizeof(((struct S *)0)->member_), .values = (values_),                                                   \
      .offset = (uint32_t)(offsetof(struct S, member_) + 0 * sizeof(char[sizeof(((struct S *)0)->member_) == 4 ? 1 : -1])), __VA_ARGS__ }
/* clang-format on */
/* STRUCT(user, 5, profile, struct profile, &profile_fields, …) */
/* clang-format off */
#define STRUCT(S, tag, member, T, nested_, ...)                                                                       \
    { FIELD_ROW(S, tag, member, T, FIELD_STRUCT), .nested = (nested_), __VA_ARGS__ }
#define FIELD_LIST_ROW(S, tag_, member_, T, type_)                                                                    \
    .tag = (tag_), .type = (type_), .name = #member_, .name_length = sizeof #member_ - 1,                              \
    .size = sizeof(((struct S *)0)->member_),                                                                          \
    .offset = (uint32_t)(offsetof(struct S, member_) + 0 * sizeof(((struct S *)0)->member_.at == (T *)0))
/* clang-format on */
/* LIST(order, 6, items, struct order_item, &order_item_fields, .max = 50, …) */
/* clang-format off */
#define LIST(S, tag, member, T, nested_, ...)                                                                         \
    { FIELD_LIST_ROW(S, tag, member, T, FIELD_LIST), .nested = (nested_), __VA_ARGS__ }
/* clang-format on */
/* SCALARS(product, 7, tags, struct text, &tag_element, .max = 20, …) with
   static const struct field tag_element = ELEMENT(FIELD_TEXT, struct text, .max = 40); */
/* clang-format off */
#define SCALARS(S, tag, member, T, element_, ...)                                                                     \
    { FIELD_LIST_ROW(S, tag, member, T, FIELD_LIST), .element = (element_), __VA_ARGS__ }
/* clang-format on */
#define ELEMENT(type_, T, ...)                                             \
    {                                                                      \
        .type = (type_), .size = sizeof(T), .name = "element", __VA_ARGS__ \
    }
/* static const struct fields order_fields = FIELDS("order", struct order, order_rows); */
#define FIELDS(name_, T, rows_)                                                                          \
    {                                                                                                    \
        .name = (name_), .size = sizeof(T), .count = sizeof(rows_) / sizeof((rows_)[0]), .rows = (rows_) \
    }
#define ENUMERATION(name_, values_)                                                           \
    {                                                                                         \
        .name = (name_), .values = (values_), .count = sizeof(values_) / sizeof((values_)[0]) \
    }

const struct field *field_by_name(const struct fields *fields, struct text name);
const struct field *field_by_tag(const struct fields *fields, uint16_t tag);
struct text enum_name(const struct enumeration *values, uint32_t value); /* absent for 0 and unknown */
uint32_t enum_value(const struct enumeration *values, struct text name); /* 0 when unknown */
/* True when a field of this mask of relations may be seen: no `sees`, or a common bit; SECRET never. */
static inline bool field_visible(const struct field *field, uint32_t relations)
{
    return !(field->flags & SECRET) && (!field->sees || (field->sees & relations));
}
/* Start-up proof of a table and all it nests: every byte of the struct covered by exactly one row but for alignment gaps
   (`head` first bytes belong to a table proved elsewhere), tags ascending and unique, limits sane, enum values named,
   docs present. Calls report for each fault; returns the number of faults. */
uint32_t fields_prove(const struct fields *fields, void (*report)(void *context, const char *where, const char *fault),
                      void *context);
