/* Time is milliseconds since 1970-01-01T00:00:00Z, UTC; 0 means never/absent. Dates are numbers yyyymmdd; 0 means absent. */
#pragma once
#include "base/text.h"

enum { TIME_TEXT_LENGTH = 24 }; /* 2026-01-02T03:04:05.678Z */
#define SECONDS(n) ((int64_t)(n)*1000)
#define MINUTES(n) (SECONDS(n) * 60)
#define HOURS(n)   (MINUTES(n) * 60)
#define DAYS(n)    (HOURS(n) * 24)

void time_format(int64_t time_ms, char out[TIME_TEXT_LENGTH + 1]);
/* RFC 3339 with any offset and up to 9 fraction digits (cut to milliseconds); false if it is not a real instant of the years 1970 to 9999. */
bool time_parse(struct text text, int64_t *time_ms);
int32_t time_date(int64_t time_ms); /* the UTC day, yyyymmdd; of 0: 0 */
int64_t time_of_date(int32_t date); /* its first millisecond; of 0: 0 */
int32_t time_year(int64_t time_ms);
bool date_parse(struct text text, int32_t *date); /* "1990-01-31", a day that exists */
void date_format(int32_t date, char out[11]);
int32_t date_years_between(int32_t from, int32_t to); /* full years of age on the day `to` */
