/* The list of errors, expanded. Every error has a status from 200 up and a code in lower case. */
#include "base/errors.h"
#include "base/check.h"
#include <pthread.h>

struct error_row {
    uint16_t status;
    const char *name, *text;
};

/* clang-format off */
static const struct error_row rows[ERROR_COUNT] = {
    [OK] = {200, "OK", "done"},
#define ERROR_TABLE_ROW(name, status, text) [ERROR_##name] = {(status), #name, (text)},
    ERROR_LIST(ERROR_TABLE_ROW)
#undef ERROR_TABLE_ROW
};
/* clang-format on */

/* The codes, made once from the names, since the preprocessor cannot lower a letter. */
enum { CODE_SIZE = 32 };
static char codes[ERROR_COUNT][CODE_SIZE];

#define ERROR_SIZE_ROW(name, status, text) _Static_assert(sizeof #name <= CODE_SIZE, "a code is too long");
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
