/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/mbox.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char from[] = "From ";

#define FROM_BYTES (sizeof(from) - 1)

/* Unlike elsewhere, letter case counts. */
static bool begins_with_from(struct span line)
{
	return line.n >= FROM_BYTES && memcmp(line.p, from, FROM_BYTES) == 0;
}

/* "10:00" or "10:00:00" */
static bool is_time(struct span word)
{
	size_t i;

	if (word.n < 4 || !span_has(word, ':'))
		return false;
	for (i = 0; i < word.n; i++)
		if (!ascii_is_digit(word.p[i]) && word.p[i] != ':')
			return false;
	return true;
}

static bool is_year(struct span word)
{
	uint64_t year;

	return word.n == 4 && span_to_uint(word, 9999, &year) && year >= 1970;
}

static bool is_month(struct span word)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
					      "May", "Jun", "Jul", "Aug",
					      "Sep", "Oct", "Nov", "Dec" };
	size_t i;

	for (i = 0; i < sizeof(months) / sizeof(months[0]); i++)
		if (span_is(word, months[i]))
			return true;
	return false;
}

/*
 * A line of a mail can begin with "From " where nobody quotes; a date, however a
 * program writes it, has a month, a year and a time.
 */
bool mbox_is_from_line(struct span line)
{
	bool month = false, year = false, hour = false;
	struct span word;

	if (!begins_with_from(line) || line.n > MAX_MBOX_FROM_LINE)
		return false;
	line.p += FROM_BYTES;
	line.n -= FROM_BYTES;
	line = span_trim(line);
	while (span_take_item(&line, ' ', &word)) {
		month = month || is_month(word);
		year = year || is_year(word);
		hour = hour || is_time(word);
	}
	return month && year && hour;
}

void mbox_start(struct mbox *mbox, int fd, off_t offset)
{
	mbox->fd = fd;
	mbox->offset = offset;
	mbox->ended = false;
	mbox->begin = 0;
	mbox->end = 0;
}

/* More behind what is there; there is room. */
static int read_more(struct mbox *mbox, struct err *err)
{
	size_t waiting = mbox->end - mbox->begin;
	ssize_t n;

	memmove(mbox->bytes, mbox->bytes + mbox->begin, waiting);
	mbox->begin = 0;
	mbox->end = waiting;
	do {
		n = pread(mbox->fd, mbox->bytes + waiting,
			  sizeof(mbox->bytes) - waiting,
			  mbox->offset + (off_t)waiting);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, ERR_TEMP, "mbox");
	mbox->ended = n == 0;
	mbox->end += (size_t)n;
	return 0;
}

/* What comes next, up to the end of a line if it fits: 1, 0 at the end, -1. */
static int look(struct mbox *mbox, struct span *piece, struct err *err)
{
	for (;;) {
		const char *p = mbox->bytes + mbox->begin;
		size_t n = mbox->end - mbox->begin;
		const char *end = n == 0 ? NULL : memchr(p, '\n', n);

		if (end == NULL && !mbox->ended && n < sizeof(mbox->bytes)) {
			if (read_more(mbox, err) < 0)
				return -1;
			continue;
		}
		*piece =
			(struct span){ p, end == NULL ? n :
							(size_t)(end - p) + 1 };
		return n > 0;
	}
}

static void take(struct mbox *mbox, struct span piece)
{
	mbox->begin += piece.n;
	mbox->offset += (off_t)piece.n;
}

/* ">From " and ">>From ", but neither "> From " nor "From ". */
static bool is_quoted(struct span line)
{
	size_t quotes = 0;

	while (quotes < line.n && line.p[quotes] == '>')
		quotes++;
	return quotes > 0 && begins_with_from((struct span){ line.p + quotes,
							     line.n - quotes });
}

static void take_sender(struct mbox_mail *mail, struct span line)
{
	struct span rest = { line.p + FROM_BYTES, line.n - FROM_BYTES };
	struct span word;

	mail->sender[0] = '\0';
	if (!span_take_item(&rest, ' ', &word) ||
	    word.n >= sizeof(mail->sender) || !span_has(word, '@'))
		return;
	memcpy(mail->sender, word.p, word.n);
	mail->sender[word.n] = '\0';
}

/* The empty line that separates it from the next. */
static void drop_last_line(struct buf *text)
{
	struct span all = buf_span(text);

	if (all.n == 0 || all.p[all.n - 1] != '\n')
		return;
	all.n--;
	if (all.n > 0 && all.p[all.n - 1] == '\r')
		all.n--;
	if (all.n > 0 && all.p[all.n - 1] != '\n')
		return;
	text->n = all.n;
	text->p[all.n] = '\0';
}

int mbox_next(struct mbox *mbox, struct mbox_mail *mail, struct buf *text,
	      struct err *err)
{
	struct span piece;
	bool line_begins = true;
	int more = look(mbox, &piece, err);

	if (more <= 0)
		return more;
	if (!mbox_is_from_line(piece))
		return err_set(err, ERR_TEMP,
			       "no \"From \" line at byte %lld of the mbox",
			       (long long)mbox->offset);
	buf_reset(text);
	mail->offset = mbox->offset;
	take_sender(mail, piece);
	take(mbox, piece);
	while ((more = look(mbox, &piece, err)) > 0) {
		if (line_begins && mbox_is_from_line(piece))
			break;
		take(mbox, piece);
		if (line_begins && is_quoted(piece))
			buf_add(text,
				(struct span){ piece.p + 1, piece.n - 1 });
		else
			buf_add(text, piece);
		line_begins = piece.p[piece.n - 1] == '\n';
	}
	mail->too_long = !buf_ok(text);
	drop_last_line(text);
	return more < 0 ? -1 : 1;
}
