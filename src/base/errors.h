/* Every answer that is not a success, once: name, HTTP status, text, and what its receiver does next. Expanded into the
   enum, the JSON codes and the reference. Codes are stable: clients depend on them. */
#pragma once
#include "base/text.h"

/* clang-format off */
#define ERROR_LIST(ROW)                                                                                             \
    /*  name                        status  text, and below it what to do next                              */      \
    ROW(MALFORMED_JSON,             400, "the body is not valid JSON",                                              \
        "send one JSON value in UTF-8; the sentence says where it breaks off")                                      \
    ROW(VALIDATION_FAILED,          400, "the request has invalid values",                                          \
        "correct every path that `details` names; all of them are told at once")                                    \
    ROW(CURRENCY_MISMATCH,          400, "the currency is not the one of this marketplace",                         \
        "send the currency of the marketplace: that of its products' prices")                                       \
    ROW(INVALID_CURSOR,             400, "the cursor does not belong to this list",                                 \
        "begin again without `cursor`; a cursor serves the list, order and filters that gave it")                   \
    ROW(INVALID_TOKEN,              400, "the token is unknown, used or expired",                                   \
        "ask for a new one: `POST /auth/resend-verification`, `/auth/forgot-password`; a refresh token that was used before means to log in again") \
    ROW(BAD_REQUEST,                400, "the request is malformed",                                                \
        "correct what the sentence names: path, query, header or framing")                                          \
    ROW(UNAUTHORIZED,               401, "a valid access token is needed",                                          \
        "log in or refresh, and send `Authorization: Bearer` with the new access token to the marketplace that gave it") \
    ROW(INVALID_CREDENTIALS,        401, "the e-mail or the password is wrong",                                     \
        "ask the person again; after a few failures the account is locked for this address for a while")            \
    ROW(PAYMENT_DECLINED,           402, "the payment was declined",                                                \
        "ask for another means of payment and order again with a new `Idempotency-Key`; nothing is reserved any more") \
    ROW(FORBIDDEN,                  403, "you may not do this",                                                     \
        "ask somebody whose relation or permission allows it (`x-relations` in the OpenAPI document), or be given the role") \
    ROW(BANNED,                     403, "you are banned here",                                                     \
        "nothing that the banned person can do; the owner or a moderator lifts it with `unban`")                    \
    ROW(EMAIL_NOT_VERIFIED,         403, "verify your e-mail first",                                                \
        "follow the link of the mail (`POST /auth/verify`), or have it sent again")                                 \
    ROW(ACCOUNT_SUSPENDED,          403, "the account is suspended",                                                \
        "the staff of the marketplace decide: `POST /admin/users/{id}/reinstate`")                                  \
    ROW(TENANT_SUSPENDED,           403, "this marketplace is suspended",                                           \
        "the operator decides: `POST /api/admin/tenants/{id}/reinstate`")                                           \
    ROW(NOT_FOUND,                  404, "there is no such thing, or it is not yours to see",                       \
        "check id, slug and marketplace; what you may not see is answered alike")                                   \
    ROW(METHOD_NOT_ALLOWED,         405, "the method is not allowed here",                                          \
        "use one of the methods in `Allow`")                                                                        \
    ROW(REQUEST_TIMEOUT,            408, "the request took too long to arrive",                                     \
        "send it again, whole and without pauses")                                                                  \
    ROW(INVALID_TRANSITION,         409, "the state does not allow this",                                           \
        "read it again: `docs/gen/states.md` has the commands of each state")                                       \
    ROW(CONFLICT,                   409, "the state does not allow this",                                           \
        "read it again; the sentence says what stands against it")                                                  \
    ROW(ALREADY_EXISTS,             409, "it exists already",                                                       \
        "use the one that is there")                                                                                \
    ROW(EMAIL_TAKEN,                409, "the e-mail is taken",                                                     \
        "log in instead, or give another address")                                                                  \
    ROW(SLUG_TAKEN,                 409, "the slug is taken",                                                       \
        "choose another slug")                                                                                      \
    ROW(SKU_TAKEN,                  409, "the SKU is taken",                                                        \
        "choose another SKU; a supplier has each once")                                                             \
    ROW(NAME_TAKEN,                 409, "the name is taken",                                                       \
        "choose another name")                                                                                      \
    ROW(INCOMPLETE,                 409, "something is still missing",                                              \
        "fill in what `details` names, then send the command again")                                                \
    ROW(LIMIT_REACHED,              409, "the limit is reached",                                                    \
        "take something away first; `docs/gen/fields.md` has the limits")                                           \
    ROW(RESTRICTION_UNMET,          409, "a condition of this community is not met",                                \
        "meet the condition that the sentence names, or choose another community")                                  \
    ROW(BELOW_RESERVED,             409, "stock cannot go below what is reserved",                                  \
        "ship or cancel the orders that hold the stock, or set a higher number")                                    \
    ROW(IN_PROMOTION,               409, "a promotion names this product",                                          \
        "cancel the promotion or wait for its end")                                                                 \
    ROW(PRODUCT_UNAVAILABLE,        409, "the product cannot be bought",                                            \
        "leave it out of the order; it is not published, or its supplier does not sell now")                        \
    ROW(CANNOT_SHIP,                409, "the product is not shipped there",                                        \
        "choose another address, or leave the item out")                                                            \
    ROW(PROMOTION_NOT_APPLICABLE,   409, "the promotion does not apply",                                            \
        "order without the promotion, or in the community that shows it")                                           \
    ROW(TOTAL_CHANGED,              409, "the total has changed",                                                   \
        "show the buyer the new total (a dry run quotes it) and order again with that one")                         \
    ROW(OUT_OF_STOCK,               409, "there is not enough in stock",                                            \
        "offer the quantity that `details` says is left")                                                           \
    ROW(LAST_ADMIN,                 409, "the last admin has to stay",                                              \
        "make another admin first")                                                                                 \
    ROW(IN_USE,                     409, "it is still needed",                                                      \
        "remove what needs it first")                                                                               \
    ROW(SUPPLIER_NOT_VERIFIED,      409, "the supplier is not verified",                                            \
        "submit the supplier and wait for the staff to verify it")                                                  \
    ROW(IDEMPOTENCY_IN_FLIGHT,      409, "the first request with this key is not decided yet",                      \
        "send the same request again after `Retry-After`")                                                          \
    ROW(STALE_VERSION,              412, "it was changed since you read it",                                        \
        "read it again, make the change anew, and send it with the version that you read")                          \
    ROW(BODY_TOO_LARGE,             413, "the body is too large",                                                   \
        "send less; a megabyte is the most")                                                                        \
    ROW(URI_TOO_LONG,               414, "the request target is too long",                                          \
        "shorten path and query")                                                                                   \
    ROW(UNSUPPORTED_MEDIA_TYPE,     415, "send application/json",                                                   \
        "send the body as JSON with `Content-Type: application/json`, not compressed")                              \
    ROW(EXPECTATION_FAILED,         417, "the expectation is not known",                                            \
        "leave `Expect` out, or send `100-continue`")                                                               \
    ROW(IDEMPOTENCY_KEY_REUSED,     422, "the idempotency key was used with another body",                          \
        "draw a new key for a new request; repeat one only with the same body")                                     \
    ROW(VERSION_REQUIRED,           428, "send If-Match or version",                                                \
        "read it, and send its version as `If-Match: \"7\"` or as `version` in the body")                           \
    ROW(RATE_LIMITED,               429, "too many requests",                                                       \
        "wait for `Retry-After` seconds; `RateLimit` says how many are left")                                       \
    ROW(TOO_MANY_OPEN_ORDERS,       429, "too many orders wait for payment",                                        \
        "pay or cancel some; what is not paid lapses by itself")                                                    \
    ROW(HEAD_TOO_LARGE,             431, "the request head is too large",                                           \
        "send fewer and shorter headers")                                                                           \
    ROW(INTERNAL_ERROR,             500, "souk failed; nothing was changed",                                        \
        "try again once; if it stays, tell the operator the `request_id`, which the log has too")                   \
    ROW(FRAMING_NOT_SUPPORTED,      501, "this transfer coding or upgrade is not spoken here",                      \
        "send `Content-Length`, or chunked alone; no upgrade")                                                      \
    ROW(OVERLOADED,                 503, "overloaded, try again",                                                   \
        "send it again after `Retry-After`, each time waiting longer")                                              \
    ROW(SEARCH_NOT_READY,           503, "the search index is being built, try again",                              \
        "send it again after `Retry-After`, or list without `q`")                                                   \
    ROW(STOPPING,                   503, "the server is stopping",                                                  \
        "send it again after `Retry-After`; with an `Idempotency-Key` that is safe")                                \
    ROW(HTTP_VERSION_NOT_SUPPORTED, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here",                              \
        "speak HTTP/1.1")                                                                                           \
    ROW(DISK_FULL,                  507, "the disk reserve is reached",                                             \
        "reads go on; the operator makes room, and nothing has to be started again")
/* clang-format on */

enum error {
    OK = 0,
#define ERROR_ENUM_ROW(name, status, text, next) ERROR_##name,
    ERROR_LIST(ERROR_ENUM_ROW)
#undef ERROR_ENUM_ROW
        ERROR_COUNT
};

uint16_t error_status(enum error error);
const char *error_code(enum error error); /* "out_of_stock" */
const char *error_text(enum error error);
const char *error_next(enum error error); /* "offer the quantity that `details` says is left"; of OK "" */

/* What `details` call the problem of one path, beside the codes above. Ended by a row without code. */
struct detail_code {
    const char *code, *meaning;
};
extern const struct detail_code detail_codes[];
