/* Logs. A line is made on the stack and leaves with one write of at most PIPE_BUF bytes, so lines of several threads never
   mix and logging works when there is no memory. Whatever a value holds, a line is one line and valid JSON: the pairs are
   those of the format, never those that a value pretends to bring along. */
#include "base/log.h"
#include "base/bytes.h"
#include "base/time.h"
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LINE_SIZE = PIPE_BUF,
    VALUES_SIZE = 3 * 1024, /* all values of a line, before escaping */
    FORMAT_SIZE = 1024,
    AREAS_MOST = 32,
    AREA_SIZE = 24,
    FILE_WRITE_MOST = 64 * 1024,
    TAIL_SIZE = 16, /* room for the end of a line that was cut */
};

/* clang-format off */
static const char *const level_names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARNING] = "warning",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};
/* clang-format on */

/* ---- which lines are wanted ---- */

struct area_level {
    char area[AREA_SIZE];
    enum log_level level;
};
struct settings {
    enum log_level level;
    uint32_t area_count;
    struct area_level areas[AREAS_MOST];
};

static pthread_mutex_t settings_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct settings settings = {.level = LOG_INFO};
static _Atomic int level_most = LOG_INFO; /* of all areas: what is above is refused without the mutex */
static atomic_bool human_lines;
static _Atomic size_t write_most =
    PIPE_BUF; /* more might be mixed with the lines of others; a file takes any size whole */

static bool level_parse(struct text name, enum log_level *level)
{
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
        if (!text_is(name, level_names[i])) continue;
        *level = (enum log_level)i;
        return true;
    }
    return false;
}

/* One part of a specification: "level" or "area=level". */
static bool settings_add(struct settings *out, struct text part)
{
    struct text level_name = part;
    struct text area = text_trim(text_split(&level_name, '='));
    if (!level_name.data) return level_parse(area, &out->level);
    if (!area.length || area.length >= AREA_SIZE || out->area_count == AREAS_MOST) return false;

    struct area_level *row = &out->areas[out->area_count];
    *row = (struct area_level){0};
    memcpy(row->area, area.data, area.length);
    if (!level_parse(text_trim(level_name), &row->level)) return false;
    out->area_count++;
    return true;
}

void log_configure(const char *specification, bool human)
{
    struct settings wanted = {.level = LOG_INFO};
    struct text rest = text_of(specification), unknown = {0};
    while (rest.data) {
        struct text part = text_trim(text_split(&rest, ','));
        if (part.length && !settings_add(&wanted, part)) unknown = part;
    }
    int most = wanted.level;
    for (uint32_t i = 0; i < wanted.area_count; i++)
        if ((int)wanted.areas[i].level > most) most = wanted.areas[i].level;

    pthread_mutex_lock(&settings_mutex);
    settings = wanted;
    pthread_mutex_unlock(&settings_mutex);
    atomic_store(&level_most, most);
    atomic_store(&human_lines, human);
    struct stat file;
    bool is_file = fstat(STDERR_FILENO, &file) == 0 && S_ISREG(file.st_mode);
    atomic_store(&write_most, is_file ? (size_t)FILE_WRITE_MOST : (size_t)PIPE_BUF);
    if (unknown.data)
        log_line("log", LOG_WARNING, "a part of the log level is not understood", "part=\"%.*s\"",
                 TEXT_ARGUMENTS(unknown));
}

bool log_enabled(const char *area, enum log_level level)
{
    /* Relaxed: to see a new level a moment late does no harm. */
    if ((int)level > atomic_load_explicit(&level_most, memory_order_relaxed)) return false;
    pthread_mutex_lock(&settings_mutex);
    enum log_level wanted = settings.level;
    for (uint32_t i = 0; i < settings.area_count; i++)
        if (strcmp(settings.areas[i].area, area) == 0) wanted = settings.areas[i].level;
    pthread_mutex_unlock(&settings_mutex);
    return level <= wanted;
}

/* ---- the bytes of a line ---- */

struct line {
    size_t length;
    bool full, human;
    char bytes[LINE_SIZE];
};

static void line_bytes(struct line *line, const char *data, size_t length)
{
    if (length > LINE_SIZE - TAIL_SIZE - line->length) line->full = true;
    if (line->full) return;
    memcpy(line->bytes + line->length, data, length);
    line->length += length;
}

static void line_string(struct line *line, const char *string)
{
    line_bytes(line, string, strlen(string));
}

/* A terminal obeys control characters, the second set (U+0080 to U+009F) too; for some readers U+2028 and U+2029 end a
   line. */
static bool is_unsafe(const unsigned char *at, size_t length)
{
    if (length == 1) return at[0] < 0x20 || at[0] == 0x7F;
    if (length == 2) return at[0] == 0xC2 && at[1] < 0xA0;
    return length == 3 && at[0] == 0xE2 && at[1] == 0x80 && (at[2] == 0xA8 || at[2] == 0xA9);
}

static uint32_t code_point(const unsigned char *at, size_t length)
{
    return length == 1   ? at[0]
           : length == 2 ? (at[0] & 0x1Fu) << 6 | (at[1] & 0x3Fu)
                         : (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
}

/* The length of the UTF-8 sequence at the front, 0 when it is none. */
static size_t front_length(struct text text)
{
    for (uint32_t length = 1; length <= 4 && length <= text.length; length++)
        if (text_is_utf8((struct text){text.data, length})) return length;
    return 0;
}

/* How much at the front needs no look at more than one byte: most of nearly every line. */
static uint32_t plain_length(struct text text)
{
    uint32_t length = 0;
    for (; text.length - length >= 8; length += 8) {
        uint64_t word = bytes_load(text.data + length);
        if (bytes_unprintable(word) | bytes_equal(word, '"') | bytes_equal(word, '\\')) break;
    }
    while (length < text.length && text.data[length] >= ' ' && text.data[length] <= '~' && text.data[length] != '"' &&
           text.data[length] != '\\')
        length++;
    return length;
}

static void line_escaped(struct line *line, struct text text)
{
    while (text.length && !line->full) {
        uint32_t plain = plain_length(text);
        if (plain) {
            line_bytes(line, text.data, plain);
            text = (struct text){text.data + plain, text.length - plain};
            continue;
        }
        const unsigned char *at = (const unsigned char *)text.data;
        size_t length = front_length(text);
        if (!length) {
            line_string(line, "\\ufffd");
            length = 1;
        } else if (*at == '"' || *at == '\\') {
            line_bytes(line, "\\", 1);
            line_bytes(line, text.data, 1);
        } else if (is_unsafe(at, length)) {
            char escaped[8];
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)code_point(at, length) & 0xFFFF);
            line_string(line, escaped);
        } else {
            line_bytes(line, text.data, length);
        }
        text = (struct text){text.data + length, text.length - (uint32_t)length};
    }
}

static bool is_integer(struct text text)
{
    int64_t value;
    if (text.length > 19 || !text_to_integer(text, &value)) return false;
    bool negative = text.data[0] == '-';
    return text.data[negative] != '0' || (text.length == 1 && !negative); /* JSON has no 007 and needs no -0 */
}

static bool wants_quotes(struct text text)
{
    for (uint32_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] <= ' ' || strchr("\"\\=", text.data[i])) return true;
    return !text.length;
}

static void line_value(struct line *line, struct text value, bool quoted)
{
    bool bare = line->human ? !wants_quotes(value) : !quoted && is_integer(value);
    if (!bare) line_bytes(line, "\"", 1);
    line_escaped(line, value);
    if (!bare) line_bytes(line, "\"", 1);
}

/* A member that does not fit is left out whole, and those after it. */
static void line_member(struct line *line, struct text name, struct text value, bool quoted)
{
    size_t before = line->length;
    line_string(line, line->human ? " " : ",\"");
    line_escaped(line, name);
    line_string(line, line->human ? "=" : "\":");
    line_value(line, value, quoted);
    if (line->full) line->length = before;
}

/* A member as most are, without anything to escape, in one step. */
static void line_simple(struct line *line, struct text name, struct text value, bool quoted)
{
    if (line->human || name.length + value.length + 6 > LINE_SIZE - TAIL_SIZE - line->length) {
        line_member(line, name, value, quoted);
        return;
    }
    char *at = line->bytes + line->length;
    *at++ = ',';
    *at++ = '"';
    at = mempcpy(at, name.data, name.length);
    *at++ = '"';
    *at++ = ':';
    if (quoted) *at++ = '"';
    at = mempcpy(at, value.data, value.length);
    if (quoted) *at++ = '"';
    line->length = (size_t)(at - line->bytes);
}

/* ---- the pairs of a format ---- */

/* The end of the pair that starts at `at`: the next blank outside of double quotes. */
static const char *pair_end(const char *at)
{
    bool quoted = false;
    for (; *at && (quoted || *at != ' '); at++)
        if (*at == '"') quoted = !quoted;
    return at;
}

static void line_pair(struct line *line, struct text pair, bool quoted)
{
    struct text value = pair;
    struct text name = text_split(&value, '=');
    if (!value.data) {
        value = name;
        name = LITERAL("detail");
    } else if (quoted) {
        value = (struct text){value.data + 1, value.length - 2};
    }
    line_member(line, name, value, quoted);
}

/* Whether the caller put the value in quotes: a question to the format, for a value may begin and end with one itself. */
static bool pair_is_quoted(const char *format, const char *end)
{
    const char *value = memchr(format, '=', (size_t)(end - format));
    return value && end - value >= 3 && value[1] == '"' && end[-1] == '"';
}

static size_t formatted_length(const char *format, va_list arguments)
{
    va_list copy;
    va_copy(copy, arguments);
    int length = vsnprintf(NULL, 0, format, copy);
    va_end(copy);
    return length < 0 ? VALUES_SIZE : (size_t)length;
}

/* Everything is formatted once; where a pair ends in it is the length of the format up to the pair's end, formatted. */
static void line_pairs(struct line *line, const char *format, va_list arguments)
{
    char values[VALUES_SIZE], prefix[FORMAT_SIZE];
    va_list copy;
    va_copy(copy, arguments);
    if (vsnprintf(values, sizeof values, format, copy) < 0 || strlen(format) >= sizeof prefix) line->full = true;
    va_end(copy);

    size_t from = 0;
    for (const char *at = format, *end; *at && !line->full; at = *end ? end + 1 : end) {
        end = pair_end(at);
        memcpy(prefix, format, (size_t)(end - format));
        prefix[end - format] = 0;
        size_t to = formatted_length(prefix, arguments);
        if (to >= sizeof values)
            line->full = true;
        else if (end > at)
            line_pair(line, (struct text){values + from, (uint32_t)(to - from)}, pair_is_quoted(at, end));
        from = to + 1;
    }
}

/* ---- writing ---- */

static int64_t now_ms(void)
{
    struct timespec clock;
    clock_gettime(CLOCK_REALTIME, &clock);
    return SECONDS(clock.tv_sec) + clock.tv_nsec / 1000000;
}

static void line_open(struct line *line, int64_t time_ms, const char *area, enum log_level level, const char *message)
{
    char now[TIME_TEXT_LENGTH + 1];
    time_format(time_ms, now);
    if (line->human) {
        line_string(line, now);
        line_string(line, " ");
        line_string(line, level_names[level]);
        line_string(line, " ");
        line_string(line, area);
        line_string(line, ": ");
        line_escaped(line, text_of(message));
        return;
    }
    line_string(line, "{\"time\":\"");
    line_string(line, now);
    line_string(line, "\"");
    line_member(line, LITERAL("level"), text_of(level_names[level]), true);
    line_member(line, LITERAL("area"), text_of(area), true);
    line_member(line, LITERAL("message"), text_of(message), true);
}

static void line_close(struct line *line)
{
    const char *tail = line->human ? line->full ? " cut=true\n" : "\n" : line->full ? ",\"cut\":true}\n" : "}\n";
    memcpy(line->bytes + line->length, tail, strlen(tail)); /* TAIL_SIZE was kept free for it */
    line->length += strlen(tail);
}

static void write_all(const char *data, size_t length)
{
    int error = errno;
    for (size_t done = 0; done < length;) {
        ssize_t written = write(STDERR_FILENO, data + done, length - done);
        if (written < 0 && errno != EINTR) break; /* there is nowhere to report it */
        if (written > 0) done += (size_t)written;
    }
    errno = error;
}

void log_line(const char *area, enum log_level level, const char *message, const char *format, ...)
{
    if (!log_enabled(area, level)) return;
    struct line line;
    line.length = 0;
    line.full = false;
    line.human = atomic_load(&human_lines);
    line_open(&line, now_ms(), area, level, message);
    va_list arguments;
    va_start(arguments, format);
    if (format) line_pairs(&line, format, arguments);
    va_end(arguments);
    line_close(&line);
    write_all(line.bytes, line.length);
}

/* ---- many lines ---- */

/* Lines of one sort come many in a millisecond: how they begin is made once. */
static void line_open_again(struct line *line, const char *area, enum log_level level, const char *message)
{
    enum { BEGIN_MOST = 256 };
    static _Thread_local struct {
        int64_t time_ms;
        const char *area, *message;
        enum log_level level;
        bool human;
        size_t length;
        char bytes[BEGIN_MOST];
    } last;
    int64_t time_ms = now_ms();
    bool same = last.time_ms == time_ms && last.area == area && last.message == message && last.level == level &&
                last.human == line->human;
    if (same) {
        memcpy(line->bytes, last.bytes, last.length);
        line->length = last.length;
        return;
    }
    line_open(line, time_ms, area, level, message);
    if (line->length > BEGIN_MOST) return;
    last.time_ms = time_ms;
    last.area = area;
    last.message = message;
    last.level = level;
    last.human = line->human;
    last.length = line->length;
    memcpy(last.bytes, line->bytes, line->length);
}

void log_append(struct buffer *lines, const char *area, enum log_level level, const char *message,
                const struct log_pair *pairs, uint32_t count)
{
    struct line line;
    line.length = 0;
    line.full = false;
    line.human = atomic_load(&human_lines);
    line_open_again(&line, area, level, message);
    for (uint32_t i = 0; i < count && !line.full; i++) {
        const struct log_pair *pair = &pairs[i];
        char digits[INTEGER_TEXT_MOST];
        if (!pair->text.data)
            line_simple(&line, pair->name, integer_text(digits, pair->number), false);
        else if (pair->plain || plain_length(pair->text) == pair->text.length)
            line_simple(&line, pair->name, pair->text, true);
        else
            line_member(&line, pair->name, pair->text, true);
    }
    line_close(&line);
    buffer_bytes(lines, line.bytes, line.length);
}

void log_write(struct buffer *lines)
{
    size_t most = atomic_load_explicit(&write_most, memory_order_relaxed);
    for (size_t from = 0; from < lines->length;) {
        size_t to = lines->length;
        if (to - from > most) {
            const char *end = memrchr(lines->data + from, '\n', most);
            to = end ? (size_t)(end - lines->data) + 1 : from + most;
        }
        write_all(lines->data + from, to - from);
        from = to;
    }
    buffer_clear(lines);
}
