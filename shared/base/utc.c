/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/utc.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t utc_day_begin(int64_t time)
{
	int64_t rest = time % UTC_DAY;

	if (rest < 0)
		rest += UTC_DAY;
	return time < INT64_MIN + rest ? INT64_MIN : time - rest;
}

static struct tm broken_down(int64_t time)
{
	time_t t = (time_t)time;
	struct tm tm = { .tm_year = 70, .tm_mday = 1 };

	if (gmtime_r(&t, &tm) == NULL)
		return (struct tm){ .tm_year = 70, .tm_mday = 1 };
	return tm;
}

struct utc_text utc_date(int64_t time)
{
	struct tm tm = broken_down(time);
	struct utc_text out;

	snprintf(out.text, sizeof(out.text), "%04d-%02d-%02d",
		 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	return out;
}

struct utc_text utc_stamp(int64_t time)
{
	struct tm tm = broken_down(time);
	struct utc_text out;

	snprintf(out.text, sizeof(out.text), "%04d-%02d-%02dT%02d:%02d:%02dZ",
		 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		 tm.tm_min, tm.tm_sec);
	return out;
}

struct utc_text utc_mail(int64_t time)
{
	static const char day[][4] = { "Sun", "Mon", "Tue", "Wed",
				       "Thu", "Fri", "Sat" };
	static const char month[][4] = { "Jan", "Feb", "Mar", "Apr",
					 "May", "Jun", "Jul", "Aug",
					 "Sep", "Oct", "Nov", "Dec" };
	struct tm tm = broken_down(time);
	struct utc_text out;

	/* Not strftime(): names of days must not follow the locale. */
	snprintf(out.text, sizeof(out.text),
		 "%s, %02d %s %d %02d:%02d:%02d +0000", day[tm.tm_wday],
		 tm.tm_mday, month[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
		 tm.tm_min, tm.tm_sec);
	return out;
}

bool utc_parse_date(struct span text, int64_t *time)
{
	uint64_t y, m, d;
	struct tm tm;
	time_t t;

	if (text.n != 10 || text.p[4] != '-' || text.p[7] != '-')
		return false;
	if (!span_to_uint((struct span){ text.p, 4 }, 9999, &y) ||
	    !span_to_uint((struct span){ text.p + 5, 2 }, 12, &m) ||
	    !span_to_uint((struct span){ text.p + 8, 2 }, 31, &d) || y < 1970 ||
	    m == 0 || d == 0)
		return false;
	tm = (struct tm){ .tm_year = (int)y - 1900,
			  .tm_mon = (int)m - 1,
			  .tm_mday = (int)d };
	t = timegm(&tm);
	if (tm.tm_mday != (int)d) /* 31 April */
		return false;
	*time = (int64_t)t;
	return true;
}

static bool
take_number(struct span *text, size_t digits, uint64_t max, uint64_t *number)
{
	struct span field = { text->p, digits };

	if (text->n < digits || !span_to_uint(field, max, number))
		return false;
	text->p += digits;
	text->n -= digits;
	return true;
}

static bool take_char(struct span *text, char c)
{
	if (text->n == 0 || text->p[0] != c)
		return false;
	text->p++;
	text->n--;
	return true;
}

/* "", "Z", "+02:00", "+0200" into seconds. */
static bool parse_zone(struct span text, int64_t *offset)
{
	uint64_t hours, minutes;
	bool west;

	*offset = 0;
	if (text.n == 0 || span_is(text, "Z"))
		return true;
	west = text.p[0] == '-';
	if (!take_char(&text, '+') && !take_char(&text, '-'))
		return false;
	if (!take_number(&text, 2, 14, &hours))
		return false;
	(void)take_char(&text, ':');
	if (!take_number(&text, 2, 59, &minutes) || text.n > 0)
		return false;
	*offset = (int64_t)(hours * 3600 + minutes * 60);
	if (west)
		*offset = -*offset;
	return true;
}

bool utc_parse_stamp(struct span text, int64_t *time)
{
	struct span date = { text.p, 10 };
	uint64_t hour, minute, second;
	int64_t day, offset;

	if (text.n < 10 || !utc_parse_date(date, &day))
		return false;
	text.p += 10;
	text.n -= 10;
	if (text.n == 0) {
		*time = day;
		return true;
	}
	if (!take_char(&text, 'T') && !take_char(&text, 't') &&
	    !take_char(&text, ' '))
		return false;
	if (!take_number(&text, 2, 23, &hour) || !take_char(&text, ':') ||
	    !take_number(&text, 2, 59, &minute) || !take_char(&text, ':') ||
	    !take_number(&text, 2, 60, &second))
		return false;
	if (take_char(&text, '.'))
		while (text.n > 0 && ascii_is_digit(text.p[0]))
			(void)take_char(&text, text.p[0]);
	if (!parse_zone(text, &offset))
		return false;
	day += (int64_t)(hour * 3600 + minute * 60 + second) - offset;
	if (day < 0)
		return false;
	*time = day;
	return true;
}
