/* Every answer that is not a success, once: name, HTTP status, text. Expanded into the enum, the JSON codes and the
   reference. Codes are stable: clients depend on them. */
#pragma once
#include "base/text.h"

/* clang-format off */
#define ERROR_LIST(ROW)                                                                                             \
    /*  name                        status  text                                                              */    \
    ROW(MALFORMED_JSON,             400, "the body is not valid JSON")                                              \
    ROW(VALIDATION_FAILED,          400, "the request has invalid values")                                          \
    ROW(CURRENCY_MISMATCH,          400, "the currency is not the one of this marketplace")                         \
    ROW(INVALID_CURSOR,             400, "the cursor does not belong to this list")                                 \
    ROW(INVALID_TOKEN,              400, "the token is unknown, used or expired")                                   \
    ROW(BAD_REQUEST,                400, "the request is malformed")                                                \
    ROW(UNAUTHORIZED,               401, "a valid access token is needed")                                          \
    ROW(INVALID_CREDENTIALS,        401, "the e-mail or the password is wrong")                                     \
    ROW(PAYMENT_DECLINED,           402, "the payment was declined")                                                \
    ROW(FORBIDDEN,                  403, "you may not do this")                                                     \
    ROW(BANNED,                     403, "you are banned here")                                                     \
    ROW(EMAIL_NOT_VERIFIED,         403, "verify your e-mail first")                                                \
    ROW(ACCOUNT_SUSPENDED,          403, "the account is suspended")                                                \
    ROW(TENANT_SUSPENDED,           403, "this marketplace is suspended")                                           \
    ROW(NOT_FOUND,                  404, "there is no such thing, or it is not yours to see")                       \
    ROW(METHOD_NOT_ALLOWED,         405, "the method is not allowed here")                                          \
    ROW(REQUEST_TIMEOUT,            408, "the request took too long to arrive")                                     \
    ROW(INVALID_TRANSITION,         409, "the state does not allow this")                                           \
    ROW(CONFLICT,                   409, "the state does not allow this")                                           \
    ROW(ALREADY_EXISTS,             409, "it exists already")                                                       \
    ROW(EMAIL_TAKEN,                409, "the e-mail is taken")                                                     \
    ROW(SLUG_TAKEN,                 409, "the slug is taken")                                                       \
    ROW(SKU_TAKEN,                  409, "the SKU is taken")                                                        \
    ROW(NAME_TAKEN,                 409, "the name is taken")                                                       \
    ROW(INCOMPLETE,                 409, "something is still missing")                                              \
    ROW(LIMIT_REACHED,              409, "the limit is reached")                                                    \
    ROW(RESTRICTION_UNMET,          409, "a condition of this community is not met")                                \
    ROW(BELOW_RESERVED,             409, "stock cannot go below what is reserved")                                  \
    ROW(IN_PROMOTION,               409, "a promotion names this product")                                          \
    ROW(PRODUCT_UNAVAILABLE,        409, "the product cannot be bought")                                            \
    ROW(CANNOT_SHIP,                409, "the product is not shipped there")                                        \
    ROW(PROMOTION_NOT_APPLICABLE,   409, "the promotion does not apply")                                            \
    ROW(TOTAL_CHANGED,              409, "the total has changed")                                                   \
    ROW(OUT_OF_STOCK,               409, "there is not enough in stock")                                            \
    ROW(LAST_ADMIN,                 409, "the last admin has to stay")                                              \
    ROW(IN_USE,                     409, "it is still needed")                                                      \
    ROW(SUPPLIER_NOT_VERIFIED,      409, "the supplier is not verified")                                            \
    ROW(IDEMPOTENCY_IN_FLIGHT,      409, "the first request with this key is not decided yet")                      \
    ROW(STALE_VERSION,              412, "it was changed since you read it")                                        \
    ROW(BODY_TOO_LARGE,             413, "the body is too large")                                                   \
    ROW(URI_TOO_LONG,               414, "the request target is too long")                                          \
    ROW(UNSUPPORTED_MEDIA_TYPE,     415, "send application/json")                                                   \
    ROW(EXPECTATION_FAILED,         417, "the expectation is not known")                                            \
    ROW(IDEMPOTENCY_KEY_REUSED,     422, "the idempotency key was used with another body")                          \
    ROW(VERSION_REQUIRED,           428, "send If-Match or version")                                                \
    ROW(RATE_LIMITED,               429, "too many requests")                                                       \
    ROW(TOO_MANY_OPEN_ORDERS,       429, "too many orders wait for payment")                                        \
    ROW(HEAD_TOO_LARGE,             431, "the request head is too large")                                           \
    ROW(INTERNAL_ERROR,             500, "souk failed; nothing was changed")                                        \
    ROW(FRAMING_NOT_SUPPORTED,      501, "this transfer coding or upgrade is not spoken here")                      \
    ROW(OVERLOADED,                 503, "overloaded, try again")                                                   \
    ROW(SEARCH_NOT_READY,           503, "the search index is being built, try again")                              \
    ROW(STOPPING,                   503, "the server is stopping")                                                  \
    ROW(HTTP_VERSION_NOT_SUPPORTED, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here")                              \
    ROW(DISK_FULL,                  507, "the disk reserve is reached")
/* clang-format on */

enum error {
    OK = 0,
#define ERROR_ENUM_ROW(name, status, text) ERROR_##name,
    ERROR_LIST(ERROR_ENUM_ROW)
#undef ERROR_ENUM_ROW
        ERROR_COUNT
};

uint16_t error_status(enum error error);
const char *error_code(enum error error); /* "out_of_stock" */
const char *error_text(enum error error);
