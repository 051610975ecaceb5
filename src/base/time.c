/* Times and dates. Text is read strictly and written in one form only; absent (0) stays absent between times and dates. */
#include "base/time.h"
#include <string.h>

struct civil {
    int32_t year, month, day;
};

enum { YEAR_MOST = 9999 };
#define DAY_MS    DAYS(1)
#define TIME_MOST INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* Days since 1970-01-01 and back, for the Gregorian calendar in both directions: Howard Hinnant, "chrono-Compatible
   Low-Level Date Algorithms" (days_from_civil, civil_from_days). Years start in March, eras have 400 years. */
static int64_t days_of(struct civil c)
{
    int64_t year = c.month <= 2 ? c.year - 1 : c.year;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static struct civil civil_of(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    struct civil c = {
        .year = (int32_t)(year_of_era + era * 400),
        .month = (int32_t)(month < 10 ? month + 3 : month - 9),
        .day = (int32_t)(day_of_year - (153 * month + 2) / 5 + 1),
    };
    if (c.month <= 2) c.year++;
    return c;
}

static int64_t day_of_time(int64_t time_ms)
{
    return time_ms >= 0 ? time_ms / DAY_MS : -((DAY_MS - 1 - time_ms) / DAY_MS);
}

static bool civil_exists(struct civil c)
{
    static const uint8_t lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (c.year < 1 || c.year > YEAR_MOST || c.month < 1 || c.month > 12 || c.day < 1) return false;
    bool leap = c.year % 4 == 0 && (c.year % 100 != 0 || c.year % 400 == 0);
    return c.day <= lengths[c.month - 1] + (c.month == 2 && leap);
}

static struct civil civil_of_date(int32_t date)
{
    return (struct civil){date / 10000, date / 100 % 100, date % 100};
}

/* With the count known where it is called, divisions by ten are multiplications. */
static inline __attribute__((always_inline)) char *put_digits(char *out, int32_t value, int count)
{
    uint32_t left = (uint32_t)value;
    for (int i = count - 1; i >= 0; i--) {
        out[i] = (char)('0' + left % 10);
        left /= 10;
    }
    return out + count;
}

static char *put_civil(char *out, struct civil c)
{
    out = put_digits(out, c.year, 4);
    *out++ = '-';
    out = put_digits(out, c.month, 2);
    *out++ = '-';
    return put_digits(out, c.day, 2);
}

/* A time outside of the years 1970 to 9999 is written as the nearest one inside. */
void time_format(int64_t time_ms, char out[TIME_TEXT_LENGTH + 1])
{
    if (time_ms < 0) time_ms = 0;
    if (time_ms > TIME_MOST) time_ms = TIME_MOST;
    int32_t of_day = (int32_t)(time_ms % DAY_MS);
    out = put_civil(out, civil_of(time_ms / DAY_MS));
    *out++ = 'T';
    out = put_digits(out, of_day / 3600000, 2);
    *out++ = ':';
    out = put_digits(out, of_day / 60000 % 60, 2);
    *out++ = ':';
    out = put_digits(out, of_day / 1000 % 60, 2);
    *out++ = '.';
    out = put_digits(out, of_day % 1000, 3);
    *out++ = 'Z';
    *out = 0;
}

/* Takes exactly `count` digits, at most 9, off the front. */
static bool take_digits(struct text *rest, uint32_t count, int32_t *value)
{
    if (rest->length < count) return false;
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (rest->data[i] < '0' || rest->data[i] > '9') return false;
        sum = sum * 10 + (rest->data[i] - '0');
    }
    *rest = (struct text){rest->data + count, rest->length - count};
    *value = sum;
    return true;
}

/* Takes one byte off the front if it is one of two. */
static bool take_byte(struct text *rest, char byte, char other)
{
    if (!rest->length || (rest->data[0] != byte && rest->data[0] != other)) return false;
    *rest = (struct text){rest->data + 1, rest->length - 1};
    return true;
}

static bool take_civil(struct text *rest, struct civil *c)
{
    return take_digits(rest, 4, &c->year) && take_byte(rest, '-', '-') && take_digits(rest, 2, &c->month) &&
           take_byte(rest, '-', '-') && take_digits(rest, 2, &c->day) && civil_exists(*c);
}

/* hh:mm as minutes */
static bool take_minutes(struct text *rest, int32_t *minutes)
{
    int32_t hour, minute;
    if (!take_digits(rest, 2, &hour) || !take_byte(rest, ':', ':') || !take_digits(rest, 2, &minute)) return false;
    *minutes = hour * 60 + minute;
    return hour <= 23 && minute <= 59;
}

/* The optional fraction, cut to milliseconds. */
static bool take_fraction(struct text *rest, int32_t *ms)
{
    *ms = 0;
    if (!take_byte(rest, '.', '.')) return true;
    int32_t scale = 100, digit;
    uint32_t count = 0;
    for (; take_digits(rest, 1, &digit); count++, scale /= 10)
        *ms += digit * scale;
    return count >= 1 && count <= 9;
}

static bool take_offset(struct text *rest, int32_t *minutes)
{
    *minutes = 0;
    if (take_byte(rest, 'Z', 'z')) return true;
    bool west = rest->length && rest->data[0] == '-';
    if (!take_byte(rest, '+', '-') || !take_minutes(rest, minutes)) return false;
    if (west) *minutes = -*minutes;
    return true;
}

/* RFC 3339, section 5.6: T and Z may be small letters. Second 60 is refused: milliseconds since 1970 have no place for
   it. */
bool time_parse(struct text text, int64_t *time_ms)
{
    struct civil c;
    int32_t minutes, second, ms, offset;
    if (!take_civil(&text, &c) || !take_byte(&text, 'T', 't') || !take_minutes(&text, &minutes)) return false;
    if (!take_byte(&text, ':', ':') || !take_digits(&text, 2, &second) || second > 59) return false;
    if (!take_fraction(&text, &ms) || !take_offset(&text, &offset) || text.length) return false;

    int64_t result = days_of(c) * DAY_MS + MINUTES(minutes - offset) + SECONDS(second) + ms;
    if (result < 0 || result > TIME_MOST) return false;
    *time_ms = result;
    return true;
}

int32_t time_date(int64_t time_ms)
{
    if (!time_ms) return 0;
    struct civil c = civil_of(day_of_time(time_ms));
    return c.year * 10000 + c.month * 100 + c.day;
}

int64_t time_of_date(int32_t date)
{
    return date ? days_of(civil_of_date(date)) * DAY_MS : 0;
}

int32_t time_year(int64_t time_ms)
{
    return civil_of(day_of_time(time_ms)).year;
}

bool date_parse(struct text text, int32_t *date)
{
    struct civil c;
    if (!take_civil(&text, &c) || text.length) return false;
    *date = c.year * 10000 + c.month * 100 + c.day;
    return true;
}

void date_format(int32_t date, char out[11])
{
    *put_civil(out, civil_of_date(date)) = 0;
}

/* Who was born on a 29th of February is a year older on the 1st of March of a year without one. */
int32_t date_years_between(int32_t from, int32_t to)
{
    return from > 0 && to > from ? (to - from) / 10000 : 0;
}
