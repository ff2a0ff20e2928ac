/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"
#include "report/read_xml.h"
#include "unit/said.h"

/* Read in pieces of this size; 1 when there was a report. */
static int read_pieces(struct span bytes, size_t piece, struct said *said)
{
	struct err err = ERR_INIT;
	struct xml_reader *reader;
	int more = 1, found;

	said_start(said);
	reader = xml_reader_new(SPAN("entry"), &said->sink, &err);
	MUST_HOLD(reader != NULL);
	while (bytes.n > 0 && more == 1) {
		struct span part = bytes;

		if (part.n > piece)
			part.n = piece;
		more = xml_reader_push(reader, part, &err);
		bytes.p += part.n;
		bytes.n -= part.n;
	}
	MUST_HOLD(more >= 0);
	found = xml_reader_finish(reader, SPAN(""), &err);
	MUST_HOLD(found >= 0);
	MUST_HOLD(found == (int)said->reports);
	MUST_HOLD(found == 1 || said->text.n == 0);
	MUST_HOLD(found == 1 || xml_reader_other(reader).n > 0);
	MUST_HOLD(said->broken == NULL && said->depth == 0);
	xml_reader_free(&reader);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	struct said whole, pieces;

	xml_reader_prepare();
	read_pieces(bytes, SIZE_MAX, &whole);
	read_pieces(bytes, size % 7 + 1, &pieces);
	/*
	 * Where good bytes are cut makes no difference. (What libxml2 says
	 * about bad ones depends on how much it has seen.)
	 */
	if (whole.ok == 1)
		MUST_HOLD(span_equal(buf_span(&whole.text),
				     buf_span(&pieces.text)));
	said_release(&whole);
	said_release(&pieces);
	return 0;
}
