/* The area's lists, and who asks. */
#include "actors/identity/identity.h"
#include "actors/identity/address.h"
#include "actors/identity/block.h"
#include "actors/identity/follow.h"
#include "actors/identity/mail.h"
#include "actors/identity/user_views.h"

/* clang-format off */
const struct kind *const identity_kinds[] = {&tenant_kind,          &user_kind,      &session_kind,     &login_record_kind,
                                             &user_statistics_kind, &user_card_kind, &email_token_kind, &admin_count_kind,
                                             &address_kind,         &address_book_kind, &follow_kind,
                                             &block_kind,           NULL};
const struct follower *const identity_followers[] = {&user_statistics_follower, &user_cards_follower,
                                                     &follow_counts_follower, &block_counts_follower, NULL};
/* clang-format on */
const struct effect_class *const identity_effects[] = {&mail_effect, NULL};

const struct user *principal_user(struct tx *tx)
{
    return tx->principal.kind == PRINCIPAL_USER ? load(tx, &user_kind, tx->principal.user) : NULL;
}

bool user_is_active(const struct user *user)
{
    return user->entity.status == USER_ACTIVE;
}
