/* The list of errors, expanded. Every error has a status from 200 up and a code in lower case. */
#include "base/errors.h"
#include "base/check.h"
#include <pthread.h>

struct error_row {
    uint16_t status;
    const char *name, *text, *next;
};

/* clang-format off */
static const struct error_row rows[ERROR_COUNT] = {
    [OK] = {200, "OK", "done", ""},
#define ERROR_TABLE_ROW(name, status, text, next) [ERROR_##name] = {(status), #name, (text), (next)},
    ERROR_LIST(ERROR_TABLE_ROW)
#undef ERROR_TABLE_ROW
};
/* clang-format on */

/* The codes, made once from the names, since the preprocessor cannot lower a letter. */
enum { CODE_SIZE = 32 };
static char codes[ERROR_COUNT][CODE_SIZE];

#define ERROR_SIZE_ROW(name, status, text, next) _Static_assert(sizeof #name <= CODE_SIZE, "a code is too long");
ERROR_LIST(ERROR_SIZE_ROW)
#undef ERROR_SIZE_ROW

static void codes_make(void)
{
    for (int error = 0; error < ERROR_COUNT; error++)
        for (int i = 0; rows[error].name[i]; i++)
            codes[error][i] = letter_small(rows[error].name[i]);
}

static const struct error_row *row_of(enum error error)
{
    CHECK((unsigned)error < ERROR_COUNT);
    return &rows[error];
}

uint16_t error_status(enum error error)
{
    return row_of(error)->status;
}

const char *error_code(enum error error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, codes_make);
    CHECK((unsigned)error < ERROR_COUNT);
    return codes[error];
}

const char *error_text(enum error error)
{
    return row_of(error)->text;
}

const char *error_next(enum error error)
{
    return row_of(error)->next;
}

/* clang-format off */
const struct detail_code detail_codes[] = {
    { "required",            "it is missing" },
    { "unknown_field",       "there is no such member or parameter; a misspelt one is not lost silently" },
    { "wrong_type",          "another JSON type is wanted" },
    { "bad_format",          "it has not the form that the sentence says" },
    { "not_one_of",          "it is none of the values that are allowed" },
    { "too_small",           "below the least value" },
    { "too_large",           "above the greatest value" },
    { "too_short",           "too few characters or bytes" },
    { "too_long",            "too many characters or bytes" },
    { "too_few",             "too few elements" },
    { "too_many",            "too many elements" },
    { "duplicate",           "it is there twice" },
    { "not_found",           "what it names is not there" },
    { "not_allowed",         "not by this asker, or not in this combination" },
    { "read_only",           "the server sets it" },
    { "incomplete",          "a part of it is missing" },
    { "not_private",         "the file is public, and only a private one will do" },
    { "birth_date_missing",  "the community asks for it" },
    { "too_young",           "below the age of the community" },
    { "country_missing",     "the community asks for it" },
    { "country_not_allowed", "the community is for other countries" },
    { "community_full",      "it has as many members as it may" },
    { "cancellable",         "this item can be cancelled alone" },
    { NULL },
};
/* clang-format on */
