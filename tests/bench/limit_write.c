/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limit_write - how fast could counting verdicts and writing reports be at best?
 *
 * usage: limit_write VERDICTS
 *
 * Reads verdicts as ../shared/bench/gen_verdicts.py makes them (one line of
 * fields for each message), groups them in a hash table, and makes for each
 * policy a report of RFC 9990 in memory, by copying, and gzips it at level 6, in
 * memory too. No database, no file, no check of anything; nothing is escaped. So
 * nobody who makes the same documents with zlib can be much faster.
 *
 * Prints: lines, rows, reports, seconds for grouping, seconds for writing, bytes
 * of XML, bytes compressed, and microseconds of the processor for grouping and for
 * writing.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zlib.h>

#define FIELDS       16
#define XML_BYTES    ((size_t)1024 * 1024 * 1024)
#define GZIP_LEVEL   6
#define GZIP_WRAPPER 16 /* added to the window bits: gzip, not zlib */

enum field {
	TIME,
	HEADER_FROM,
	POLICY_DOMAIN,
	P,
	SP,
	ADKIM,
	ASPF,
	RUA,
	SOURCE_IP,
	ENVELOPE_FROM,
	HELO,
	SPF,
	DKIM,
	ALIGN_DKIM,
	ALIGN_SPF,
	DISPOSITION,
};

struct text {
	const char *p;
	size_t n;
};

struct row {
	struct text field[FIELDS];
	uint64_t hash;
	unsigned long count;
};

struct table {
	struct row *rows;
	size_t n, room;
	uint32_t *slots; /* of rows, from 1 */
	size_t mask;
};

_Noreturn static void give_up(const char *why)
{
	fprintf(stderr, "limit_write: %s\n", why);
	exit(1);
}

static void *get_memory(void *old, size_t n)
{
	void *p = realloc(old, n);

	if (p == NULL)
		give_up("no memory");
	return p;
}

struct moment {
	double clock;
	double processor;
};

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct moment moment_now(void)
{
	return (struct moment){ seconds(CLOCK_MONOTONIC),
				seconds(CLOCK_PROCESS_CPUTIME_ID) };
}

static struct text read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	struct text text;
	char *memory;
	long size;

	if (file == NULL || fseek(file, 0, SEEK_END) < 0 ||
	    (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) < 0)
		give_up(path);
	memory = get_memory(NULL, (size_t)size + 1);
	text.n = fread(memory, 1, (size_t)size, file);
	text.p = memory;
	fclose(file);
	return text;
}

/* ------------------------------------------------------------------- grouping */

/* Eight bytes at a time; good enough for what nobody attacks. */
static uint64_t hash_text(uint64_t hash, struct text text)
{
	uint64_t word;

	for (; text.n >= 8; text.p += 8, text.n -= 8) {
		memcpy(&word, text.p, 8);
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, text.p, text.n);
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

/* From the first byte of one field to the last one of another. */
static struct text from_to(const struct row *row, enum field a, enum field b)
{
	const char *end = row->field[b].p + row->field[b].n;

	return (struct text){ row->field[a].p,
			      (size_t)(end - row->field[a].p) };
}

static bool same(struct text a, struct text b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static void grow(struct table *table)
{
	size_t slots = table->mask == 0 ? 1 << 16 : 2 * (table->mask + 1);
	size_t i, at;

	free(table->slots);
	table->slots = calloc(slots, sizeof(*table->slots));
	if (table->slots == NULL)
		give_up("no memory");
	table->mask = slots - 1;
	table->room = slots / 2;
	table->rows =
		get_memory(table->rows, table->room * sizeof(*table->rows));
	for (i = 0; i < table->n; i++) {
		at = table->rows[i].hash & table->mask;
		while (table->slots[at] != 0)
			at = (at + 1) & table->mask;
		table->slots[at] = (uint32_t)(i + 1);
	}
}

static void count(struct table *table, struct row *row)
{
	struct text a = from_to(row, HEADER_FROM, ENVELOPE_FROM);
	struct text b = from_to(row, SPF, DISPOSITION);
	size_t at;

	if (table->n == table->room)
		grow(table);
	row->hash = hash_text(hash_text(0, a), b);
	for (at = row->hash & table->mask; table->slots[at] != 0;
	     at = (at + 1) & table->mask) {
		struct row *old = &table->rows[table->slots[at] - 1];

		if (old->hash == row->hash &&
		    same(a, from_to(old, HEADER_FROM, ENVELOPE_FROM)) &&
		    same(b, from_to(old, SPF, DISPOSITION))) {
			old->count++;
			return;
		}
	}
	row->count = 1;
	table->rows[table->n++] = *row;
	table->slots[at] = (uint32_t)table->n;
}

static void split(struct row *row, const char *p, const char *end)
{
	int i;

	for (i = 0; i < FIELDS; i++) {
		const char *tab = memchr(p, '\t', (size_t)(end - p));

		if (i == FIELDS - 1)
			tab = end;
		if (tab == NULL)
			give_up("a line with too few fields");
		row->field[i] = (struct text){ p, (size_t)(tab - p) };
		p = tab + 1;
	}
}

static size_t group(struct text text, struct table *table)
{
	const char *p = memchr(text.p, '\n', text.n); /* behind the titles */
	const char *end = text.p + text.n, *newline;
	size_t lines = 0;

	if (p == NULL)
		give_up("no lines");
	for (p++; p < end; p = newline + 1) {
		struct row row;

		newline = memchr(p, '\n', (size_t)(end - p));
		if (newline == NULL)
			give_up("a line without end");
		split(&row, p, newline);
		count(table, &row);
		lines++;
	}
	return lines;
}

/* -------------------------------------------------------------------- writing */

static char *out;

static void put(const char *p, size_t n)
{
	memcpy(out, p, n);
	out += n;
}

#define PUT(string) put(string, sizeof(string) - 1)
#define ELEMENT(indent, name, text)       \
	do {                              \
		PUT(indent "<" name ">"); \
		put((text).p, (text).n);  \
		PUT("</" name ">\n");     \
	} while (0)

static struct text text_of(const char *string)
{
	return (struct text){ string, strlen(string) };
}

static void put_head(const struct row *row, size_t number)
{
	struct text sp =
		row->field[same(row->field[SP], text_of("-")) ? P : SP];
	char id[40];

	snprintf(id, sizeof(id), "%032zx", number);
	PUT("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n"
	    " <version>1.0</version>\n <report_metadata>\n"
	    "  <org_name>Receiver</org_name>\n"
	    "  <email>dmarc@receiver.example</email>\n");
	ELEMENT("  ", "report_id", text_of(id));
	PUT("  <date_range>\n   <begin>1767225600</begin>\n"
	    "   <end>1767311999</end>\n  </date_range>\n"
	    "  <generator>limit_write</generator>\n </report_metadata>\n"
	    " <policy_published>\n");
	ELEMENT("  ", "domain", row->field[POLICY_DOMAIN]);
	ELEMENT("  ", "p", row->field[P]);
	ELEMENT("  ", "sp", sp);
	ELEMENT("  ", "np", sp);
	ELEMENT("  ", "adkim", row->field[ADKIM]);
	ELEMENT("  ", "aspf", row->field[ASPF]);
	PUT("  <fo>0</fo>\n  <testing>n</testing>\n"
	    "  <discovery_method>treewalk</discovery_method>\n"
	    " </policy_published>\n");
}

/* domain:selector:result, for each signature; "-" for none */
static void put_dkim(struct text list)
{
	while (list.n > 1) {
		struct text part[3] = { { "", 0 }, { "", 0 }, { "", 0 } };
		size_t i = 0, at;

		for (at = 0; at < list.n && list.p[at] != ','; at++)
			;
		part[0] = (struct text){ list.p, 0 };
		for (i = 0; i < 3; i++) {
			const char *p = part[i].p;
			const char *end = list.p + at;

			while (p < end && *p != ':')
				p++;
			part[i].n = (size_t)(p - part[i].p);
			if (i < 2)
				part[i + 1].p = p < end ? p + 1 : end;
		}
		PUT("   <dkim>\n");
		ELEMENT("    ", "domain", part[0]);
		ELEMENT("    ", "selector", part[1]);
		ELEMENT("    ", "result", part[2]);
		PUT("   </dkim>\n");
		at += at < list.n;
		list.p += at;
		list.n -= at;
	}
}

static void put_row(const struct row *row)
{
	char number[24];

	snprintf(number, sizeof(number), "%lu", row->count);
	PUT(" <record>\n  <row>\n");
	ELEMENT("   ", "source_ip", row->field[SOURCE_IP]);
	ELEMENT("   ", "count", text_of(number));
	PUT("   <policy_evaluated>\n");
	ELEMENT("    ", "disposition", row->field[DISPOSITION]);
	ELEMENT("    ", "dkim", row->field[ALIGN_DKIM]);
	ELEMENT("    ", "spf", row->field[ALIGN_SPF]);
	PUT("   </policy_evaluated>\n  </row>\n  <identifiers>\n");
	ELEMENT("   ", "envelope_from", row->field[ENVELOPE_FROM]);
	ELEMENT("   ", "header_from", row->field[HEADER_FROM]);
	PUT("  </identifiers>\n  <auth_results>\n");
	put_dkim(row->field[DKIM]);
	PUT("   <spf>\n");
	ELEMENT("    ", "domain", row->field[ENVELOPE_FROM]);
	PUT("    <scope>mfrom</scope>\n");
	ELEMENT("    ", "result", row->field[SPF]);
	PUT("   </spf>\n  </auth_results>\n </record>\n");
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *const *x = a, *const *y = b;
	struct text p = from_to(*x, POLICY_DOMAIN, RUA);
	struct text q = from_to(*y, POLICY_DOMAIN, RUA);
	int order = memcmp(p.p, q.p, p.n < q.n ? p.n : q.n);

	return order != 0 ? order : (p.n > q.n) - (p.n < q.n);
}

struct sizes {
	size_t reports, xml, compressed;
};

static void write_all(const struct table *table, struct sizes *sizes)
{
	const struct row **rows =
		get_memory(NULL, (table->n + 1) * sizeof(struct row *));
	/* Untouched pages of it cost nothing. */
	char *xml = get_memory(NULL, XML_BYTES);
	unsigned char *compressed = get_memory(NULL, XML_BYTES);
	z_stream z = { .zalloc = NULL };
	size_t i, j;

	for (i = 0; i < table->n; i++)
		rows[i] = &table->rows[i];
	qsort(rows, table->n, sizeof(struct row *), compare_rows);
	if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, MAX_WBITS + GZIP_WRAPPER,
			 8, Z_DEFAULT_STRATEGY) != Z_OK)
		give_up("zlib");
	for (i = 0; i < table->n; i = j) {
		out = xml;
		put_head(rows[i], i);
		for (j = i; j < table->n &&
			    (j == i || compare_rows(&rows[i], &rows[j]) == 0);
		     j++)
			put_row(rows[j]);
		PUT("</feedback>\n");
		z.next_in = (unsigned char *)xml;
		z.avail_in = (unsigned)(out - xml);
		z.next_out = compressed;
		z.avail_out = (unsigned)XML_BYTES;
		if (deflate(&z, Z_FINISH) != Z_STREAM_END)
			give_up("zlib");
		sizes->reports++;
		sizes->xml += (size_t)(out - xml);
		sizes->compressed += z.total_out;
		(void)deflateReset(&z);
	}
	(void)deflateEnd(&z);
}

int main(int argc, char **argv)
{
	struct table table = { .rows = NULL };
	struct sizes sizes = { 0 };
	struct moment begin, grouped, written;
	struct text text;
	size_t lines;

	if (argc != 2) {
		fputs("usage: limit_write VERDICTS\n", stderr);
		return 2;
	}
	text = read_file(argv[1]);
	begin = moment_now();
	lines = group(text, &table);
	grouped = moment_now();
	write_all(&table, &sizes);
	written = moment_now();
	printf("%zu %zu %zu %.6f %.6f %zu %zu %.0f %.0f\n", lines, table.n,
	       sizes.reports, grouped.clock - begin.clock,
	       written.clock - grouped.clock, sizes.xml, sizes.compressed,
	       (grouped.processor - begin.processor) * 1e6,
	       (written.processor - grouped.processor) * 1e6);
	return 0;
}
