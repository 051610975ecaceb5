#include "base/limits.h"
#include "schema/codec.h"
#include "schema/json.h"
#include "unit/schema_sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* What is tested stands in rows. */
/* clang-format off */
#include <stdio.h>
#include <stdlib.h>

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

/* ---- Binding, as rows of body and problems ---- */

struct bound {
    enum error error;
    struct binding binding;
    struct problems problems;
    struct text summary;        /* "path code, path code" */
};

static struct text summary_of(const struct problems *problems)
{
    struct buffer out = {.arena = arena};
    buffer_string(&out, "");
    for (uint32_t i = 0; i < problems->count; i++)
        buffer_format(&out, "%s%.*s %s", i ? ", " : "", TEXT_ARGUMENTS(problems->at[i].path), problems->at[i].code);
    return buffer_as_text(&out);
}

static struct bound bind_body(const struct fields *fields, struct text json, enum bind_mode mode, void *value)
{
    struct bound bound = {0};
    /* Exactly as many bytes as the body has. */
    char *body = malloc(json.length ? json.length : 1);
    memcpy(body, json.data, json.length);
    bound.error = schema_bind(fields, (struct text){body, json.length}, mode, true, arena, value, &bound.binding, &bound.problems);
    free(body);
    bound.summary = summary_of(&bound.problems);
    assert_int_equal(bound.error == OK, bound.problems.count == 0);
    for (uint32_t i = 0; i < bound.problems.count; i++) assert_true(text_is_utf8(bound.problems.at[i].path) && bound.problems.at[i].error.length > 5);
    return bound;
}

static void expect_problems(const struct fields *fields, enum bind_mode mode, void *value, struct text json, enum error error, const char *problems)
{
    struct bound bound = bind_body(fields, json, mode, value);
    if (bound.error != error || !text_is(bound.summary, problems)) {
        print_message("%.*s\n  wanted: %s\n  got:    %.*s\n", (int)json.length > 300 ? 300 : (int)json.length, json.data, problems, TEXT_ARGUMENTS(bound.summary));
        for (uint32_t i = 0; i < bound.problems.count; i++) print_message("    %.*s\n", TEXT_ARGUMENTS(bound.problems.at[i].error));
    }
    assert_int_equal(bound.error, error);
    assert_true(text_is(bound.summary, problems));
}

/* Binds a sample whose title is given already. */
static void expect_member(const char *member, const char *problems)
{
    struct sample value = {0};
    struct text json = arena_format(arena, "{\"title\":\"t\",%s}", member);
    expect_problems(&sample_fields, BIND_CREATE, &value, json, *problems ? ERROR_VALIDATION_FAILED : OK, problems);
}

static void test_members(void **state)
{
    (void)state;
    static const struct {
        const char *member, *problems;
    } rows[] = {
        /* integers are exact */
        {"\"rank\":5", ""}, {"\"rank\":-5", ""}, {"\"rank\":0", ""}, {"\"rank\":6", "rank too_large"}, {"\"rank\":-6", "rank too_small"},
        {"\"rank\":1.0", "rank wrong_type"}, {"\"rank\":1e0", "rank wrong_type"}, {"\"rank\":1.5", "rank wrong_type"}, {"\"rank\":-0", "rank wrong_type"},
        {"\"rank\":-0.0", "rank wrong_type"}, {"\"rank\":1e400", "rank wrong_type"}, {"\"rank\":1.5e400", "rank wrong_type"},
        {"\"rank\":9223372036854775807", "rank too_large"}, {"\"rank\":9223372036854775808", "rank too_large"},
        {"\"rank\":18446744073709551616", "rank too_large"}, {"\"rank\":-9223372036854775809", "rank too_small"},
        {"\"rank\":-99999999999999999999999", "rank too_small"}, {"\"rank\":\"5\"", "rank wrong_type"}, {"\"rank\":true", "rank wrong_type"},
        {"\"rank\":[1]", "rank wrong_type"}, {"\"rank\":{}", "rank wrong_type"}, {"\"rank\":null", ""},
        {"\"visits\":9223372036854775807", ""}, {"\"visits\":-9223372036854775808", ""}, {"\"visits\":9223372036854775808", "visits too_large"},
        {"\"share\":10000", ""}, {"\"share\":10001", "share too_large"}, {"\"share\":-1", "share too_small"},
        /* texts and bools */
        {"\"title2\":1", "title2 unknown_field"}, {"\"about\":1", "about wrong_type"}, {"\"about\":[\"a\"]", "about wrong_type"},
        {"\"about\":\"\"", ""}, {"\"about\":\"two\\nlines\\tand\"", ""}, {"\"about\":\"bell\\u0007\"", "about bad_format"}, {"\"about\":\"\\u0000\"", "about bad_format"},
        {"\"about\":\"\\u007f\"", "about bad_format"}, {"\"about\":\"\\u0085\"", "about bad_format"}, {"\"about\":\"\\u00a0\\r\"", "about bad_format"},
        {"\"card\":\"a\"", "card too_short"}, {"\"card\":\"ab\"", ""}, {"\"card\":\"a\\nb\"", "card bad_format"},
        {"\"active\":false", ""}, {"\"active\":0", "active wrong_type"}, {"\"active\":\"true\"", "active wrong_type"}, {"\"active\":null", ""},
        {"\"status\":\"closed\"", ""}, {"\"status\":\"Closed\"", "status not_one_of"}, {"\"status\":\"\"", "status not_one_of"}, {"\"status\":3", "status wrong_type"},
        /* times, dates, ids */
        {"\"starts_at\":\"2026-01-31T12:00:00Z\"", ""}, {"\"starts_at\":\"2026-01-31T12:00:00.123456+02:00\"", ""},
        {"\"starts_at\":\"2026-01-31\"", "starts_at bad_format"}, {"\"starts_at\":\"1970-01-01T00:00:00Z\"", "starts_at too_small"},
        {"\"starts_at\":1769860800", "starts_at wrong_type"}, {"\"born_on\":\"1815-12-10\"", ""}, {"\"born_on\":\"1900-02-29\"", "born_on bad_format"},
        {"\"owner\":\"0190F0A4-7c1e-7000-8000-00000000002a\"", ""}, {"\"owner\":\"0190f0a4\"", "owner bad_format"},
        {"\"owner\":\"00000000-0000-0000-0000-000000000000\"", "owner bad_format"}, {"\"owner\":{}", "owner wrong_type"},
        /* money */
        {"\"price\":{\"amount\":0,\"currency\":\"USD\"}", ""}, {"\"price\":{\"currency\":\"USD\",\"amount\":10000000000}", ""},
        {"\"price\":{\"amount\":10000000001,\"currency\":\"USD\"}", "price.amount too_large"}, {"\"price\":{\"amount\":-1,\"currency\":\"USD\"}", "price.amount too_small"},
        {"\"price\":{\"amount\":1}", "price.currency required"}, {"\"price\":{}", "price.amount required, price.currency required"},
        {"\"price\":{\"amount\":1.5,\"currency\":\"usd\"}", "price.amount wrong_type, price.currency bad_format"},
        {"\"price\":{\"amount\":\"1\",\"currency\":1}", "price.amount wrong_type, price.currency wrong_type"},
        {"\"price\":{\"amount\":1,\"currency\":\"USD\",\"cents\":2}", "price.cents unknown_field"},
        {"\"price\":{\"amount\":1,\"amount\":1,\"currency\":\"USD\"}", "price.amount duplicate"}, {"\"price\":19.99", "price wrong_type"},
        {"\"price\":{\"amount\":null,\"currency\":null}", "price.amount wrong_type, price.currency wrong_type"},
        /* bytes */
        {"\"picture\":\"AAA\"", ""}, {"\"picture\":\"AA\"", "picture too_short"}, {"\"picture\":\"AA==\"", "picture bad_format"},
        {"\"picture\":\"A\"", "picture bad_format"}, {"\"picture\":\"+/+/\"", "picture bad_format"}, {"\"picture\":\"-_-_\"", ""}, {"\"picture\":7", "picture wrong_type"},
        /* what the server sets, secrets */
        {"\"id\":\"0190f0a4-7c1e-7000-8000-00000000002a\"", "id read_only"}, {"\"created_at\":null", "created_at read_only"},
        {"\"hash\":\"AAAA\"", "hash unknown_field"}, {"\"__proto__\":{}", "__proto__ unknown_field"}, {"\"\":1", " unknown_field"},
        {"\"password\":\"1234567\"", "password too_short"}, {"\"password\":\"\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\"", ""}, {"\"password\":\"12345\\u000078\"", ""},
        /* structs */
        {"\"depot\":{\"street\":\"s\",\"country\":\"de\"}", ""}, {"\"depot\":{}", "depot.street required, depot.country required"}, {"\"depot\":null", ""},
        {"\"depot\":[]", "depot wrong_type"}, {"\"depot\":{\"street\":\"s\",\"country\":\"QQ\",\"zip\":1}", "depot.country bad_format, depot.zip unknown_field"},
        {"\"depot\":{\"street\":\"s\",\"country\":\"DE\",\"hint\":{\"likes\":1}}", "depot.hint.likes read_only, depot.hint.body required"},
        {"\"depot\":{\"street\":\"s\",\"country\":\"DE\",\"street\":\"s\"}", "depot.street duplicate"},
        /* lists */
        {"\"tags\":[\"a\",\"b\"]", ""}, {"\"tags\":[]", "tags too_few"}, {"\"tags\":[\"1\",\"2\",\"3\",\"4\",\"5\"]", ""},
        {"\"tags\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]", "tags too_many"}, {"\"tags\":[\"\",1,null,\"12345678901\"]",
         "tags[0] too_short, tags[1] wrong_type, tags[2] wrong_type, tags[3] too_long"}, {"\"tags\":\"a\"", "tags wrong_type"}, {"\"tags\":{\"a\":1}", "tags wrong_type"},
        {"\"scores\":[10,-10,11,1.0]", "scores[2] too_large, scores[3] wrong_type"}, {"\"fees\":[{\"amount\":1,\"currency\":\"EUR\"},{\"amount\":0,\"currency\":\"EUR\"}]",
         "fees[1].amount too_small"}, {"\"answers\":[true,false,1]", "answers[2] wrong_type"}, {"\"history\":[\"open\",\"shut\"]", "history[1] not_one_of"},
        {"\"friends\":[]", ""}, {"\"friends\":[\"x\"]", "friends[0] bad_format"}, {"\"moments\":[\"2026-01-01T00:00:00Z\"],\"days\":[\"2026-01-01\"],\"blobs\":[\"AAAA\"]", ""},
        {"\"lines\":[{\"sku\":\"a\",\"quantity\":1},{\"sku\":\"a b\",\"quantity\":0},{},7,null]",
         "lines[1].sku bad_format, lines[1].quantity too_small, lines[2].sku required, lines[2].quantity required, lines[3] wrong_type, lines[4] wrong_type"},
        {"\"lines\":[{\"sku\":\"a\",\"quantity\":99,\"gift\":true,\"notes\":[{\"body\":\"x\"},{\"body\":\"\",\"id\":null,\"mood\":1}]}]",
         "lines[0].notes[1].body too_short, lines[0].notes[1].id read_only, lines[0].notes[1].mood unknown_field"},
        {"\"lines\":[{\"sku\":\"a\",\"quantity\":100,\"cost\":\"AA\",\"options\":{\"a\":\"\"},\"labels\":[\"\"]}]",
         "lines[0].quantity too_large, lines[0].cost unknown_field, lines[0].options.a too_short, lines[0].labels[0] too_short"},
        /* maps */
        {"\"attributes\":{\"a\":\"1\",\"b\":\"\"}", ""}, {"\"attributes\":{}", ""}, {"\"attributes\":{\"a\":1,\"b\":null}", "attributes.a wrong_type, attributes.b wrong_type"},
        {"\"attributes\":{\"a\":\"1\",\"a\":\"2\"}", "attributes.a duplicate"}, {"\"attributes\":{\"\":\"1\"}", "attributes. too_short"},
        {"\"attributes\":{\"a\":\"1\",\"b\":\"1\",\"c\":\"1\",\"d\":\"1\",\"e\":\"1\"}", "attributes too_many"}, {"\"attributes\":[]", "attributes wrong_type"},
        {"\"attributes\":{\"a\\n\":\"1\"}", "attributes.a\n bad_format"},
        /* the version */
        {"\"version\":7", ""}, {"\"version\":0", ""}, {"\"version\":-1", "version too_small"}, {"\"version\":\"7\"", "version wrong_type"}, {"\"version\":7.0", "version wrong_type"},
        {"\"version\":7,\"version\":7", "version duplicate"}, {"\"version\":null", ""},
        /* keys twice */
        {"\"title\":\"u\"", "title duplicate"}, {"\"rank\":null,\"rank\":1", "rank duplicate"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) expect_member(rows[i].member, rows[i].problems);
}

static void test_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum error error;
        const char *problems;
    } rows[] = {
        {"", ERROR_VALIDATION_FAILED, "title required"}, {"{}", ERROR_VALIDATION_FAILED, "title required"}, {" { } ", ERROR_VALIDATION_FAILED, "title required"},
        {"[]", ERROR_VALIDATION_FAILED, " wrong_type"}, {"\"title\"", ERROR_VALIDATION_FAILED, " wrong_type"}, {"null", ERROR_VALIDATION_FAILED, " wrong_type"},
        {"7", ERROR_VALIDATION_FAILED, " wrong_type"}, {"{\"title\":null}", ERROR_VALIDATION_FAILED, "title required"},
        {"{\"title\":\"\"}", ERROR_VALIDATION_FAILED, "title too_short"}, {"{\"title\":\" \\u0020 \"}", ERROR_VALIDATION_FAILED, "title too_short"},
        {"{\"title\":\"t\"}", OK, ""},
        {" ", ERROR_MALFORMED_JSON, " bad_format"}, {"{", ERROR_MALFORMED_JSON, " bad_format"}, {"{\"title\":\"t\"", ERROR_MALFORMED_JSON, " bad_format"},
        {"{\"title\":\"t\"} x", ERROR_MALFORMED_JSON, " bad_format"}, {"{\"title\":\"t\"}{}", ERROR_MALFORMED_JSON, " bad_format"},
        {"{\"title\":\"t\",}", ERROR_MALFORMED_JSON, " bad_format"}, {"{'title':'t'}", ERROR_MALFORMED_JSON, " bad_format"}, {"{title:1}", ERROR_MALFORMED_JSON, " bad_format"},
        {"{\"title\":\"t\"} // x", ERROR_MALFORMED_JSON, " bad_format"}, {"{\"rank\":NaN}", ERROR_MALFORMED_JSON, " bad_format"},
        {"{\"rank\":Infinity}", ERROR_MALFORMED_JSON, " bad_format"}, {"{\"rank\":01}", ERROR_MALFORMED_JSON, " bad_format"}, {"{\"rank\":+1}", ERROR_MALFORMED_JSON, " bad_format"},
        {"{\"rank\":.5}", ERROR_MALFORMED_JSON, " bad_format"}, {"{\"title\":\"a\nb\"}", ERROR_MALFORMED_JSON, " bad_format"},
        {"\xEF\xBB\xBF{\"title\":\"t\"}", ERROR_MALFORMED_JSON, " bad_format"},                     /* byte order mark */
        {"{\"title\":\"\\ud800\"}", ERROR_MALFORMED_JSON, " bad_format"}, {"{\"title\":\"\\udc00\\ud800\"}", ERROR_MALFORMED_JSON, " bad_format"},
        {"{\"title\":\"\\ud83d\\ude00\"}", OK, ""}, {"{\"title\":\"\\ud83dx\"}", ERROR_MALFORMED_JSON, " bad_format"},
        {"{\"title\":\"\xED\xA0\x80\"}", ERROR_MALFORMED_JSON, " bad_format"},                      /* a surrogate in UTF-8 */
        {"{\"title\":\"\xC0\xAF\"}", ERROR_MALFORMED_JSON, " bad_format"},                          /* overlong */
        {"{\"title\":\"\xFF\"}", ERROR_MALFORMED_JSON, " bad_format"}, {"{\"title\":\"\xF4\x90\x80\x80\"}", ERROR_MALFORMED_JSON, " bad_format"},
        {"{\"\xC0\xAF\":1}", ERROR_MALFORMED_JSON, " bad_format"},
        {"{\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}", ERROR_VALIDATION_FAILED, "x unknown_field, title required"},      /* 16 deep */
        {"{\"x\":\"[[[[[[[[[[[[[[[[[[[[[[[[\"}", ERROR_VALIDATION_FAILED, "x unknown_field, title required"}, /* in a string */
        {"{\"x\":\"long enough \\\\\\\"[[[[[[[[[[[[[[[[[[[[\"}", ERROR_VALIDATION_FAILED, "x unknown_field, title required"},
        {"{\"x\":\"ends here: \\\\\",\"y\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}", ERROR_MALFORMED_JSON, " bad_format"},
        {"{\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", ERROR_MALFORMED_JSON, " bad_format"},
        {"{\"title\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[\"}", OK, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample value = {0};
        expect_problems(&sample_fields, BIND_CREATE, &value, text_of(rows[i].json), rows[i].error, rows[i].problems);
    }
    struct sample value = {0};
    expect_problems(&sample_fields, BIND_CREATE, &value, LITERAL("{\"title\":\"t\"}\0"), ERROR_MALFORMED_JSON, " bad_format");
    expect_problems(&sample_fields, BIND_CREATE, &value, LITERAL("{\"title\":\"t\0\"}"), ERROR_MALFORMED_JSON, " bad_format");
}

static struct text repeated(const char *unit, uint32_t count)
{
    struct buffer out = {.arena = arena};
    buffer_string(&out, "");
    while (count--) buffer_string(&out, unit);
    return buffer_as_text(&out);
}

/* Each length at its limit and one beyond, in characters of one to four bytes. */
static void test_lengths(void **state)
{
    (void)state;
    static const char *const units[] = {"x", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    static const struct {
        const char *head, *tail, *path;
        uint32_t most;
    } rows[] = {
        {"{\"title\":\"", "\"}", "title", 120}, {"{\"title\":\"t\",\"about\":\"", "\"}", "about", 2000}, {"{\"title\":\"t\",\"card\":\"", "\"}", "card", 20},
        {"{\"title\":\"t\",\"attributes\":{\"k\":\"", "\"}}", "attributes.k", 200}, {"{\"title\":\"t\",\"tags\":[\"", "\"]}", "tags[0]", 10},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t u = 0; u < 4; u++)
            for (uint32_t over = 0; over < 2; over++) {
                struct sample value = {0};
                struct text text = repeated(units[u], rows[i].most + over);
                struct text json = arena_format(arena, "%s%.*s%s", rows[i].head, TEXT_ARGUMENTS(text), rows[i].tail);
                const char *problems = over ? arena_format(arena, "%s too_long", rows[i].path).data : "";
                expect_problems(&sample_fields, BIND_CREATE, &value, json, over ? ERROR_VALIDATION_FAILED : OK, problems);
            }
    for (uint32_t over = 0; over < 2; over++) {
        struct text key = repeated("\xC3\xA4", 64 + over);
        struct text json = arena_format(arena, "\"attributes\":{\"%.*s\":\"v\"}", TEXT_ARGUMENTS(key));
        /* The path shows the first 64 characters of what a client calls its members. */
        expect_member(json.data, over ? arena_format(arena, "attributes.%.*s too_long", TEXT_ARGUMENTS(repeated("\xC3\xA4", 64))).data : "");
        struct text password = repeated("x", 256 + over);
        expect_member(arena_format(arena, "\"password\":\"%.*s\"", TEXT_ARGUMENTS(password)).data, over ? "password too_long" : "");
        struct text picture = repeated("AAAA", 21), rest = over ? LITERAL("AAA") : LITERAL("AA");    /* 63 + 1 or 2 bytes */
        expect_member(arena_format(arena, "\"picture\":\"%.*s%s\"", TEXT_ARGUMENTS(picture), rest.data).data, over ? "picture too_long" : "");
    }
    expect_member("\"friends\":[]", "");
    struct text ids = repeated("\"0190f0a4-7c1e-7000-8000-00000000002a\",", 99);
    const char *one = "\"0190f0a4-7c1e-7000-8000-00000000002a\"";
    expect_member(arena_format(arena, "\"friends\":[%.*s%s]", TEXT_ARGUMENTS(ids), one).data, "");
    expect_member(arena_format(arena, "\"friends\":[%.*s%s,%s]", TEXT_ARGUMENTS(ids), one, one).data, "friends too_many");
}

/* Bodies made to be expensive are refused in their length's time. */
static void test_hostile_sizes(void **state)
{
    (void)state;
    struct sample value = {0};
    struct text deep = repeated("[", 10000), wide = repeated("1,", 400000), key = repeated("k", 65536), keys = repeated("\"k\":1,", 100000);
    expect_problems(&sample_fields, BIND_CREATE, &value, deep, ERROR_MALFORMED_JSON, " bad_format");
    expect_problems(&sample_fields, BIND_CREATE, &value, arena_format(arena, "{\"title\":\"t\",\"scores\":[%.*s1]}", TEXT_ARGUMENTS(wide)),
                    ERROR_VALIDATION_FAILED, "scores too_many");
    expect_problems(&sample_fields, BIND_CREATE, &value, arena_format(arena, "{\"title\":\"%.*s\"}", TEXT_ARGUMENTS(repeated("x", 1000000))),
                    ERROR_VALIDATION_FAILED, "title too_long");
    expect_problems(&sample_fields, BIND_CREATE, &value, arena_format(arena, "{\"title\":\"t\",\"%.*s\":1}", TEXT_ARGUMENTS(key)),
                    ERROR_VALIDATION_FAILED, arena_format(arena, "%.*s unknown_field", TEXT_ARGUMENTS(repeated("k", 64))).data);
    struct bound bound = bind_body(&sample_fields, arena_format(arena, "{%.*s\"title\":\"t\"}", TEXT_ARGUMENTS(keys)), BIND_CREATE, &value);
    assert_int_equal(bound.error, ERROR_VALIDATION_FAILED);
    assert_int_equal(bound.problems.count, PROBLEMS_MOST);
    arena_reset(arena);
}

static void test_formats(void **state)
{
    (void)state;
    struct formats {
        struct text slug, email, url, country, currency, locale, zone, phone, color, key, place;
    };
    static const struct field rows[] = {
        TEXT(formats, 1, slug, .format = FORMAT_SLUG), TEXT(formats, 2, email, .format = FORMAT_EMAIL), TEXT(formats, 3, url, .format = FORMAT_URL),
        TEXT(formats, 4, country, .format = FORMAT_COUNTRY), TEXT(formats, 5, currency, .format = FORMAT_CURRENCY),
        TEXT(formats, 6, locale, .format = FORMAT_LOCALE), TEXT(formats, 7, zone, .format = FORMAT_TIME_ZONE), TEXT(formats, 8, phone, .format = FORMAT_PHONE),
        TEXT(formats, 9, color, .format = FORMAT_COLOR), TEXT(formats, 10, key, .format = FORMAT_KEY, .max = 200),
        TEXT(formats, 11, place, .format = FORMAT_PLACE),
    };
    static const struct fields fields = FIELDS("formats", struct formats, rows);
    /* A text, and what is made of it; "!" and a code when it is refused. */
    static const struct {
        const char *name, *text, *accepted;
    } texts[] = {
        {"slug", "abc", "abc"}, {"slug", "a-1", "a-1"}, {"slug", "ab", "!too_short"}, {"slug", "-ab", "!bad_format"}, {"slug", "ab-", "!bad_format"},
        {"slug", "Abc", "!bad_format"}, {"slug", "a_b", "!bad_format"}, {"slug", "a\xC3\xA4z", "!bad_format"}, {"slug", "", "!too_short"},
        {"slug", "123456789012345678901234567890123456789012345678901234567890", "123456789012345678901234567890123456789012345678901234567890"},
        {"slug", "1234567890123456789012345678901234567890123456789012345678901", "!too_long"},
        {"email", " Ada@Example.COM ", "ada@example.com"}, {"email", "a.b+c@d.e", "a.b+c@d.e"}, {"email", "a@b", "!bad_format"}, {"email", "@b.c", "!bad_format"},
        {"email", "a@", "!bad_format"}, {"email", "a@b@c.d", "!bad_format"}, {"email", "a b@c.d", "!bad_format"}, {"email", ".a@c.d", "!bad_format"}, {"email", "a.@c.d", "!bad_format"},
        {"email", "a..b@c.d", "!bad_format"}, {"email", "a@-c.d", "!bad_format"}, {"email", "a@c-.d", "!bad_format"}, {"email", "a@c..d", "!bad_format"}, {"email", "a@c.d.", "!bad_format"},
        {"email", "a<b>@c.d", "!bad_format"}, {"email", "a\\n@c.d", "!bad_format"}, {"email", "", "!bad_format"}, {"email", "\xC3\xA4@c.d", "!bad_format"},
        {"email", "1234567890123456789012345678901234567890123456789012345678901234@c.d", "1234567890123456789012345678901234567890123456789012345678901234@c.d"},
        {"email", "12345678901234567890123456789012345678901234567890123456789012345@c.d", "!bad_format"},
        {"url", "https://a.b/c?d=e#f", "https://a.b/c?d=e#f"}, {"url", "HTTPS://a", "HTTPS://a"}, {"url", "https://a:8443/", "https://a:8443/"},
        {"url", "https://[2001:db8::1]/x", "https://[2001:db8::1]/x"}, {"url", "https://[::1]:99", "https://[::1]:99"}, {"url", "http://a.b", "!bad_format"},
        {"url", "javascript:alert(1)", "!bad_format"}, {"url", "https://", "!bad_format"}, {"url", "https:///x", "!bad_format"}, {"url", "https://a.b@c.d/", "!bad_format"},
        {"url", "https://u:p@c.d/", "!bad_format"}, {"url", "https://a b/", "!bad_format"}, {"url", "https://a/ b", "!bad_format"}, {"url", "https://a\\\\@b/", "!bad_format"},
        {"url", "https://a:0/", "!bad_format"}, {"url", "https://a:65536/", "!bad_format"}, {"url", "https://a:/", "!bad_format"}, {"url", "https://a:-1/", "!bad_format"},
        {"url", "https://[::1", "!bad_format"}, {"url", "https://[::1]x", "!bad_format"}, {"url", "https://\xC3\xA4.de/", "!bad_format"}, {"url", "https://a/\xC3\xA4", "!bad_format"},
        {"url", "https://a/\\t", "!bad_format"}, {"url", " https://a/", "!bad_format"}, {"url", "https://a/\\u0000", "!bad_format"}, {"url", "", "!bad_format"},
        {"country", "de", "DE"}, {"country", " Us ", "US"}, {"country", "ZZ", "!bad_format"}, {"country", "DEU", "!too_long"}, {"country", "D", "!bad_format"}, {"country", "XK", "XK"},
        {"currency", "EUR", "EUR"}, {"currency", "eur", "!bad_format"}, {"currency", "EU", "!bad_format"}, {"currency", "EURO", "!too_long"},
        {"locale", "en", "en"}, {"locale", "pt-BR", "pt-BR"}, {"locale", "zh-Hant-TW", "zh-Hant-TW"}, {"locale", "e", "!bad_format"}, {"locale", "en_US", "!bad_format"},
        {"locale", "en-", "!bad_format"}, {"locale", "12", "!bad_format"},
        {"zone", "Europe/Berlin", "Europe/Berlin"}, {"zone", "America/Argentina/Ushuaia", "America/Argentina/Ushuaia"}, {"zone", "UTC", "UTC"}, {"zone", "Etc/GMT+5", "Etc/GMT+5"},
        {"zone", "CET", "!bad_format"}, {"zone", "../etc/passwd", "!bad_format"}, {"zone", "Europe/", "!bad_format"}, {"zone", "utc", "!bad_format"},
        {"phone", "+49 (30) 123-45.67", "+49 (30) 123-45.67"}, {"phone", "12", "!too_short"}, {"phone", "+ ()", "!bad_format"}, {"phone", "123x", "!bad_format"},
        {"color", "#12abEF", "#12abEF"}, {"color", "#12abE", "!bad_format"}, {"color", "12abEF0", "!bad_format"}, {"color", "#12abEG", "!bad_format"},
        {"key", "A_b.c-9", "A_b.c-9"}, {"key", "a b", "!bad_format"}, {"key", "", "!too_short"}, {"key", "\xC3\xA4", "!bad_format"},
        {"place", "0", "0"}, {"place", "17.2", "17.2"}, {"place", "999999999999999999.999999999", "999999999999999999.999999999"}, {"place", "1000000000000000000", "!bad_format"},
        {"place", "17.", "!bad_format"}, {"place", ".2", "!bad_format"}, {"place", "1.2.3", "!bad_format"}, {"place", "-1", "!bad_format"}, {"place", "1.0000000000", "!bad_format"}, {"place", "", "!bad_format"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct formats value = {0};
        struct bound bound = bind_body(&fields, arena_format(arena, "{\"%s\":\"%s\"}", texts[i].name, texts[i].text), BIND_CREATE, &value);
        const struct field *field = field_by_name(&fields, text_of(texts[i].name));
        struct text accepted = *(const struct text *)(const void *)((const char *)&value + field->offset);
        if (bound.error) accepted = arena_format(arena, "!%s", bound.problems.at[0].code);
        if (!text_is(accepted, texts[i].accepted)) print_message("%s %s: %.*s\n", texts[i].name, texts[i].text, TEXT_ARGUMENTS(accepted));
        assert_true(text_is(accepted, texts[i].accepted));
    }
    struct formats value = {0};
    struct text path = repeated("x", 2048 - 10);
    assert_int_equal(bind_body(&fields, arena_format(arena, "{\"url\":\"https://a/%.*s\"}", TEXT_ARGUMENTS(path)), BIND_CREATE, &value).error, OK);
    expect_problems(&fields, BIND_CREATE, &value, arena_format(arena, "{\"url\":\"https://ab/%.*s\"}", TEXT_ARGUMENTS(path)), ERROR_VALIDATION_FAILED, "url too_long");
    assert_int_equal(bind_body(&fields, arena_format(arena, "{\"key\":\"%.*s\"}", TEXT_ARGUMENTS(repeated("k", 200))), BIND_CREATE, &value).error, OK);
}

static void test_sentences(void **state)
{
    (void)state;
    static const struct {
        const char *member, *sentence;
    } rows[] = {
        {"\"rank\":9", "must be at most 5"}, {"\"rank\":\"9\"", "must be a whole number, not a string"}, {"\"tags\":[]", "must have at least 1 element, has 0"},
        {"\"status\":\"shut\"", "must be one of draft, open or closed"}, {"\"tags\":[\"12345678901\"]", "must be at most 10 characters, has 11"},
        {"\"card\":\"x\"", "must be at least 2 characters, has 1"}, {"\"nick\":1", "is not a field of sample"}, {"\"active\":7", "must be true or false, not a number"},
        {"\"password\":\"x\"", "must be at least 8 bytes, has 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample value = {0};
        struct bound bound = bind_body(&sample_fields, arena_format(arena, "{\"title\":\"t\",%s}", rows[i].member), BIND_CREATE, &value);
        assert_int_equal(bound.problems.count, 1);
        if (!text_is(bound.problems.at[0].error, rows[i].sentence)) print_message("%.*s\n", TEXT_ARGUMENTS(bound.problems.at[0].error));
        assert_true(text_is(bound.problems.at[0].error, rows[i].sentence));
    }
    struct problems problems = {.arena = arena};
    problem_add(&problems, LITERAL("a\"b"), "too_large", "only %d left", 3);
    struct buffer out = {.arena = arena};
    schema_render_problems(&out, &problems);
    assert_true(text_is(buffer_as_text(&out), "[{\"path\":\"a\\\"b\",\"code\":\"too_large\",\"error\":\"only 3 left\"}]"));
    for (int i = 0; i < 200; i++) problem_add(&problems, (struct text){0}, "duplicate", "x");
    assert_int_equal(problems.count, PROBLEMS_MOST);
}

/* ---- PATCH ---- */

static struct id id_of(uint8_t last)
{
    return (struct id){{[0] = 1, [15] = last}};
}

static struct text rendered(const struct fields *fields, const void *value, uint32_t relations)
{
    struct buffer out = {.arena = arena};
    schema_render(&out, fields, value, relations);
    return buffer_as_text(&out);
}

static void test_patch(void **state)
{
    (void)state;
    struct sample_note notes[1] = {{.id = id_of(9), .body = LITERAL("kept"), .likes = 5}};
    struct sample_line lines[2] = {{.id = id_of(1), .sku = LITERAL("one"), .quantity = 1, .gift = true, .cost = LITERAL("c"), .notes = {notes, 1}},
                                   {.id = id_of(2), .sku = LITERAL("two"), .quantity = 2}};
    struct sample old = {.title = LITERAL("old"), .about = LITERAL("long"), .rank = 3, .active = false, .status = SAMPLE_OPEN, .lines = {lines, 2}, .created_at = 77,
                         .price = money_of(3, "USD"), .depot = {.street = LITERAL("s"), .country = LITERAL("DE"), .hint = {.body = LITERAL("ring"), .likes = 4}, .main = true}};
    struct sample *value = schema_clone(&sample_fields, &old, arena);
    struct bound bound = bind_body(&sample_fields, LITERAL("{}"), BIND_PATCH, value);
    assert_int_equal(bound.error, OK);
    assert_int_equal(bound.binding.present, 0);
    assert_false(bound.binding.has_version);
    assert_true(schema_equal(&sample_fields, value, &old));

    bound = bind_body(&sample_fields, LITERAL("{\"version\":7,\"about\":null,\"rank\":null,\"active\":null,\"status\":null,\"price\":null,\"depot\":{\"street\":\"new\",\"hint\":{\"pinned\":true}}}"), BIND_PATCH, value);
    assert_int_equal(bound.error, OK);
    assert_true(bound.binding.has_version);
    assert_int_equal(bound.binding.version, 7);
    assert_int_equal(bound.binding.present, 1u << 2 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 10 | 1u << 16);
    assert_null(value->about.data);
    assert_int_equal(value->rank, 0);
    assert_true(value->active);
    assert_int_equal(value->status, SAMPLE_DRAFT);
    assert_true(money_is_absent(value->price));
    assert_true(text_is(value->depot.street, "new") && text_is(value->depot.country, "DE") && text_is(value->depot.hint.body, "ring"));
    assert_true(value->depot.hint.pinned);
    assert_int_equal(value->depot.hint.likes, 4);
    assert_int_equal(value->created_at, 77);

    /* Lists are replaced; an element that names an id is that element, changed. */
    char two[ID_TEXT_LENGTH + 1], one[ID_TEXT_LENGTH + 1], three[ID_TEXT_LENGTH + 1];
    id_format(id_of(1), one);
    id_format(id_of(2), two);
    id_format(id_of(3), three);
    value = schema_clone(&sample_fields, &old, arena);
    bound = bind_body(&sample_fields, arena_format(arena, "{\"lines\":[{\"id\":\"%s\"},{\"sku\":\"new\",\"quantity\":9,\"gift\":true},{\"id\":\"%s\",\"quantity\":5}]}", two, one), BIND_PATCH, value);
    assert_int_equal(bound.error, OK);
    assert_int_equal(value->lines.count, 3);
    assert_true(id_equal(value->lines.at[0].id, id_of(2)) && text_is(value->lines.at[0].sku, "two") && value->lines.at[0].quantity == 2);
    assert_true(id_is_none(value->lines.at[1].id) && value->lines.at[1].gift && value->lines.at[1].last_note.status == SAMPLE_DRAFT);
    assert_true(id_equal(value->lines.at[2].id, id_of(1)) && value->lines.at[2].quantity == 5 && value->lines.at[2].gift && text_is(value->lines.at[2].cost, "c"));
    assert_int_equal(value->lines.at[2].notes.count, 1);
    assert_int_equal(value->lines.at[2].notes.at[0].likes, 5);

    static const struct {
        const char *json, *problems;
    } rows[] = {
        {"{\"title\":null}", "title required"}, {"{\"title\":\"\"}", "title too_short"}, {"{\"password\":\"12345678\"}", "password read_only"}, {"{\"created_at\":null}", "created_at read_only"},
        {"{\"depot\":{\"street\":null}}", "depot.street required"}, {"{\"depot\":null}", ""}, {"{\"lines\":null}", ""}, {"{\"lines\":[]}", ""},
        {"{\"address\":{\"main\":true}}", "address.street required, address.country required"},         /* was never set */
        {"{\"address\":{\"street\":\"s\",\"country\":\"fr\"}}", ""},
        {"{\"lines\":[{\"id\":\"ONE\",\"gift\":false}]}", "lines[0].gift read_only"}, {"{\"lines\":[{\"id\":\"ONE\",\"sku\":null}]}", "lines[0].sku required"},
        {"{\"lines\":[{\"id\":\"THREE\"}]}", "lines[0].id not_one_of"}, {"{\"lines\":[{\"id\":\"x\",\"sku\":\"s\",\"quantity\":1}]}", "lines[0].id read_only"},
        {"{\"lines\":[{\"id\":\"ONE\"},{\"id\":\"TWO\"},{\"id\":\"ONE\"}]}", "lines[2].id duplicate"}, {"{\"lines\":[{\"id\":\"ONE\",\"id\":\"TWO\"}]}", "lines[0].id duplicate"},
        {"{\"lines\":[{\"id\":\"ONE\",\"cost\":\"AA\"}]}", "lines[0].cost unknown_field"}, {"{\"lines\":[{\"quantity\":1}]}", "lines[0].sku required"},
        {"[]", " wrong_type"}, {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer json = {.arena = arena};
        buffer_string(&json, "");
        for (const char *at = rows[i].json; *at; at++) {
            const char *id = !strncmp(at, "ONE", 3) ? one : !strncmp(at, "TWO", 3) ? two : !strncmp(at, "THREE", 5) ? three : NULL;
            if (id) buffer_string(&json, id);
            else buffer_byte(&json, *at);
            if (id) at += id == three ? 4 : 2;
        }
        value = schema_clone(&sample_fields, &old, arena);
        expect_problems(&sample_fields, BIND_PATCH, value, buffer_as_text(&json), *rows[i].problems ? ERROR_VALIDATION_FAILED : OK, rows[i].problems);
    }
    /* Clearing a struct leaves what only the server sets. */
    value = schema_clone(&sample_fields, &old, arena);
    bind_body(&sample_fields, LITERAL("{\"depot\":null}"), BIND_PATCH, value);
    assert_null(value->depot.street.data);
    assert_int_equal(value->depot.hint.likes, 4);
    assert_true(value->depot.main);
}

/* The body of a command that changes a part: what it must have it must have, what is absent stays out, and null is given. */
static void test_null_in_a_change(void **state)
{
    static const struct field rows[] = {
        TEXT(sample, 1, title, .max = 10, .flags = REQUIRED, .doc = "a reason"),
        TEXT(sample, 2, about, .max = 10, .doc = "may be cleared"),
        BOOL(sample, 3, active, .initial = 1, .doc = "true again when cleared"),
        STRUCT(sample, 4, depot, struct sample_address, &sample_address_fields, .flags = KEPT, .doc = "comes whole, or not"),
    };
    static const struct fields change = FIELDS("change", struct sample, rows);
    (void)state;
    struct sample value;
    struct bound bound = bind_body(&change, LITERAL("{\"title\":\"t\"}"), BIND_CHANGE, &value);
    assert_int_equal(bound.error, OK);
    assert_int_equal(bound.binding.present, 1u << 0);
    bound = bind_body(&change, LITERAL("{\"about\":null,\"active\":null,\"title\":\"t\"}"), BIND_CHANGE, &value);
    assert_int_equal(bound.error, OK);
    assert_int_equal(bound.binding.present, 1u << 0 | 1u << 1 | 1u << 2);
    assert_null(value.about.data);
    assert_true(value.active);
    expect_problems(&change, BIND_CHANGE, &value, LITERAL("{\"depot\":null}"), ERROR_VALIDATION_FAILED, "depot required, title required");
    expect_problems(&change, BIND_CHANGE, &value, LITERAL("{\"title\":null}"), ERROR_VALIDATION_FAILED, "title required");
    bound = bind_body(&change, LITERAL("{\"about\":null,\"title\":\"t\"}"), BIND_CREATE, &value);
    assert_int_equal(bound.binding.present, 1u << 0); /* elsewhere it is as if it were not there */
}

static void test_no_version(void **state)
{
    (void)state;
    struct sample value = {0};
    struct binding binding;
    struct problems problems = {0};
    assert_int_equal(schema_bind(&sample_fields, LITERAL("{\"title\":\"t\",\"version\":1}"), BIND_CREATE, false, arena, &value, &binding, &problems), ERROR_VALIDATION_FAILED);
    assert_true(text_is(summary_of(&problems), "version unknown_field"));
}

/* ---- Queries ---- */

struct query {
    struct text words, slug;
    enum sample_status status;
    bool open;
    int64_t limit, share, after;
    int32_t day;
    struct id user;
    struct text cursor;
    struct money price;
};
static const struct field query_rows[] = {
    TEXT(query, 1, words, .max = 10), TEXT(query, 2, slug, .format = FORMAT_SLUG), ENUM(query, 3, status, &sample_statuses), BOOL(query, 4, open, .initial = true),
    INTEGER(query, 5, limit, .min = 1, .max = 100, .initial = 20), BASIS_POINTS(query, 6, share), TIME(query, 7, after), DATE(query, 8, day),
    ID(query, 9, user), BYTES(query, 10, cursor), MONEY(query, 11, price),
};
static const struct fields query_fields = FIELDS("query", struct query, query_rows);

static void test_query(void **state)
{
    (void)state;
    static const struct {
        const char *query, *problems;
    } rows[] = {
        {"", ""}, {"limit=1", ""}, {"limit=100&open=false", ""}, {"limit=0", "limit too_small"}, {"limit=101", "limit too_large"}, {"limit=", "limit wrong_type"}, {"limit", "limit wrong_type"},
        {"limit=1.0", "limit wrong_type"}, {"limit=99999999999999999999", "limit too_large"}, {"limit=-99999999999999999999", "limit too_small"}, {"limit=+1", "limit wrong_type"},
        {"limit=1&limit=1", "limit duplicate"}, {"Limit=1", "Limit unknown_field"}, {"price=1", "price unknown_field"}, {"=1", " unknown_field"}, {"&&limit=2&", ""},
        {"words=a+b%20c", ""}, {"words=", ""}, {"words", ""}, {"words=%zz", "words bad_format"}, {"words=%4", "words bad_format"}, {"words=%", "words bad_format"}, {"words=%ff", "words bad_format"},
        {"words=%c3%a4", ""}, {"words=%00", "words bad_format"}, {"words=12345678901", "words too_long"}, {"%77ords=a", ""}, {"%=a", " bad_format"}, {"words=a=b", ""},
        {"status=open", ""}, {"status=shut", "status not_one_of"}, {"open=1", "open wrong_type"}, {"after=2026-01-01T00:00:00Z", ""}, {"after=2026-01-01T00:00:00%2B01:00", ""},
        {"after=now", "after bad_format"}, {"day=2026-02-30", "day bad_format"}, {"user=x", "user bad_format"}, {"cursor=AAAA", ""}, {"cursor=A", "cursor bad_format"},
        {"slug=a&status=&x=1", "slug too_short, status not_one_of, x unknown_field"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct query value = {0};
        struct binding binding;
        struct problems problems = {0};
        char *exact = malloc(strlen(rows[i].query) + 1);
        memcpy(exact, rows[i].query, strlen(rows[i].query));
        enum error error = schema_bind_query(&query_fields, (struct text){exact, (uint32_t)strlen(rows[i].query)}, arena, &value, &binding, &problems);
        free(exact);
        struct text summary = summary_of(&problems);
        if (!text_is(summary, rows[i].problems)) print_message("%s: %.*s\n", rows[i].query, TEXT_ARGUMENTS(summary));
        assert_true(text_is(summary, rows[i].problems));
        assert_int_equal(error, *rows[i].problems ? ERROR_VALIDATION_FAILED : OK);
    }
    struct query value = {0};
    struct binding binding;
    struct problems problems = {0};
    assert_int_equal(schema_bind_query(&query_fields, LITERAL("words=a+b%2Bc&day=2026-01-31"), arena, &value, &binding, &problems), OK);
    assert_true(text_is(value.words, "a b+c"));
    assert_int_equal(value.day, 20260131);
    assert_int_equal(value.limit, 20);
    assert_true(value.open);
    assert_int_equal(binding.present, 1 | 1 << 7);
    assert_int_equal(schema_bind_query(&query_fields, (struct text){0}, arena, &value, &binding, &problems), OK);
}

/* ---- What any body may do ---- */

/* What is rendered can be bound again: a note without what the server sets. */
static void test_round_trip(void **state)
{
    (void)state;
    struct round {
        struct text line, prose;
        enum sample_status status;
        bool flag;
        int64_t number, when;
        int32_t day;
        struct money price;
        struct id user;
        struct text bytes;
        LIST_OF(struct text) words;
        LIST_OF(struct text_pair) pairs;
        struct query query;
    };
    static const struct field word = ELEMENT(FIELD_TEXT, struct text);
    static const struct field rows[] = {
        TEXT(round, 1, line), TEXT(round, 2, prose, .format = FORMAT_LONG), ENUM(round, 3, status, &sample_statuses), BOOL(round, 4, flag), INTEGER(round, 5, number),
        TIME(round, 6, when), DATE(round, 7, day), MONEY(round, 8, price, .min = INT64_MIN, .max = INT64_MAX), ID(round, 9, user), BYTES(round, 10, bytes),
        SCALARS(round, 11, words, struct text, &word), MAP(round, 12, pairs, .element = &word), STRUCT(round, 13, query, struct query, &query_fields),
    };
    static const struct fields fields = FIELDS("round", struct round, rows);
    struct sampler sampler = {.state = 8};
    uint32_t bound_count = 0;
    for (int i = 0; i < 3000; i++) {
        sampler.arena = arena;
        struct round value = {0}, again = {0};
        sample_fill(&sampler, &fields, &value, false, 0);
        memset(&value.query, 0, sizeof value.query);
        value.query.limit = 20;
        value.query.open = true;
        struct text json = rendered(&fields, &value, 0);
        struct bound bound = bind_body(&fields, json, BIND_CREATE, &again);
        if (bound.error == OK) {                                        /* control characters and absent map values are refused */
            assert_true(schema_equal(&fields, &value, &again));
            bound_count++;
        } else for (uint32_t k = 0; k < bound.problems.count; k++) assert_true(!strcmp(bound.problems.at[k].code, "bad_format") || !strcmp(bound.problems.at[k].code, "wrong_type"));
        arena_reset(arena);
    }
    assert_true(bound_count > 200);
}

/* Damaged bodies never do harm. */
static void test_damaged_bodies(void **state)
{
    (void)state;
    static const char body[] = "{\"title\":\"t\\u00e4\",\"price\":{\"amount\":1,\"currency\":\"USD\"},\"lines\":[{\"sku\":\"a\",\"quantity\":1,\"notes\":[{\"body\":\"x\"}],\"options\":{\"a\":\"b\"}}],"
                               "\"tags\":[\"a\",\"b\"],\"depot\":{\"street\":\"s\",\"country\":\"de\"},\"starts_at\":\"2026-01-31T12:00:00Z\",\"version\":3}";
    static const char alphabet[] = "{}[]\",:\\u0019ae.-+ \n\t\x80\xC3\xFFtfn";
    uint64_t random = 9;
    for (int i = 0; i < 100000; i++) {
        char *bytes = malloc(sizeof body);
        memcpy(bytes, body, sizeof body);
        uint32_t length = (uint32_t)(random_below(&random, 10) ? sizeof body - 1 : random_below(&random, sizeof body));
        for (size_t k = random_below(&random, 4); k; k--) bytes[random_below(&random, sizeof body - 1)] = alphabet[random_below(&random, sizeof alphabet - 1)];
        struct sample value = {0};
        struct binding binding;
        struct problems problems = {0};
        enum error error = schema_bind(&sample_fields, (struct text){bytes, length}, random_below(&random, 2) ? BIND_CREATE : BIND_PATCH, true, arena, &value, &binding, &problems);
        assert_int_equal(error == OK, problems.count == 0);
        if (error == OK) rendered(&sample_fields, &value, 3);
        schema_bind_query(&query_fields, (struct text){bytes, length}, arena, &(struct query){0}, &binding, &problems);
        free(bytes);
        arena_reset(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),   cmocka_unit_test(test_bodies),     cmocka_unit_test(test_lengths),    cmocka_unit_test(test_hostile_sizes),
        cmocka_unit_test(test_formats),   cmocka_unit_test(test_sentences),  cmocka_unit_test(test_patch),      cmocka_unit_test(test_no_version),
        cmocka_unit_test(test_null_in_a_change),
        cmocka_unit_test(test_query),     cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damaged_bodies),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
