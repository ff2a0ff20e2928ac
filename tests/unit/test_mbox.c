/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "edmarc/mbox.h"
#include "edmarc/progress.h"

#define FROM "From a@b.example Mon Nov 23 10:00:00 2026\n"

static struct mbox mbox;

static int file_of(struct span text)
{
	int fd = memfd_create("mbox", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, text), 0);
	return fd;
}

static void lines_in_front_of_mails(void **state)
{
	static const char *const good[] = {
		"From a@b.example Mon Nov 23 10:00:00 2026\n",
		"From a@b.example  Mon Nov  3 10:00:00 2026\r\n",
		"From MAILER-DAEMON Mon Nov 23 10:00 2026",
		"From - Mon Nov 23 10:00:00 2026\n",
		"From 17@xxx Mon Nov 23 10:00:00 +0000 2026\n",
		"From a@b.example Mon, 23 Nov 2026 10:00:00 +0100\n",
		"From a@b.example Mon Nov 23 10:00:00 UTC 2026 remote from c",
	};
	static const char *const bad[] = {
		"",
		"From",
		"From \n",
		"From: a@b.example Mon Nov 23 10:00:00 2026\n",
		"from a@b.example Mon Nov 23 10:00:00 2026\n",
		">From a@b.example Mon Nov 23 10:00:00 2026\n",
		" From a@b.example Mon Nov 23 10:00:00 2026\n",
		"From here on, all is well\n",
		"From Mon Nov 23 2026 on\n",
		"From 10:00 to 12:00 in Nov\n",
		"From a@b.example Mon Nov 23 10:00:00 1969\n",
		"From a@b.example Mon Nov 23 10:00:0x 2026\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!mbox_is_from_line(span_of(good[i])))
			fail_msg("not taken: %s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mbox_is_from_line(span_of(bad[i])))
			fail_msg("taken: %s", bad[i]);
}

static void a_longer_line_is_none(void **state)
{
	char line[MAX_MBOX_FROM_LINE + 2];
	int n = snprintf(line, sizeof(line), "From %0*d %s",
			 MAX_MBOX_FROM_LINE - 5 - 1 - 20, 0,
			 "Nov 23 10:00:00 2026");

	(void)state;
	assert_int_equal(n, MAX_MBOX_FROM_LINE);
	assert_true(mbox_is_from_line((struct span){ line, (size_t)n }));
	line[n] = ' ';
	assert_false(mbox_is_from_line((struct span){ line, (size_t)n + 1 }));
}

/* What the mails are, from the beginning and each by its offset. */
static void check(struct span text, const char *const *want)
{
	struct buf mail = BUF_INIT((size_t)1024 * 1024);
	struct buf alone = BUF_INIT((size_t)1024 * 1024);
	static struct mbox again;
	struct mbox_mail found, second;
	struct err err = ERR_INIT;
	int fd = file_of(text);

	mbox_start(&mbox, fd, 0);
	for (; *want != NULL; want++) {
		assert_int_equal(mbox_next(&mbox, &found, &mail, &err), 1);
		assert_false(found.too_long);
		assert_int_equal(mail.n, strlen(*want));
		assert_memory_equal(buf_string(&mail), *want, mail.n);
		mbox_start(&again, fd, found.offset);
		assert_int_equal(mbox_next(&again, &second, &alone, &err), 1);
		assert_true(span_equal(buf_span(&mail), buf_span(&alone)));
	}
	assert_int_equal(mbox_next(&mbox, &found, &mail, &err), 0);
	buf_release(&mail);
	buf_release(&alone);
	close(fd);
}

static void mails_are_split_and_unquoted(void **state)
{
	static const char *const two[] = { "A: b\n\nfirst\n", "second", NULL };
	static const char *const crlf[] = { "A: b\r\n\r\nx\r\n", "y\r\n",
					    NULL };
	static const char *const quoted[] = { "From x\n>From y\n> From z\n"
					      ">>From w\nx>From\n>From\n",
					      NULL };
	static const char *const empty[] = { "", "", "\n", NULL };
	static const char *const direct[] = { "no line between\n", "x\n",
					      NULL };
	static const char *const words[] = { "From time to time\n", NULL };

	(void)state;
	check(SPAN(FROM "A: b\n\nfirst\n\n" FROM "second"), two);
	check(SPAN("From a@b Mon Nov 23 10:00:00 2026\r\nA: b\r\n\r\nx\r\n\r\n"
		   "From a@b Mon Nov 23 10:00:00 2026\r\ny\r\n\r\n"),
	      crlf);
	check(SPAN(FROM ">From x\n>>From y\n> From z\n>>>From w\nx>From\n"
			">From\n\n"),
	      quoted);
	check(SPAN(FROM FROM "\n" FROM "\n\n"), empty);
	check(SPAN(FROM "no line between\n" FROM "x\n"), direct);
	check(SPAN(FROM "From time to time\n\n"), words);
	check(SPAN(""), &two[2]);
}

/* Wherever what is read at a time ends, also in a "From " line. */
static void lines_cross_what_is_read(void **state)
{
	size_t before = MBOX_READ_BYTES - 2 * sizeof(FROM);
	size_t i;

	(void)state;
	for (i = 0; i < 3 * sizeof(FROM); i++) {
		struct buf text = BUF_INIT((size_t)1024 * 1024);
		struct buf first = BUF_INIT((size_t)1024 * 1024);
		const char *want[3] = { NULL, ">\n", NULL };

		while (first.n < before + i)
			buf_add_char(&first, 'x');
		buf_add_char(&first, '\n');
		buf_add_string(&text, FROM);
		buf_add(&text, buf_span(&first));
		buf_add_string(&text, "\n" FROM ">\n");
		want[0] = buf_string(&first);
		check(buf_span(&text), want);
		buf_release(&text);
		buf_release(&first);
	}
}

/* A line longer than what is read, that looks like the next mail inside. */
static void a_long_line_is_one(void **state)
{
	struct buf text = BUF_INIT((size_t)1024 * 1024);
	struct buf want = BUF_INIT((size_t)1024 * 1024);
	const char *mails[2] = { NULL, NULL };

	(void)state;
	while (want.n < MBOX_READ_BYTES)
		buf_add_char(&want, 'x');
	buf_add_string(&want, FROM);
	buf_add_string(&text, FROM);
	buf_add(&text, buf_span(&want));
	mails[0] = buf_string(&want);
	check(buf_span(&text), mails);
	buf_release(&text);
	buf_release(&want);
}

static void a_mail_has_a_limit(void **state)
{
	static const char all[] =
		FROM "123456789\n\n" FROM "1234567890\n\n" FROM "x\n\n";
	struct buf mail = BUF_INIT(11); /* with the line that is dropped */
	struct err err = ERR_INIT;
	struct mbox_mail found;
	int fd = file_of((struct span){ all, sizeof(all) - 1 });

	(void)state;
	mbox_start(&mbox, fd, 0);
	assert_int_equal(mbox_next(&mbox, &found, &mail, &err), 1);
	assert_false(found.too_long);
	assert_string_equal(buf_string(&mail), "123456789\n");
	assert_int_equal(mbox_next(&mbox, &found, &mail, &err), 1);
	assert_true(found.too_long);
	assert_int_equal(mbox_next(&mbox, &found, &mail, &err), 1);
	assert_false(found.too_long);
	assert_string_equal(buf_string(&mail), "x\n");
	assert_string_equal(found.sender, "a@b.example");
	buf_release(&mail);
	close(fd);
}

static void something_else_is_told(void **state)
{
	struct buf mail = BUF_INIT(100);
	struct err err = ERR_INIT;
	struct mbox_mail found;
	int fd = file_of(SPAN("Subject: x\n"));

	(void)state;
	mbox_start(&mbox, fd, 0);
	assert_int_equal(mbox_next(&mbox, &found, &mail, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	close(fd);
	mbox_start(&mbox, -1, 0);
	assert_int_equal(mbox_next(&mbox, &found, &mail, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	buf_release(&mail);
}

static void progress_is_one_line(void **state)
{
	struct progress progress = { .total_bytes = 4000000000,
				     .bytes = 1000000000,
				     .mails = 12000,
				     .stored = 11000,
				     .duplicates = 900,
				     .partial = 60,
				     .rejected = 40 };
	char line[200];

	(void)state;
	progress_line(&progress, 10000, line, sizeof(line));
	assert_string_equal(line,
			    "12000 mails, 25% of 4.0 GB, 1200/s, 0:00:30 left: "
			    "11000 stored, 900 duplicate, 60 partial, 40 "
			    "rejected");
	progress_line(&progress, 10000, line, 20);
	assert_string_equal(line, "12000 mails, 25% of");
	progress_line(&progress, 999, line, 60);
	assert_null(strstr(line, "left"));
	/* a file that grew */
	progress.bytes = UINT64_MAX;
	progress_line(&progress, 3600000, line, sizeof(line));
	assert_non_null(strstr(line, "100% of 4.0 GB, 3/s, 0:00:00 left"));
	progress = (struct progress){ .mails = 0 };
	progress_line(&progress, 0, line, sizeof(line));
	assert_string_equal(line, "0 mails, 100% of 0 B, 0/s: 0 stored, 0 "
				  "duplicate, 0 partial, 0 rejected");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_in_front_of_mails),
		cmocka_unit_test(a_longer_line_is_none),
		cmocka_unit_test(mails_are_split_and_unquoted),
		cmocka_unit_test(lines_cross_what_is_read),
		cmocka_unit_test(a_long_line_is_one),
		cmocka_unit_test(a_mail_has_a_limit),
		cmocka_unit_test(something_else_is_told),
		cmocka_unit_test(progress_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
