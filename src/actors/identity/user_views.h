/* The followers that keep user_card and user_statistics. */
#pragma once
#include "actors/identity/identity.h"

extern const struct follower user_cards_follower, user_statistics_follower;
