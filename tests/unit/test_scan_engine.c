/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exim's log is told when libopendmarc judges otherwise, and the message fares by
 * our own judgement.
 */
#include "scan.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "dns/zonefile.h"
#include "unit/cases.h"
#include "unit/fake_opendmarc.h"

static void write_config(const char *folder, const char *path)
{
	struct buf text = BUF_INIT(4096);
	struct err err = ERR_INIT;

	buf_addf(&text,
		 "[evaluate]\nstandard = rfc7489\npublic_suffix_list = %s\n"
		 "[journal]\ndirectory = %s\n",
		 data_path("suffixes.dat"), folder);
	assert_int_equal(file_replace(path, buf_span(&text), 0600, &err), 0);
	buf_release(&text);
}

static void test_told(void **state)
{
	struct scan_field from = { .name = SPAN("From"),
				   .body = SPAN(" a@example.com\n") };
	struct scan_message message = { .id = "id",
					.hostname = "mx.test",
					.client_ip = "192.0.2.7",
					.client_name = "",
					.helo = "client.test",
					.mail_from = "a@fwd.test",
					.fields = &from,
					.n_fields = 1,
					.authres = "",
					.spf_result = "",
					.base_score = "",
					.base_fault = "" };
	struct scan_outcome outcome = SCAN_OUTCOME_INIT;
	char folder[] = "/tmp/scan-XXXXXX", config[64], journal[64];
	struct err err = ERR_INIT;
	struct resolver *zone = zonefile_parse(
		SPAN("_dmarc.example.com TXT \"v=DMARC1; p=reject\"\n"), &err);
	struct scanner *scanner;

	(void)state;
	assert_non_null(zone);
	assert_non_null(mkdtemp(folder));
	snprintf(config, sizeof(config), "%s/conf", folder);
	snprintf(journal, sizeof(journal), "%s/open.jsonl", folder);
	write_config(folder, config);
	message.body = open("/dev/null", O_RDONLY | O_CLOEXEC);
	scanner = scanner_new(config, &outcome.trouble);
	assert_non_null(scanner);
	scanner_use(scanner, zone, NULL);
	fake_opendmarc(FAKE_FORGETS);
	scan(scanner, &message, &outcome);
	assert_string_equal(
		buf_string(&outcome.trouble),
		"dmarc: libopendmarc judges otherwise: for example.com it says "
		"\"fail, p=none, pct=100\", we say \"fail, p=reject, "
		"pct=100\"\n");
	assert_non_null(
		strstr(buf_string(&outcome.add),
		       "dmarc=fail (p=reject) header.from=example.com"));
	close(message.body);
	scanner_free(&scanner);
	resolver_free(&zone);
	scan_outcome_release(&outcome);
	unlink(journal);
	unlink(config);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
