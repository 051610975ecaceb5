/* What the fuzz targets share. A target is one file fuzz_<name>.c with an entry of libFuzzer's form, so that libFuzzer can
   drive it (`make fuzz`), and so can replay.c, where clang is missing (`tests/run fuzz`).

   A target is more than "it does not crash": it says what must hold of every input, with MUST. */
#pragma once
#include "base/buffer.h"
#include "schema/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define MUST(condition, ...) ((condition) ? (void)0 : fuzz_broken(#condition, __FILE__, __LINE__, __VA_ARGS__))
_Noreturn void fuzz_broken(const char *condition, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Inputs that a target makes from the tables, so that a new command has one without a file. */
struct fuzz_seeds {
    void (*add)(struct fuzz_seeds *seeds, struct text bytes);
};
void fuzz_seeds(struct fuzz_seeds *seeds);
void fuzz_seed(struct fuzz_seeds *seeds, struct buffer *bytes); /* adds and empties */

/* An input is taken apart from its front. What is missing reads as zero. */
struct input {
    const uint8_t *at;
    size_t left;
};
uint8_t input_byte(struct input *input);
uint32_t input_16(struct input *input);
struct text input_take(struct input *input, size_t length); /* at most what is left */
struct text input_rest(struct input *input);
/* A copy on the heap of its very length, so that a read past its end is seen; given back with free. */
char *fuzz_copy(struct text bytes);

struct registry;
/* The registry of a server, made once. */
const struct registry *fuzz_registry(void);

/* Every table of the registry that something outside is bound by or restored by. */
enum table_use { TABLE_CREATE, TABLE_PATCH, TABLE_BODY, TABLE_QUERY, TABLE_STATE };
struct table {
    char name[80]; /* "order.create", "order" for states */
    enum table_use use;
    bool takes_version;
    const struct fields *fields;
    uint32_t hash; /* 16 bits of the name, which choose it in an input, so that corpora outlive new commands */
};
/* Those whose use is in the mask of bits. */
const struct table *fuzz_tables(uint32_t uses, uint32_t *count);
/* By the hash, or else by the remainder. */
const struct table *fuzz_table(const struct table *tables, uint32_t count, uint32_t chosen);
/* A body that the table takes, every member given. */
void fuzz_sample(struct buffer *out, const struct fields *fields, enum table_use use);
void fuzz_sample_query(struct buffer *out, const struct fields *fields);
/* The members a client may set, as JSON that binds to the same value again. */
void fuzz_render(struct buffer *out, const struct fields *fields, const void *value, enum table_use use);
