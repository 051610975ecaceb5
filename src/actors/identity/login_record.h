/* Logins and failed logins, beside the user: they never raise its version. */
#pragma once
#include "actors/identity/identity.h"

/* The record of a user alone, as a private copy; NULL: pending. */
struct login_record *login_record_edit(struct tx *tx, struct id user_id);
/* Is a login from the asker's address held back now, whatever the password? */
bool login_held(struct tx *tx, struct id user_id);
void login_failed(struct tx *tx, struct id user_id);
void login_succeeded(struct tx *tx, struct id user_id);
