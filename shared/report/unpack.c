/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/unpack.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

#include "base/quote.h"
#include "report/limits.h"

#define PIECE_BYTES ((size_t)64 * 1024)

/* Where "ustar" stands in the first header of a tar. */
#define TAR_MAGIC_AT 257

struct unpack {
	enum content content;
	struct span bytes;
	struct unpack_budget *budget;
	size_t out; /* octets that came out of this archive */

	z_stream stream;   /* gzip, zlib */
	bool stream_open;  /* the one entry was given out */
	bool stream_ended; /* and was read to its end */

	struct archive *archive; /* zip, tar */

	/* Last, since it is not cleared: it is much for a small report. */
	char piece[PIECE_BYTES];
};

/* ------------------------------------------------------------------ content */

static bool starts(struct span bytes, const char *magic, size_t n)
{
	return bytes.n >= n && memcmp(bytes.p, magic, n) == 0;
}

/* RFC 1950 2.2: deflate, a window of up to 32 KiB, and the header's checksum. */
static bool is_zlib(struct span bytes)
{
	unsigned header;

	if (bytes.n < 2 || (bytes.p[0] & 0x0f) != 8 ||
	    (unsigned char)bytes.p[0] >> 4 > 7)
		return false;
	header = (unsigned)(unsigned char)bytes.p[0] << 8 |
		 (unsigned char)bytes.p[1];
	/* No preset dictionary: nobody would know it. "x" is 0x78. */
	return bytes.p[0] == 'x' && header % 31 == 0 && (header & 0x20) == 0;
}

static enum content text_content(struct span bytes)
{
	if (starts(bytes, "\xef\xbb\xbf", 3)) {
		bytes.p += 3;
		bytes.n -= 3;
	}
	bytes = span_trim(bytes);
	if (bytes.n == 0)
		return CONTENT_EMPTY;
	if (bytes.p[0] == '<')
		return CONTENT_XML;
	return bytes.p[0] == '{' ? CONTENT_JSON : CONTENT_OTHER;
}

enum content content_of(struct span bytes)
{
	static const char ustar[] = "ustar";

	if (bytes.n > CONTENT_BYTES)
		bytes.n = CONTENT_BYTES;
	if (starts(bytes, "\x1f\x8b", 2))
		return CONTENT_GZIP;
	/* With files, without any, and the mark of a split one. */
	if (starts(bytes, "PK\3\4", 4) || starts(bytes, "PK\5\6", 4) ||
	    starts(bytes, "PK\7\10", 4))
		return CONTENT_ZIP;
	if (starts(bytes, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8))
		return CONTENT_COMPOUND;
	if (is_zlib(bytes))
		return CONTENT_ZLIB;
	if (bytes.n >= TAR_MAGIC_AT + 5 &&
	    memcmp(bytes.p + TAR_MAGIC_AT, ustar, 5) == 0)
		return CONTENT_TAR;
	/* UTF-16, with or without its mark */
	if (starts(bytes, "\xff\xfe<\0", 4) ||
	    starts(bytes, "\xfe\xff\0<", 4) || starts(bytes, "<\0", 2) ||
	    starts(bytes, "\0<", 2))
		return CONTENT_XML;
	return text_content(bytes);
}

const char *content_name(enum content content)
{
	static const char *const names[] = {
		[CONTENT_OTHER] = "something else",
		[CONTENT_EMPTY] = "empty",
		[CONTENT_XML] = "XML",
		[CONTENT_JSON] = "JSON",
		[CONTENT_GZIP] = "a gzip stream",
		[CONTENT_ZLIB] = "a zlib stream",
		[CONTENT_ZIP] = "a zip archive",
		[CONTENT_TAR] = "a tar archive",
		[CONTENT_COMPOUND] = "Outlook's .msg: save the mail as .eml",
	};

	return (size_t)content < sizeof(names) / sizeof(names[0]) ?
		       names[content] :
		       "";
}

bool content_is_archive(enum content content)
{
	return content == CONTENT_GZIP || content == CONTENT_ZLIB ||
	       content == CONTENT_ZIP || content == CONTENT_TAR;
}

/* ------------------------------------------------------------------- limits */

/* n more octets came out; taken octets of the archive were read for all. */
static int spend(struct unpack *u, size_t n, size_t taken, struct err *err)
{
	struct unpack_budget *budget = u->budget;

	if (n > MAX_UNPACKED_BYTES - budget->unpacked)
		return err_set(err, ERR_LIMIT, "unpacks to more than %zu MiB",
			       MAX_UNPACKED_BYTES >> 20);
	budget->unpacked += n;
	u->out += n;
	if (u->out > UNPACK_RATIO_FROM &&
	    u->out / MAX_UNPACK_RATIO > (taken > 0 ? taken : 1))
		return err_set(err, ERR_LIMIT,
			       "unpacks to more than %d times its size",
			       MAX_UNPACK_RATIO);
	return 0;
}

static int spend_entry(struct unpack *u, struct err *err)
{
	if (++u->budget->entries > MAX_ENTRIES)
		return err_set(err, ERR_LIMIT, "more than %d files inside",
			       MAX_ENTRIES);
	return 0;
}

/* ------------------------------------------------------------- gzip, zlib */

static int start_stream(struct unpack *u, struct err *err)
{
	union {
		const char *from;
		Bytef *to; /* zlib does not write to its input */
	} input = { .from = u->bytes.p };

	if (u->bytes.n > UINT_MAX)
		return err_set(err, ERR_LIMIT, "too long");
	u->stream.next_in = input.to;
	u->stream.avail_in = (uInt)u->bytes.n;
	/* 32: gzip or zlib, as the header says */
	if (inflateInit2(&u->stream, MAX_WBITS + 32) != Z_OK)
		return err_set(err, ERR_TEMP, "out of memory");
	return 0;
}

/* A gzip file may hold several members; what else follows is ignored. */
static bool next_member(struct unpack *u)
{
	const z_stream *stream = &u->stream;

	return u->content == CONTENT_GZIP && stream->avail_in >= 2 &&
	       stream->next_in[0] == 0x1f && stream->next_in[1] == 0x8b;
}

static int inflate_piece(struct unpack *u, struct err *err)
{
	int result = inflate(&u->stream, Z_NO_FLUSH);

	if (result == Z_STREAM_END && next_member(u)) {
		if (inflateReset(&u->stream) != Z_OK)
			return err_set(err, ERR_TEMP, "out of memory");
		return 0;
	}
	if (result == Z_STREAM_END) {
		u->stream_ended = true;
		return 0;
	}
	if (result == Z_MEM_ERROR)
		return err_set(err, ERR_TEMP, "out of memory");
	if (result == Z_OK &&
	    (u->stream.avail_in > 0 || u->stream.avail_out == 0))
		return 0;
	if (result == Z_OK || result == Z_BUF_ERROR)
		return err_set(err, ERR_INPUT, "%s that is cut off",
			       content_name(u->content));
	return err_set(err, ERR_INPUT, "%s that is broken: %s",
		       content_name(u->content),
		       u->stream.msg == NULL ? "?" : u->stream.msg);
}

static int read_stream(struct unpack *u, struct span *piece, struct err *err)
{
	size_t n;

	if (u->stream_ended)
		return 0;
	u->stream.next_out = (Bytef *)u->piece;
	u->stream.avail_out = (uInt)sizeof(u->piece);
	while (u->stream.avail_out > 0 && !u->stream_ended)
		if (inflate_piece(u, err) < 0)
			return -1;
	n = sizeof(u->piece) - u->stream.avail_out;
	if (spend(u, n, u->bytes.n - u->stream.avail_in, err) < 0)
		return -1;
	*piece = (struct span){ u->piece, n };
	return n > 0 ? 1 : 0;
}

static int next_stream(struct unpack *u, struct span *name, struct err *err)
{
	if (u->stream_open)
		return 0;
	u->stream_open = true;
	/* The name in a gzip header is nobody's: the attachment has one. */
	*name = SPAN("");
	return spend_entry(u, err) < 0 ? -1 : 1;
}

/* ---------------------------------------------------------------- zip, tar */

static int archive_fault(struct unpack *u, struct err *err)
{
	struct span text = span_trim(span_of(archive_error_string(u->archive)));

	return err_set(err, ERR_INPUT, "%s that is broken: %s",
		       content_name(u->content),
		       text.n == 0 ? "?" : quote(text).text);
}

static int start_archive(struct unpack *u, struct err *err)
{
	int known;

	u->archive = archive_read_new();
	if (u->archive == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	known = u->content == CONTENT_ZIP ?
			archive_read_support_format_zip(u->archive) :
			archive_read_support_format_tar(u->archive);
	if (known != ARCHIVE_OK ||
	    archive_read_open_memory(u->archive, u->bytes.p, u->bytes.n) !=
		    ARCHIVE_OK)
		return archive_fault(u, err);
	return 0;
}

static int next_in_archive(struct unpack *u, struct span *name, struct err *err)
{
	struct archive_entry *entry;
	const char *path;

	for (;;) {
		int result = archive_read_next_header(u->archive, &entry);

		if (result == ARCHIVE_EOF)
			return 0;
		/* A warning here is about the name or its charset. */
		if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
			return archive_fault(u, err);
		if (spend_entry(u, err) < 0)
			return -1;
		if (archive_entry_filetype(entry) == AE_IFREG)
			break;
	}
	path = archive_entry_pathname_utf8(entry);
	if (path == NULL)
		path = archive_entry_pathname(entry);
	*name = path == NULL ? SPAN("") : span_of(path);
	return 1;
}

static int read_archive(struct unpack *u, struct span *piece, struct err *err)
{
	la_ssize_t n =
		archive_read_data(u->archive, u->piece, sizeof(u->piece));

	/* A warning here is a wrong checksum or size. */
	if (n < 0)
		return archive_fault(u, err);
	if (spend(u, (size_t)n, u->bytes.n, err) < 0)
		return -1;
	*piece = (struct span){ u->piece, (size_t)n };
	return n > 0 ? 1 : 0;
}

/* --------------------------------------------------------------------- both */

static bool is_stream(const struct unpack *u)
{
	return u->content == CONTENT_GZIP || u->content == CONTENT_ZLIB;
}

struct unpack *unpack_new(enum content content, struct span bytes,
			  struct unpack_budget *budget, struct err *err)
{
	struct unpack *u = malloc(sizeof(*u));
	int result;

	if (u == NULL) {
		err_set(err, ERR_TEMP, "out of memory");
		return NULL;
	}
	memset(u, 0, offsetof(struct unpack, piece));
	u->content = content;
	u->bytes = bytes;
	u->budget = budget;
	result = is_stream(u) ? start_stream(u, err) : start_archive(u, err);
	if (result < 0)
		unpack_free(&u);
	return u;
}

int unpack_next(struct unpack *u, struct span *name, struct err *err)
{
	return is_stream(u) ? next_stream(u, name, err) :
			      next_in_archive(u, name, err);
}

int unpack_read(struct unpack *u, struct span *piece, struct err *err)
{
	return is_stream(u) ? read_stream(u, piece, err) :
			      read_archive(u, piece, err);
}

void unpack_free(struct unpack **unpack)
{
	struct unpack *u = *unpack;

	if (u == NULL)
		return;
	if (is_stream(u))
		inflateEnd(&u->stream);
	if (u->archive != NULL)
		archive_read_free(u->archive);
	free(u);
	*unpack = NULL;
}
