/* The list of read models. */
#include "actors/views/views.h"

/* clang-format off */
const struct kind *const views_kinds[] = {&feed_item_kind, &supplier_card_kind, &order_summary_kind, &revenue_day_kind,
                                          &lifecycle_day_kind, &funnel_day_kind, &approval_item_kind, &overview_kind, &order_day_kind, NULL};
const struct follower *const views_followers[] = {&feed_items_follower, &supplier_cards_follower, &order_summaries_follower,
                                                  &order_statistics_follower, &revenue_follower, &lifecycle_follower,
                                                  &funnel_follower, &approval_items_follower, &overview_follower, NULL};
/* clang-format on */
