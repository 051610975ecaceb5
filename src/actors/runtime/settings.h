/* Every setting that behaviour depends on, with default and reason. The configuration file overrides them by name. */
#pragma once
#include "base/time.h"

struct setting {
    const char *name;
    int64_t value;
    const char *doc;
};
/* clang-format off */
#define SETTING_LIST(ROW)                                                                                            \
    ROW("auth.access_token_life",      MINUTES(15), "ms an access token lives")                                      \
    ROW("auth.refresh_token_life",     DAYS(30),    "ms a refresh token lives")                                      \
    ROW("auth.verification_life",      HOURS(24),   "ms an e-mail verification token lives")                         \
    ROW("auth.lock_after",             5,           "failed logins from one address that lock it for the account")  \
    ROW("auth.lock_time",              MINUTES(15), "ms such a lock lasts")                                          \
    ROW("auth.pending_life",           DAYS(7),     "ms until an unverified registration is erased")                 \
    ROW("auth.deleted_life",           DAYS(30),    "ms until a deleted account is erased")                          \
    ROW("orders.hold",                 MINUTES(15), "ms stock is held for a pending order")                          \
    ROW("orders.payment_wait",         SECONDS(10), "ms a request waits for the payment's answer before 202")        \
    ROW("orders.open_max",             100,         "pending orders of one customer")                                \
    ROW("promotions.approval_time",    DAYS(14),    "ms until an unanswered approval is a rejection")                \
    ROW("idempotency.life",            HOURS(24),   "ms an idempotency key is remembered")                           \
    ROW("payment.attempt_time",        SECONDS(30), "ms without answer after which an attempt is unknown")           \
    ROW("rates.default",               600,         "requests a minute of the default rate class; 0: no limit")      \
    ROW("rates.read",                  600,         "reads a minute of one principal or address; 0: no limit")       \
    ROW("rates.write",                 120,         "writes a minute of one principal or address; 0: no limit")      \
    ROW("rates.auth",                  30,          "registrations, logins and refreshes a minute of one address; 0: no limit") \
    ROW("media.files_most",            1000,        "files that a person may have uploaded")                         \
    ROW("media.bytes_most",            104857600,   "bytes that they may have together")                             \
    ROW("checkpoint.interval",         SECONDS(5),  "ms between checkpoints of the tables")
/* clang-format on */

extern const struct setting settings[];
extern const unsigned setting_count;
