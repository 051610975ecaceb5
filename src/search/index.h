/* The index of words: SQLite's FTS5 in memory, behind the port of actors/runtime/search.h. */
#pragma once
#include "actors/runtime/search.h"

/* `memory_most`: bytes that the index may hold; entities beyond that are left out, counted and logged. NULL and a
   sentence in `problem` when this SQLite lacks FTS5. */
struct search *search_index_open(size_t memory_most, char problem[256]);
