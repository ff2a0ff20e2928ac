/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first bytes of a file in the report spool. Dovecot's plugin writes them,
 * but ingest must survive whatever else lies there.
 */
#include "fuzz.h"
#include "journal/report_spool.h"

static void check_value(struct span value, struct span text)
{
	size_t i;

	if (value.p == NULL)
		return;
	MUST_HOLD(value.p >= text.p && value.n <= text.n);
	MUST_HOLD((size_t)(value.p - text.p) <= text.n - value.n);
	for (i = 0; i < value.n; i++)
		MUST_HOLD(value.p[i] >= ' ' && value.p[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span text = { (const char *)data, size };
	struct report_envelope envelope = { .received = -1 };
	struct err err = ERR_INIT;
	size_t mail = 12345;

	if (report_envelope_parse(text, &envelope, &mail, &err) < 0) {
		MUST_HOLD(err.kind == ERR_INPUT && envelope.received == -1);
		MUST_HOLD(envelope.recipient.p == NULL && mail == 12345);
		return 0;
	}
	MUST_HOLD(envelope.received >= 0 && envelope.recipient.n > 0);
	check_value(envelope.recipient, text);
	check_value(envelope.sender, text);
	check_value(envelope.session, text);
	/* The mail begins behind an empty line, within the limit. */
	MUST_HOLD(mail >= 2 && mail <= size);
	MUST_HOLD(mail <= MAX_REPORT_ENVELOPE_BYTES);
	MUST_HOLD(text.p[mail - 1] == '\n' && text.p[mail - 2] == '\n');
	return 0;
}
