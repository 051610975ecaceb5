/* Access tokens. A token has one canonical form: header and claims are written by one function each, with members in a
   fixed order and no blanks, and whatever reads otherwise is refused. The algorithm is fixed here; the header of a token
   is compared with the one that its key writes, never obeyed (RFC 8725, section 3.1). */
#include "base/token.h"
#include "base/buffer.h"
#include "base/check.h"
#include <sodium.h>
#include <string.h>

enum {
    BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
    LEEWAY_S = 60,
    TAG_SIZE = crypto_auth_hmacsha256_BYTES,
    TAG_TEXT_SIZE = 43, /* 32 bytes in base64url */
    HEADER_MOST = 64,   /* before encoding, as the next one */
    CLAIMS_MOST = 256,
    TOKEN_MOST = 512,
};
#define ENCODED_SIZE(bytes) (((bytes)*4 + 2) / 3 + 1) /* with the terminating zero */

_Static_assert(ENCODED_SIZE(HEADER_MOST) + ENCODED_SIZE(CLAIMS_MOST) + TAG_TEXT_SIZE <= TOKEN_MOST,
               "what is issued is read");

/* ---- base64url ---- */

struct text base64url_encode(struct arena *arena, struct text bytes)
{
    size_t size = sodium_base64_encoded_len(bytes.length, BASE64);
    char *out = arena_alloc(arena, size);
    sodium_bin2base64(out, size, (const uint8_t *)bytes.data, bytes.length, BASE64);
    return (struct text){out, (uint32_t)size - 1};
}

/* The value of each letter, plus one; zero is no letter. */
/* clang-format off */
static const uint8_t letter_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};
/* clang-format on */

/* No padding, no other letters, no set bits past the last byte: each value has one text. Not sodium_base642bin, which where
   char is signed takes every byte from 0x80 up for '_' (seen in 1.0.18): a signature would have several texts. */
static bool decode(struct text encoded, char *out, size_t capacity, size_t *length)
{
    size_t tail = encoded.length % 4, size = (size_t)encoded.length * 3 / 4;
    if (!encoded.data || tail == 1 || size > capacity) return false;
    uint32_t bits = 0, held = 0;
    for (uint32_t i = 0; i < encoded.length; i++) {
        uint32_t value = letter_values[(uint8_t)encoded.data[i]];
        if (!value) return false;
        bits = bits << 6 | (value - 1);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        *out++ = (char)(bits >> held);
    }
    *length = size;
    return (bits & ((1u << held) - 1)) == 0;
}

bool base64url_decode(struct arena *arena, struct text encoded, struct text *bytes)
{
    size_t capacity = (size_t)encoded.length * 3 / 4, length;
    char *out = arena_alloc(arena, capacity);
    if (!decode(encoded, out, capacity, &length)) return false;
    *bytes = (struct text){out, (uint32_t)length};
    return true;
}

/* ---- header and claims ---- */

static bool key_id_is_plain(const struct token_key *key)
{
    size_t length = strnlen(key->id, sizeof key->id);
    for (size_t i = 0; i < length; i++) {
        char letter = key->id[i];
        if (!letter_values[(uint8_t)letter]) return false; /* the letters of base64url need no escape in JSON */
    }
    return length > 0 && length < sizeof key->id;
}

/* A buffer on the stack: what is written is known to fit, so it never grows. */
static struct buffer buffer_over(char *data, size_t capacity)
{
    return (struct buffer){.data = data, .capacity = capacity};
}

#define HEADER_START "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\""
#define HEADER_END   "\"}"
_Static_assert(sizeof HEADER_START HEADER_END + sizeof((struct token_key *)0)->id <= HEADER_MOST,
               "the longest header fits");

static void header_write(struct buffer *out, const struct token_key *key)
{
    buffer_text(out, LITERAL(HEADER_START));
    buffer_string(out, key->id);
    buffer_text(out, LITERAL(HEADER_END));
}

#define CLAIMS_START   "{\"iss\":\"souk\",\"aud\":\"souk\",\"tid\":\""
#define CLAIMS_USER    "\",\"sub\":\""
#define CLAIMS_SESSION "\",\"sid\":\""
#define CLAIMS_ISSUED  "\",\"iat\":"
#define CLAIMS_EXPIRES ",\"exp\":"
#define CLAIMS_END     "}"

enum { INTEGER_MOST = 20 };
_Static_assert(sizeof CLAIMS_START CLAIMS_USER CLAIMS_SESSION CLAIMS_ISSUED CLAIMS_EXPIRES CLAIMS_END +
                       (size_t)3 * ID_TEXT_LENGTH + (size_t)2 * INTEGER_MOST <=
                   CLAIMS_MOST,
               "the longest claims fit");

static void buffer_id(struct buffer *out, struct id id)
{
    id_format(id, buffer_reserve(out, ID_TEXT_LENGTH + 1));
    out->length += ID_TEXT_LENGTH;
}

static void claims_write(struct buffer *out, const struct token_claims *claims)
{
    buffer_text(out, LITERAL(CLAIMS_START));
    buffer_id(out, claims->tenant);
    buffer_text(out, LITERAL(CLAIMS_USER));
    buffer_id(out, claims->user);
    buffer_text(out, LITERAL(CLAIMS_SESSION));
    buffer_id(out, claims->session);
    buffer_text(out, LITERAL(CLAIMS_ISSUED));
    buffer_integer(out, claims->issued_s);
    buffer_text(out, LITERAL(CLAIMS_EXPIRES));
    buffer_integer(out, claims->expires_s);
    buffer_text(out, LITERAL(CLAIMS_END));
}

/* ---- issuing ---- */

static void buffer_base64url(struct buffer *out, const void *bytes, size_t length)
{
    size_t size = sodium_base64_encoded_len(length, BASE64);
    sodium_bin2base64(buffer_reserve(out, size), size, bytes, length, BASE64);
    out->length += size - 1;
}

struct text token_issue(struct arena *arena, const struct token_key *key, const struct token_claims *claims)
{
    CHECK(key_id_is_plain(key));
    char header_bytes[HEADER_MOST], claims_bytes[CLAIMS_MOST];
    struct buffer header = buffer_over(header_bytes, sizeof header_bytes);
    struct buffer body = buffer_over(claims_bytes, sizeof claims_bytes);
    header_write(&header, key);
    claims_write(&body, claims);

    struct buffer token = {.arena = arena};
    uint8_t tag[TAG_SIZE];
    buffer_reserve(&token, TOKEN_MOST);
    buffer_base64url(&token, header.data, header.length);
    buffer_byte(&token, '.');
    buffer_base64url(&token, body.data, body.length);
    crypto_auth_hmacsha256(tag, (const uint8_t *)token.data, token.length, key->secret);
    buffer_byte(&token, '.');
    buffer_base64url(&token, tag, sizeof tag);
    return buffer_as_text(&token);
}

/* ---- verifying ---- */

static const struct token_key *key_of_header(const struct token_key *keys, uint32_t key_count, struct text encoded)
{
    char given[HEADER_MOST], expected_bytes[HEADER_MOST];
    size_t length;
    if (!decode(encoded, given, sizeof given, &length)) return NULL;
    for (uint32_t i = 0; i < key_count; i++) {
        if (!key_id_is_plain(&keys[i])) continue;
        struct buffer expected = buffer_over(expected_bytes, sizeof expected_bytes);
        header_write(&expected, &keys[i]);
        if (text_equal(buffer_as_text(&expected), (struct text){given, (uint32_t)length})) return &keys[i];
    }
    return NULL;
}

static bool tag_matches(const struct token_key *key, struct text signed_part, struct text encoded_tag)
{
    char given[TAG_SIZE];
    uint8_t expected[TAG_SIZE];
    size_t length;
    if (!decode(encoded_tag, given, sizeof given, &length) || length != TAG_SIZE) return false;
    crypto_auth_hmacsha256(expected, (const uint8_t *)signed_part.data, signed_part.length, key->secret);
    return sodium_memcmp(given, expected, TAG_SIZE) == 0;
}

static bool take(struct text *rest, const char *expected)
{
    if (!text_starts_with(*rest, expected)) return false;
    uint32_t length = (uint32_t)strlen(expected);
    *rest = (struct text){rest->data + length, rest->length - length};
    return true;
}

static bool take_id(struct text *rest, struct id *id)
{
    if (rest->length < ID_TEXT_LENGTH || !id_parse((struct text){rest->data, ID_TEXT_LENGTH}, id)) return false;
    *rest = (struct text){rest->data + ID_TEXT_LENGTH, rest->length - ID_TEXT_LENGTH};
    return true;
}

static bool take_integer(struct text *rest, int64_t *value)
{
    uint32_t length = 0;
    while (length < rest->length && rest->data[length] != ',' && rest->data[length] != '}')
        length++;
    if (!text_to_integer((struct text){rest->data, length}, value)) return false;
    *rest = (struct text){rest->data + length, rest->length - length};
    return true;
}

/* Reads the canonical form, and writes it again to refuse what means the same but is not it (capital digits, say). */
static bool claims_read(struct text encoded, struct token_claims *claims)
{
    char bytes[CLAIMS_MOST], again_bytes[CLAIMS_MOST];
    size_t length;
    if (!decode(encoded, bytes, sizeof bytes, &length)) return false;
    struct text whole = {bytes, (uint32_t)length}, rest = whole;
    bool read = take(&rest, CLAIMS_START) && take_id(&rest, &claims->tenant) && take(&rest, CLAIMS_USER) &&
                take_id(&rest, &claims->user) && take(&rest, CLAIMS_SESSION) && take_id(&rest, &claims->session) &&
                take(&rest, CLAIMS_ISSUED) && take_integer(&rest, &claims->issued_s) && take(&rest, CLAIMS_EXPIRES) &&
                take_integer(&rest, &claims->expires_s) && take(&rest, CLAIMS_END) && !rest.length;
    if (!read) return false;
    struct buffer again = buffer_over(again_bytes, sizeof again_bytes);
    claims_write(&again, claims);
    return text_equal(buffer_as_text(&again), whole);
}

bool token_verify(const struct token_key *keys, uint32_t key_count, struct text token, int64_t now_s,
                  struct token_claims *claims)
{
    if (!token.data || token.length > TOKEN_MOST) return false;
    struct text tag = token;
    struct text header = text_split(&tag, '.');
    struct text body = text_split(&tag, '.'); /* a further dot is left in the tag, and no letter of it */
    const struct token_key *key = key_of_header(keys, key_count, header);
    struct text signed_part = {token.data, header.length + 1 + body.length};
    if (!key || !tag_matches(key, signed_part, tag)) return false;

    struct token_claims read;
    if (!claims_read(body, &read)) return false;
    if (read.issued_s < 0 || read.issued_s - LEEWAY_S > now_s || read.expires_s <= now_s) return false;
    *claims = read;
    return true;
}
