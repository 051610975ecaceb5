/* Files that people upload: pictures for everybody, and pictures or documents that stay private. */
#pragma once
#include "actors/runtime/tx.h"

enum media_status { MEDIA_STORED = 1, MEDIA_DELETED };
enum media_type { MEDIA_PNG = 1, MEDIA_JPEG, MEDIA_GIF, MEDIA_WEBP, MEDIA_PDF };
enum media_visibility { MEDIA_PUBLIC = 1, MEDIA_PRIVATE };

struct media {
    struct entity entity;
    struct id user_id;
    enum media_type type;
    enum media_visibility visibility;
    int64_t size;
    struct text hash, url;
    LIST_OF(struct id) suppliers; /* whose documents it is: their owners may read it */
};

extern const struct kind media_kind, media_content_kind, media_usage_kind;

/* What the bytes are, by their first ones; 0: none of the types that are taken. */
enum media_type media_sniff(struct text bytes);
/* The asker's private file becomes a document of the supplier; refuses another's, a public or an unknown one with a detail
   for `media_id`. The asker may be of the team that has it already. */
enum error media_attach(struct tx *tx, struct text media_id, struct id supplier_id);
/* It is a document of the supplier no more. */
void media_detach(struct tx *tx, struct text media_id, struct id supplier_id);
