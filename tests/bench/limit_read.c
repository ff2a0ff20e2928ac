/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limit_read - how fast could reading reports be at best?
 *
 * usage: limit_read FOLDER
 *
 * Reads each file of a report spool (or plain mails), finds the attachment, decodes
 * and inflates it, and lets libxml2 walk through the XML with handlers that do
 * nothing. No limit is checked and nothing is kept, so nobody who reads the same
 * mails with the same libraries can be much faster. It knows the shapes that
 * gen_reports makes and no others.
 *
 * Prints: mails, records, seconds of the clock, seconds of the processor.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <libxml/parser.h>
#include <zlib.h>

#define PIECE (64 * 1024)

struct bytes {
	char *p;
	size_t n;
};

static unsigned long long records;

_Noreturn static void give_up(const char *what, const char *name)
{
	fprintf(stderr, "limit_read: %s: %s\n", name, what);
	exit(1);
}

/* ------------------------------------------------------------------------- XML */

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix,
		     const xmlChar *uri, int n_namespaces,
		     const xmlChar **namespaces, int n_attributes,
		     int n_defaulted, const xmlChar **attributes)
{
	(void)context, (void)prefix, (void)uri, (void)n_namespaces;
	(void)namespaces, (void)n_attributes, (void)n_defaulted;
	(void)attributes;
	/* The one thing that shows that all of it was read. */
	if (strcmp((const char *)name, "record") == 0)
		records++;
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *uri)
{
	(void)context, (void)name, (void)prefix, (void)uri;
}

static void on_text(void *context, const xmlChar *text, int n)
{
	(void)context, (void)text, (void)n;
}

static xmlSAXHandler handler = {
	.initialized = XML_SAX2_MAGIC,
	.startElementNs = on_start,
	.endElementNs = on_end,
	.characters = on_text,
};

static xmlParserCtxtPtr open_xml(void)
{
	xmlParserCtxtPtr xml =
		xmlCreatePushParserCtxt(&handler, NULL, NULL, 0, NULL);

	if (xml != NULL)
		xmlCtxtUseOptions(xml, XML_PARSE_HUGE | XML_PARSE_NONET);
	return xml;
}

static void read_xml(struct bytes bytes, const char *name)
{
	xmlParserCtxtPtr xml = open_xml();

	if (xml == NULL || xmlParseChunk(xml, bytes.p, (int)bytes.n, 1) != 0)
		give_up("bad XML", name);
	xmlFreeParserCtxt(xml);
}

/* bits: what inflateInit2() takes, negative for zip. */
static void inflate_xml(struct bytes bytes, int bits, const char *name)
{
	static unsigned char piece[PIECE];
	xmlParserCtxtPtr xml = open_xml();
	z_stream z = { .next_in = (unsigned char *)bytes.p,
		       .avail_in = (unsigned)bytes.n };
	int status = Z_OK;

	if (xml == NULL || inflateInit2(&z, bits) != Z_OK)
		give_up("no memory", name);
	while (status == Z_OK) {
		z.next_out = piece;
		z.avail_out = sizeof(piece);
		status = inflate(&z, Z_NO_FLUSH);
		if (xmlParseChunk(xml, (char *)piece,
				  (int)(sizeof(piece) - z.avail_out),
				  status == Z_STREAM_END) != 0)
			give_up("bad XML", name);
	}
	if (status != Z_STREAM_END)
		give_up("bad compression", name);
	inflateEnd(&z);
	xmlFreeParserCtxt(xml);
}

/* ------------------------------------------------------------------------ mail */

static signed char value_of[256];

static void prepare_base64(void)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	int i;

	memset(value_of, -1, sizeof(value_of));
	for (i = 0; i < 64; i++)
		value_of[(unsigned char)digits[i]] = (signed char)i;
}

/* In place. */
static size_t decode_base64(struct bytes in)
{
	char *out = in.p;
	uint32_t bits = 0;
	unsigned have = 0;
	size_t i;

	for (i = 0; i < in.n; i++) {
		int value = value_of[(unsigned char)in.p[i]];

		if (value < 0)
			continue;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		*out++ = (char)(bits >> have);
	}
	return (size_t)(out - in.p);
}

static void read_content(struct bytes bytes, const char *name)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	size_t skip;

	if (bytes.n > 30 && memcmp(p, "PK\3\4", 4) == 0) {
		skip = 30u + (size_t)(p[26] | p[27] << 8) +
		       (size_t)(p[28] | p[29] << 8);
		inflate_xml((struct bytes){ bytes.p + skip, bytes.n - skip },
			    -MAX_WBITS, name);
	} else if (bytes.n > 2 && p[0] == 0x1f && p[1] == 0x8b) {
		inflate_xml(bytes, MAX_WBITS + 16, name);
	} else if (bytes.n > 0 && p[0] == '<') {
		read_xml(bytes, name);
	}
}

/* Is this field in the header, and does its value hold a word? */
static char *find_in_header(char *header, const char *field, const char *word)
{
	char *at = strcasestr(header, field);

	return at == NULL ? NULL : strcasestr(at, word);
}

static char *end_of_header(char *p)
{
	char *crlf = strstr(p, "\r\n\r\n");

	return crlf == NULL ? NULL : crlf + 4;
}

/* p is NUL-terminated; header and body of one part. */
static void read_part(char *p, size_t n, const char *name)
{
	char *body = end_of_header(p);
	struct bytes content;

	if (body == NULL || (size_t)(body - p) > n)
		return;
	content = (struct bytes){ body, n - (size_t)(body - p) };
	body[-1] = '\0';
	if (find_in_header(p, "Content-Transfer-Encoding:", "base64") != NULL)
		content.n = decode_base64(content);
	else if (find_in_header(p, "Content-Type:", "text/html") != NULL)
		return;
	read_content(content, name);
}

static void read_parts(char *p, const char *boundary, const char *name)
{
	char mark[200];
	size_t n;
	char *at, *next;

	n = (size_t)snprintf(mark, sizeof(mark), "\r\n--%s", boundary);
	for (at = strstr(p, mark); at != NULL; at = next) {
		next = memmem(at + n, strlen(at + n), mark, n);
		if (next == NULL)
			return;
		read_part(at + n, (size_t)(next - at) - n, name);
	}
}

static void read_mail(struct bytes mail, const char *name)
{
	char *body, *boundary;
	char copy[150] = "";

	/* A spool file has its envelope in front. */
	if (strncmp(mail.p, "edmarc-report", 13) == 0) {
		body = strstr(mail.p, "\n\n");
		if (body == NULL)
			give_up("no envelope", name);
		mail.n -= (size_t)(body + 2 - mail.p);
		mail.p = body + 2;
	}
	body = end_of_header(mail.p);
	if (body == NULL)
		give_up("no header", name);
	body[-1] = '\0';
	boundary = find_in_header(mail.p, "Content-Type:", "boundary=\"");
	if (boundary != NULL)
		(void)sscanf(boundary, "%*[^\"]\"%149[^\"]", copy);
	body[-1] = '\n';
	if (copy[0] != '\0')
		read_parts(body - 2, copy, name);
	else
		read_part(mail.p, mail.n, name);
}

static void read_one(int folder, const char *name)
{
	static char *memory;
	static size_t room;
	int fd = openat(folder, name, O_RDONLY);
	struct stat status;
	ssize_t n;
	size_t have = 0;

	if (fd < 0 || fstat(fd, &status) < 0)
		give_up("cannot be opened", name);
	if ((size_t)status.st_size + 1 > room) {
		room = (size_t)status.st_size + PIECE;
		memory = realloc(memory, room);
		if (memory == NULL)
			give_up("no memory", name);
	}
	while ((n = read(fd, memory + have, room - 1 - have)) > 0)
		have += (size_t)n;
	close(fd);
	memory[have] = '\0';
	read_mail((struct bytes){ memory, have }, name);
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double begin = seconds(CLOCK_MONOTONIC);
	unsigned long mails = 0;
	struct dirent *entry;
	DIR *dir;

	if (argc != 2 || (dir = opendir(argv[1])) == NULL) {
		fputs("usage: limit_read FOLDER\n", stderr);
		return 2;
	}
	prepare_base64();
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		read_one(dirfd(dir), entry->d_name);
		mails++;
	}
	closedir(dir);
	printf("%lu %llu %.6f %.6f\n", mails, records,
	       seconds(CLOCK_MONOTONIC) - begin,
	       seconds(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
