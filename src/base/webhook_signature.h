/* Signatures of the Standard Webhooks specification, symmetric scheme v1: HMAC-SHA-256 of "<id>.<timestamp>.<body>", in base64. */
#pragma once
#include "base/arena.h"

enum { WEBHOOK_SECRET_SIZE = 32 };
/* "whsec_" and base64, as a secret is shown to people. */
struct text webhook_secret_text(struct arena *arena, struct text secret);
/* "v1,<base64>". The id holds no full stop. */
struct text webhook_signature(struct arena *arena, struct text secret, struct text id, int64_t time_s,
                              struct text body);
