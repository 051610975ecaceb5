/* The events of a marketplace as its staff reads them. */
#pragma once
#include "actors/runtime/tx.h"

extern const struct fields events_query_fields;
enum error events_page(struct tx *tx);
