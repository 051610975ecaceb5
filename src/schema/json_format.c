/* The formats of texts. A text that is accepted is valid UTF-8 without control characters (a FORMAT_LONG may have newlines
   and tabs, a FORMAT_PASSWORD anything), within its row's limits and in the one form that its format has. */
#include "base/arena.h"
#include "base/limits.h"
#include "schema/format.h"
#include <string.h>

enum { URL_BYTES_MOST = 2048, EMAIL_BYTES_MOST = 254, EMAIL_LOCAL_MOST = 64, LABEL_MOST = 63 };

/* ---- Characters ------------------------------------------------------------------------------------------------- */

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}
static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static bool is_letter(char c)
{
    return is_lower(c) || is_upper(c);
}
static bool is_alphanumeric(char c)
{
    return is_letter(c) || is_digit(c);
}
static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}
static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Unicode's control characters: U+0000 to U+001F, U+007F to U+009F. */
static bool has_control(struct text text, const char *allowed)
{
    for (uint32_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 && !is_one_of(text.data[i], allowed)) return true;
        if (byte == 0x7F) return true;
        if (byte == 0xC2 && i + 1 < text.length && (unsigned char)text.data[i + 1] < 0xA0) return true;
    }
    return false;
}

static struct text changed_case(struct text text, struct arena *arena, bool upper)
{
    char *copy = arena_copy(arena, text.data, text.length);
    for (uint32_t i = 0; i < text.length; i++) {
        if (upper ? is_lower(copy[i]) : is_upper(copy[i])) copy[i] ^= 0x20;
    }
    return (struct text){copy, text.length};
}

/* ---- Formats ---------------------------------------------------------------------------------------------------- */

static bool plain_ok(struct text text)
{
    return !has_control(text, "");
}

static bool long_ok(struct text text)
{
    return !has_control(text, "\n\t");
}

static bool anything_ok(struct text text)
{
    (void)text;
    return true;
}

enum { SLUG_LEAST = 3, SLUG_MOST = 60 };

static bool slug_ok(struct text text)
{
    for (uint32_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (!is_lower(c) && !is_digit(c) && c != '-') return false;
    }
    return text.length && text.data[0] != '-' && text.data[text.length - 1] != '-';
}

static bool key_ok(struct text text)
{
    for (uint32_t i = 0; i < text.length; i++)
        if (!is_alphanumeric(text.data[i]) && !is_one_of(text.data[i], "_.-")) return false;
    return text.length > 0;
}

/* Labels of letters, digits and inner hyphens, divided by dots (RFC 1123); a dot at the end is not taken. */
static bool host_ok(struct text host, uint32_t labels_least)
{
    uint32_t labels = 0;
    for (struct text rest = host; rest.data; labels++) {
        struct text label = text_split(&rest, '.');
        if (!label.length || label.length > LABEL_MOST) return false;
        if (label.data[0] == '-' || label.data[label.length - 1] == '-') return false;
        for (uint32_t i = 0; i < label.length; i++)
            if (!is_alphanumeric(label.data[i]) && label.data[i] != '-') return false;
    }
    return labels >= labels_least && host.length <= 253;
}

/* A dot-atom (RFC 5322) before the '@', a host with a dot behind it. */
static bool email_ok(struct text text)
{
    struct text domain = text;
    struct text local = text_split(&domain, '@');
    if (!domain.data || text.length > EMAIL_BYTES_MOST || local.length > EMAIL_LOCAL_MOST) return false;
    for (struct text rest = local; rest.data;) {
        struct text atom = text_split(&rest, '.');
        if (!atom.length) return false;
        for (uint32_t i = 0; i < atom.length; i++)
            if (!is_alphanumeric(atom.data[i]) && !is_one_of(atom.data[i], "!#$%&'*+/=?^_`{|}~-")) return false;
    }
    return host_ok(domain, 2);
}

static bool port_ok(struct text port)
{
    int64_t number;
    return port.length <= 5 && text_to_integer(port, &number) && is_digit(port.data[0]) && number > 0 &&
           number <= 65535;
}

/* Host and port, without userinfo: "https://bank.example@evil.example" must not pass for the first of them. */
static bool authority_ok(struct text authority)
{
    struct text port = authority, host;
    if (authority.length && authority.data[0] == '[') {
        const char *close = memchr(authority.data, ']', authority.length);
        if (!close) return false;
        host = (struct text){authority.data + 1, (uint32_t)(close - authority.data) - 1};
        for (uint32_t i = 0; i < host.length; i++)
            if (!is_hex(host.data[i]) && !is_one_of(host.data[i], ":.")) return false;
        port = (struct text){close + 1, authority.length - host.length - 2};
        if (!port.length) return host.length > 1;
        return host.length > 1 && port.data[0] == ':' && port_ok((struct text){port.data + 1, port.length - 1});
    }
    host = text_split(&port, ':');
    return host_ok(host, 1) && (!port.data || port_ok(port));
}

static bool url_ok(struct text text)
{
    static const char SCHEME[] = "https://";
    uint32_t scheme = sizeof SCHEME - 1, end;
    if (text.length <= scheme || text.length > URL_BYTES_MOST) return false;
    for (uint32_t i = 0; i < scheme; i++)
        if ((is_upper(text.data[i]) ? text.data[i] ^ 0x20 : text.data[i]) != SCHEME[i]) return false;
    /* What RFC 3986 knows; everything else has to be percent-encoded. */
    for (uint32_t i = scheme; i < text.length; i++)
        if (!is_alphanumeric(text.data[i]) && !is_one_of(text.data[i], "-._~:/?#[]@!$&'()*+,;=%")) return false;
    for (end = scheme; end < text.length && !is_one_of(text.data[end], "/?#"); end++)
        continue;
    return authority_ok((struct text){text.data + scheme, end - scheme});
}

/* "/api/v1/media/<id>", or the same with the slug of a marketplace: "/api/<slug>/v1/media/<id>". */
static bool upload_ok(struct text text)
{
    static const char API[] = "/api/", MEDIA[] = "v1/media/";
    uint32_t slug = 0, tail = sizeof MEDIA - 1 + ID_TEXT_LENGTH;
    struct id id;
    if (!text_starts_with(text, API)) return false;
    struct text rest = {text.data + sizeof API - 1, text.length - (uint32_t)(sizeof API - 1)};
    if (rest.length > tail && rest.data[rest.length - tail - 1] == '/') slug = rest.length - tail;
    if (slug && !format_is_slug((struct text){rest.data, slug - 1})) return false;
    rest.data += slug, rest.length -= slug;
    if (rest.length != tail || !text_starts_with(rest, MEDIA)) return false;
    return id_parse((struct text){rest.data + sizeof MEDIA - 1, ID_TEXT_LENGTH}, &id);
}

static bool picture_ok(struct text text)
{
    return url_ok(text) || upload_ok(text);
}

/* ISO 3166-1 alpha-2, and XK, which is in use for Kosovo. */
/* clang-format off */
static const char COUNTRIES[] =
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR "
    "GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO "
    "JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR "
    "MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO "
    "RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV "
    "TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW ";
/* clang-format on */

static bool country_ok(struct text text)
{
    if (text.length != 2) return false;
    for (const char *code = COUNTRIES; *code; code += 3)
        if (code[0] == text.data[0] && code[1] == text.data[1]) return true;
    return false;
}

bool format_is_slug(struct text text)
{
    return text.length >= SLUG_LEAST && text.length <= SLUG_MOST && slug_ok(text);
}

bool format_is_currency(struct text text)
{
    return text.length == 3 && is_upper(text.data[0]) && is_upper(text.data[1]) && is_upper(text.data[2]);
}

/* Subtags of one to eight letters and digits; the first is a language of two letters or more. */
static bool locale_ok(struct text text)
{
    for (struct text rest = text; rest.data;) {
        struct text subtag = text_split(&rest, '-');
        bool first = subtag.data == text.data;
        if (subtag.length < (first ? 2 : 1) || subtag.length > 8) return false;
        for (uint32_t i = 0; i < subtag.length; i++)
            if (!(first ? is_letter(subtag.data[i]) : is_alphanumeric(subtag.data[i]))) return false;
    }
    return true;
}

static bool time_zone_ok(struct text text)
{
    uint32_t parts = 0;
    if (text_is(text, "UTC")) return true;
    for (struct text rest = text; rest.data; parts++) {
        struct text part = text_split(&rest, '/');
        if (!part.length || !is_letter(part.data[0])) return false;
        for (uint32_t i = 0; i < part.length; i++)
            if (!is_alphanumeric(part.data[i]) && !is_one_of(part.data[i], "_+-")) return false;
    }
    return parts == 2 || parts == 3;
}

static bool phone_ok(struct text text)
{
    uint32_t digits = 0;
    for (uint32_t i = 0; i < text.length; i++) {
        if (is_digit(text.data[i]))
            digits++;
        else if (!is_one_of(text.data[i], " +()-."))
            return false;
    }
    return digits >= 3;
}

static bool color_ok(struct text text)
{
    if (text.length != 7 || text.data[0] != '#') return false;
    for (uint32_t i = 1; i < 7; i++)
        if (!is_hex(text.data[i])) return false;
    return true;
}

static bool digits_ok(struct text text, uint32_t most)
{
    for (uint32_t i = 0; i < text.length; i++)
        if (!is_digit(text.data[i])) return false;
    return text.length && text.length <= most;
}

static bool place_ok(struct text text)
{
    struct text number = text, position = text_split(&number, '.');
    return digits_ok(position, 18) && (!number.data || digits_ok(number, 9));
}

/* ---- The table -------------------------------------------------------------------------------------------------- */

enum form { AS_IS, LOWER, UPPER };

/* clang-format off */
static const struct {
    bool (*ok)(struct text text);
    int16_t least, most;            /* a row's own limits come on top, and give plain, long and key texts their most */
    uint8_t form;                   /* blanks around lower- and upper-cased texts go too */
    const char *says, *pattern;
} FORMATS[] = {
    /*                    check         least  most               form   says, pattern */
    [FORMAT_PLAIN]     = { plain_ok,      0,   TEXT_MOST_DEFAULT, AS_IS, "one line, without control characters", NULL },
    [FORMAT_LONG]      = { long_ok,       0,   TEXT_MOST_DEFAULT, AS_IS, "free of control characters but newline and tab", NULL },
    [FORMAT_SLUG]      = { slug_ok, SLUG_LEAST, SLUG_MOST,         AS_IS, "small letters a-z, digits and inner hyphens", "^[a-z0-9][a-z0-9-]*[a-z0-9]$" },
    [FORMAT_EMAIL]     = { email_ok,      0,   EMAIL_BYTES_MOST,  LOWER, "an e-mail address such as ada@example.com", NULL },
    [FORMAT_URL]       = { url_ok,        0,   URL_BYTES_MOST,    AS_IS, "an https:// address with a host, without user name, blanks and letters beyond ASCII", "^[Hh][Tt][Tt][Pp][Ss]://" },
    [FORMAT_PICTURE]   = { picture_ok,    0,   URL_BYTES_MOST,    AS_IS, "an https:// address with a host, or the path of an uploaded file such as /api/v1/media/<id>", "^([Hh][Tt][Tt][Pp][Ss]://|/api/)" },
    [FORMAT_COUNTRY]   = { country_ok,    0,   2,                 UPPER, "a country code of ISO 3166-1 such as DE", "^[A-Za-z]{2}$" },
    [FORMAT_CURRENCY]  = { format_is_currency, 0, 3,              AS_IS, "a currency code of three capital letters such as EUR", "^[A-Z]{3}$" },
    [FORMAT_LOCALE]    = { locale_ok,     0,   35,                AS_IS, "a language tag such as en or pt-BR", "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$" },
    [FORMAT_TIME_ZONE] = { time_zone_ok,  0,   64,                AS_IS, "a time zone such as Europe/Berlin or UTC", "^(UTC|[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*){1,2})$" },
    [FORMAT_PHONE]     = { phone_ok,      3,   32,                AS_IS, "a telephone number: digits, blanks and + ( ) - .", "^[0-9 +().-]+$" },
    [FORMAT_COLOR]     = { color_ok,      0,   7,                 AS_IS, "a color such as #1f8fff", "^#[0-9A-Fa-f]{6}$" },
    [FORMAT_PASSWORD]  = { anything_ok,   0,   256,               AS_IS, "any text", NULL },
    [FORMAT_PLACE]     = { place_ok,      0,   28,                AS_IS, "a position of the log, or an event's id such as 17.2", "^[0-9]{1,18}(\\.[0-9]{1,9})?$" },
    [FORMAT_KEY]       = { key_ok,        1,   64,                AS_IS, "letters a-z and A-Z, digits, '_', '.' and '-'", "^[A-Za-z0-9_.-]+$" },
};
/* clang-format on */

_Static_assert(sizeof FORMATS / sizeof FORMATS[0] == FORMAT_KEY + 1, "every format has its row");

const char *format_pattern(enum text_format format)
{
    return FORMATS[format].pattern;
}

const char *format_says(enum text_format format)
{
    return FORMATS[format].says;
}

/* ---- Limits ----------------------------------------------------------------------------------------------------- */

bool text_counts_bytes(const struct field *field)
{
    return field->type == FIELD_BYTES || field->format == FORMAT_PASSWORD;
}

int64_t text_least(const struct field *field)
{
    int64_t least = FORMATS[field->format].least;
    if (field->min > least) least = field->min;
    return least || !(field->flags & REQUIRED) ? least : 1;
}

int64_t text_most(const struct field *field)
{
    bool open = field->format == FORMAT_PLAIN || field->format == FORMAT_LONG || field->format == FORMAT_KEY ||
                field->format == FORMAT_PASSWORD;
    int64_t most = FORMATS[field->format].most;
    if (!field->max) return most;
    return open || field->max < most ? field->max : most;
}

int64_t list_most(const struct field *field)
{
    return field->max ? field->max : LIST_MOST_DEFAULT;
}

bool integer_range(const struct field *field, int64_t *least, int64_t *most)
{
    *least = field->min;
    *most = field->max;
    if (field->max > field->min) return true;
    *least = 0;
    *most = field->type == FIELD_MONEY ? MONEY_MAX : BASIS_POINTS_ONE;
    return field->type == FIELD_MONEY || field->type == FIELD_BASIS_POINTS;
}

/* ---- Accepting -------------------------------------------------------------------------------------------------- */

static bool refuse(struct fault *fault, const char *code, struct text error)
{
    *fault = (struct fault){code, error};
    return false;
}

static bool length_ok(const struct field *field, struct text text, struct arena *arena, struct fault *fault)
{
    bool bytes = text_counts_bytes(field);
    long long length = bytes ? text.length : text_code_points(text);
    long long least = text_least(field), most = text_most(field);
    const char *unit = bytes ? "byte" : "character";
    if (!length && least)
        return refuse(
            fault, "too_short",
            arena_format(arena, "must not be empty (at least %lld %s%s)", least, unit, least == 1 ? "" : "s"));
    if (length < least)
        return refuse(fault, "too_short",
                      arena_format(arena, "must be at least %lld %ss, has %lld", least, unit, length));
    if (length > most)
        return refuse(
            fault, "too_long",
            arena_format(arena, "must be at most %lld %s%s, has %lld", most, unit, most == 1 ? "" : "s", length));
    return true;
}

bool format_accept(const struct field *field, struct text text, struct arena *arena, struct text *out,
                   struct fault *fault)
{
    enum form form = FORMATS[field->format].form;
    if (form != AS_IS) text = changed_case(text_trim(text), arena, form == UPPER);
    if (!length_ok(field, text, arena, fault)) return false;
    if (field->type == FIELD_TEXT && !FORMATS[field->format].ok(text))
        return refuse(fault, "bad_format", arena_format(arena, "must be %s", FORMATS[field->format].says));
    bool prose = field->type == FIELD_TEXT && (field->format == FORMAT_PLAIN || field->format == FORMAT_LONG);
    if (prose && (field->flags & REQUIRED) && !text_trim(text).length)
        return refuse(fault, "too_short", LITERAL("must not be blank"));
    *out = text;
    return true;
}
