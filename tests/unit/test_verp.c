/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/verp.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define US   "dmarc@mx.example.org"
#define DAY  INT64_C(1795305600) /* 2026-11-22 */
#define THEM "rua@example.com"

/* Of some() for US; made by Python's hmac and base64. */
#define KNOWN_TOKEN "kevqaap6kbxwy2ldbrkue4qh4tdfntlembeffqjy"

/* After "dmarc+". */
#define TOKEN_AT 6

static const struct verp_key key = { "0123456789abcdef0123456789abcdef" };

/* The policy's hash is 16 bytes; the token has the first 8 of them. */
static struct verp some(void)
{
	return verp_make(DAY, SPAN("\x00\x01\xfePolicy is longer"),
			 span_of(THEM));
}

static struct verp_sender format(const char *us)
{
	struct verp verp = some();
	struct verp_sender sender;
	struct err err = ERR_INIT;

	if (verp_format(&sender, us, &verp, &key, &err) < 0)
		fail_msg("%s", err.text);
	return sender;
}

static enum verp_result parse(const char *recipient)
{
	struct verp verp;

	return verp_parse(span_of(recipient), US, &key, &verp);
}

static void is_what_it_was(const char *recipient)
{
	const struct verp was = some();
	struct verp verp;

	assert_int_equal(verp_parse(span_of(recipient), US, &key, &verp),
			 VERP_OK);
	assert_int_equal(verp.day, DAY);
	assert_memory_equal(verp.policy, was.policy, VERP_POLICY_BYTES);
	assert_true(verp_is_for(&verp, span_of(THEM)));
	assert_false(verp_is_for(&verp, SPAN("other@example.com")));
}

static void is_the_same_everywhere(void **state)
{
	struct verp_sender sender = format(US);

	(void)state;
	assert_string_equal(sender.text,
			    "dmarc+" KNOWN_TOKEN "@mx.example.org");
}

/* R8.15: a real address of ours, whose bounces say what they are about. */
static void comes_back(void **state)
{
	struct verp_sender sender = format(US);
	char *c;

	(void)state;
	is_what_it_was(sender.text);
	for (c = sender.text; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	is_what_it_was(sender.text);
	for (c = sender.text; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	is_what_it_was(sender.text);
}

static void has_lower_case_only(void **state)
{
	struct verp_sender sender = format(US);
	const char *c;

	(void)state;
	for (c = sender.text; *c != '\0'; c++)
		assert_false(isupper((unsigned char)*c));
}

static void survives_all_days(void **state)
{
	static const int64_t days[] = { 0, 1, 255, 256, 20779, 65535 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		struct verp verp = verp_make(days[i] * 86400,
					     SPAN("\xff\xff\xff\xff\xff\xff\xff"
						  "\xff"),
					     span_of(THEM)),
			    got;
		struct verp_sender sender;
		struct err err = ERR_INIT;

		assert_int_equal(verp_format(&sender, US, &verp, &key, &err),
				 0);
		assert_int_equal(
			verp_parse(span_of(sender.text), US, &key, &got),
			VERP_OK);
		assert_int_equal(got.day, days[i] * 86400);
	}
}

/* Whichever digit is changed, to whichever other: it is forged. */
static void notices_every_change(void **state)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	struct verp_sender sender = format(US);
	size_t i, d;

	(void)state;
	for (i = TOKEN_AT; i < TOKEN_AT + VERP_DIGITS; i++) {
		const char was = sender.text[i];

		for (d = 0; digits[d] != '\0'; d++) {
			sender.text[i] = digits[d];
			assert_int_equal(parse(sender.text),
					 digits[d] == was ? VERP_OK :
							    VERP_FORGED);
		}
		sender.text[i] = was;
	}
}

static void wants_the_key(void **state)
{
	const struct verp_key other = { "0123456789abcdef0123456789abcdeg" };
	struct verp_sender sender = format(US);
	struct verp verp = { .day = 7 };

	(void)state;
	assert_int_equal(verp_parse(span_of(sender.text), US, &other, &verp),
			 VERP_FORGED);
	assert_int_equal(verp.day, 7);
}

static void belongs_to_one_address(void **state)
{
	struct verp_sender sender = format(US);
	struct verp verp;
	char moved[400];

	(void)state;
	snprintf(moved, sizeof(moved), "other+%.*s@mx.example.org", VERP_DIGITS,
		 sender.text + TOKEN_AT);
	assert_int_equal(parse(moved), VERP_NONE);
	assert_int_equal(
		verp_parse(span_of(moved), "other@mx.example.org", &key, &verp),
		VERP_FORGED);
}

static void leaves_other_mail_alone(void **state)
{
	static const char *const others[] = {
		"",
		"@",
		"dmarc",
		US,
		"dmarc+@mx.example.org",
		"dmarc+" KNOWN_TOKEN,
		"dmarc+" KNOWN_TOKEN "a@mx.example.org",
		"dmarc+" KNOWN_TOKEN "@mx.example.net",
		"dmarc+" KNOWN_TOKEN "@x.example.org",
		"dmarc-" KNOWN_TOKEN "@mx.example.org",
		"Dmarx+" KNOWN_TOKEN "@mx.example.org",
		/* "1" and "0" are no digits */
		"dmarc+1111111111111111111111111111111111111111@mx.example.org",
		"dmarc+\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"@mx.example."
		"org",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(parse(others[i]), VERP_NONE);
	assert_int_equal(
		verp_parse(
			SPAN("dmarc+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0"
			     "@mx.example.org"),
			US, &key, &(struct verp){ .day = 0 }),
		VERP_NONE);
}

/* RFC 5321 4.5.3.1.1: 64 octets before the "@". */
static void keeps_the_local_part_short(void **state)
{
	struct verp verp = some();
	struct verp_sender sender =
		format("abcdefghijklmnopqrstuvw@example.org");
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(strlen("abcdefghijklmnopqrstuvw"),
			 MAX_VERP_LOCAL_PART);
	assert_int_equal(strcspn(sender.text, "@"), 64);
	assert_int_equal(verp_format(&sender,
				     "abcdefghijklmnopqrstuvwx@example.org",
				     &verp, &key, &err),
			 -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_string_equal(err.text,
			    "abcdefghijklmnopqrstuvwx@example.org: at most 23 "
			    "characters before the \"@\" leave room for bounce "
			    "addresses");
}

static void wants_a_plain_address(void **state)
{
	static const char *const bad[] = { "", "x", "x@localhost",
					   "\"a,b\"@example.org",
					   "a b@example.org" };
	struct verp verp = some();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct verp_sender sender;
		struct err err = ERR_INIT;

		assert_int_equal(
			verp_format(&sender, bad[i], &verp, &key, &err), -1);
		assert_int_equal(err.kind, ERR_CONFIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_the_same_everywhere),
		cmocka_unit_test(comes_back),
		cmocka_unit_test(has_lower_case_only),
		cmocka_unit_test(survives_all_days),
		cmocka_unit_test(notices_every_change),
		cmocka_unit_test(wants_the_key),
		cmocka_unit_test(belongs_to_one_address),
		cmocka_unit_test(leaves_other_mail_alone),
		cmocka_unit_test(keeps_the_local_part_short),
		cmocka_unit_test(wants_a_plain_address),
	};

	return cmocka_run_group_tests_name("verp", tests, NULL, NULL);
}
