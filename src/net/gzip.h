/* Answers made smaller for those who ask (RFC 9110 8.4.1, 12.5.3). One of a loop, used by its thread alone.

   What was compressed is kept for the next who is answered the same bytes: a public page is compressed once, not once a reader. */
#pragma once
#include "base/text.h"
#include <stddef.h>
#include <stdint.h>

struct gzip;
struct gzip *gzip_create(size_t kept_bytes);
void gzip_destroy(struct gzip *gzip);
/* The bytes as gzip, absent when that saves too little. They are there until the next call. */
struct text gzip_pack(struct gzip *gzip, struct text bytes);
uint64_t gzip_reused(const struct gzip *gzip); /* how many calls were answered with what was kept */
/* Whether an Accept-Encoding asks for it. */
bool gzip_is_accepted(struct text accept_encoding);
/* Whether a type is worth it: text and JSON are, images are not. */
bool gzip_is_for(struct text content_type);
