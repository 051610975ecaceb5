/* A small registry for the tests of the net: a kind with the usual commands, and the platform's. */
#pragma once
#include "actors/runtime/request.h"
#include <stddef.h>

struct note {
    struct entity entity;
    struct text title, text;
    int64_t stars;
    struct {
        struct text name;
        int64_t size;
    } paper;
};
struct note_move {
    struct text to;
};
struct note_query {
    struct text color;
    bool open;
};
struct note_paper {
    struct text name;
    int64_t size;
};

/* clang-format off */
static const struct field note_paper_rows[] = {
    TEXT(note_paper, 1, name, .flags = REQUIRED, .max = 10, .doc = "name"),
    INTEGER(note_paper, 2, size, .min = 1, .max = 9, .doc = "size"),
};
/* clang-format on */
static const struct fields note_paper_fields = FIELDS("note_paper", struct note_paper, note_paper_rows);
/* clang-format off */
static const struct field note_rows[] = {
    { .tag = 1, .type = FIELD_STRUCT, .name = "entity", .offset = offsetof(struct note, entity), .size = sizeof(struct entity),
      .nested = &entity_fields, .flags = READ_ONLY, .doc = "id, version, status and times" },
    TEXT(note, 2, title, .flags = REQUIRED, .max = 20, .doc = "title"),
    TEXT(note, 3, text, .max = 100, .format = FORMAT_LONG, .doc = "text"),
    INTEGER(note, 4, stars, .min = 0, .max = 5, .doc = "stars"),
    { .tag = 5, .type = FIELD_STRUCT, .name = "paper", .offset = offsetof(struct note, paper), .size = sizeof(struct note_paper),
      .nested = &note_paper_fields, .doc = "paper" },
};
/* clang-format on */
static const struct fields note_fields = FIELDS("note", struct note, note_rows);
static const struct field note_move_rows[] = {TEXT(note_move, 1, to, .flags = REQUIRED, .max = 20, .doc = "where to")};
static const struct fields note_move_fields = FIELDS("note_move", struct note_move, note_move_rows);
/* clang-format off */
static const struct field note_query_rows[] = {
    TEXT(note_query, 1, color, .max = 10, .doc = "color"),
    BOOL(note_query, 2, open, .doc = "open ones"),
};
/* clang-format on */
static const struct fields note_query_fields = FIELDS("note_query", struct note_query, note_query_rows);

/* clang-format off */
static const struct command note_commands[] = {
    { "create", "POST", "/notes", .action = ACTION_CREATE, .who = USER },
    { "list", "GET", "/notes", .action = ACTION_LIST, .who = ANYONE, .query = &note_query_fields },
    { "mine", "GET", "/notes/mine", .action = ACTION_CALL, .who = USER },
    { "read", "GET", "/notes/{id}", .action = ACTION_READ, .who = ANYONE },
    { "patch", "PATCH", "/notes/{id}", .action = ACTION_PATCH, .who = USER },
    { "delete", "DELETE", "/notes/{id}", .action = ACTION_COMMAND, .who = USER },
    { "move", "POST", "/notes/{id}/move", "/moves/{id}", .action = ACTION_COMMAND, .who = USER, .body = &note_move_fields },
    { "pin", "PUT", "/notes/{id}/pins/{pin}", .action = ACTION_UPSERT, .who = USER },
    { "expire", .action = ACTION_COMMAND, .who = SYSTEM },
    { 0 },
};
/* clang-format on */
static const struct kind note_kind = {
    .number = 1, .name = "note", .plural = "notes", .fields = &note_fields, .commands = note_commands};
/* clang-format off */
static const struct command platform_commands[] = {
    { "health", "GET", "//healthz", .action = ACTION_CALL, .who = ANYONE },
    { "tenants", "POST", "//api/admin/tenants", .action = ACTION_CALL, .who = OPERATOR },
    { 0 },
};
/* clang-format on */
static const struct kind platform_kind = {
    .number = 2, .name = "platform", .plural = "platforms", .fields = &note_fields, .commands = platform_commands};
static const struct kind *const sample_kinds[] = {&note_kind, &platform_kind, NULL};
static const struct registry sample_registry = {.kinds = sample_kinds};
