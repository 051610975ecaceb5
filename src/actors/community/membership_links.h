/* What a community's file needs of its memberships. */
#pragma once
#include "actors/community/community.h"

/* The creator becomes the owner. */
enum error membership_found(struct tx *tx, const struct community *community);
/* Hands a community over: the other becomes an active member and its owner, the former owner a plain member. */
enum error membership_transfer(struct tx *tx, const struct community *community, struct id user_id);
/* Counts one more or one less live community of its owner. NULL only when pending. */
struct community_counts *community_counts_edit(struct tx *tx, struct id id);
