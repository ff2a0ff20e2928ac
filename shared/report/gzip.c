/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/gzip.h"

#include <stdlib.h>

#define ZLIB_CONST /* next_in may point at what is const */
#include <zlib.h>

#include "base/file.h"

#define OUTPUT_BYTES    (64 * 1024)
/* zlib counts in unsigned int; what is larger goes in pieces. */
#define MAX_INPUT_BYTES ((size_t)1024 * 1024 * 1024)
#define GZIP_WRAPPER    16 /* added to the window bits: gzip, not zlib */
#define MEMORY_LEVEL    8  /* zlib's default */

struct gzip {
	z_stream stream;
	int fd;
	size_t left; /* bytes of output that are still allowed */
	unsigned char output[OUTPUT_BYTES];
};

struct gzip *gzip_new(int fd, size_t max, struct err *err)
{
	struct gzip *gzip = calloc(1, sizeof(*gzip));

	if (gzip == NULL ||
	    deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
			 MAX_WBITS + GZIP_WRAPPER, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK) {
		free(gzip);
		err_set(err, ERR_LIMIT, "gzip: out of memory");
		return NULL;
	}
	gzip->fd = fd;
	gzip->left = max;
	return gzip;
}

static int write_output(struct gzip *gzip, struct err *err)
{
	size_t n = OUTPUT_BYTES - gzip->stream.avail_out;

	if (n > gzip->left)
		return err_set(err, ERR_LIMIT,
			       "the compressed report is too large");
	gzip->left -= n;
	if (write_all(gzip->fd,
		      (struct span){ (const char *)gzip->output, n }) < 0)
		return err_errno(err, ERR_TEMP, "compressed report");
	return 0;
}

/* Compress what stream.next_in points at; all of it, since output has room. */
static int run(struct gzip *gzip, int flush, struct err *err)
{
	do {
		gzip->stream.next_out = gzip->output;
		gzip->stream.avail_out = OUTPUT_BYTES;
		if (deflate(&gzip->stream, flush) == Z_STREAM_ERROR)
			return err_set(err, ERR_INPUT,
				       "gzip: used after its end");
		if (write_output(gzip, err) < 0)
			return -1;
	} while (gzip->stream.avail_out == 0);
	return 0;
}

int gzip_add(struct gzip *gzip, struct span bytes, struct err *err)
{
	while (bytes.n > 0) {
		size_t n =
			bytes.n < MAX_INPUT_BYTES ? bytes.n : MAX_INPUT_BYTES;

		gzip->stream.next_in = (const Bytef *)bytes.p;
		gzip->stream.avail_in = (uInt)n;
		if (run(gzip, Z_NO_FLUSH, err) < 0)
			return -1;
		bytes.p += n;
		bytes.n -= n;
	}
	return 0;
}

int gzip_finish(struct gzip *gzip, struct err *err)
{
	gzip->stream.next_in = NULL;
	gzip->stream.avail_in = 0;
	return run(gzip, Z_FINISH, err);
}

void gzip_free(struct gzip **gzip)
{
	if (*gzip == NULL)
		return;
	(void)deflateEnd(&(*gzip)->stream);
	free(*gzip);
	*gzip = NULL;
}

static int
expand(z_stream *stream, unsigned char *output, int fd, struct err *err)
{
	int result = Z_OK;

	while (result == Z_OK) {
		stream->next_out = output;
		stream->avail_out = OUTPUT_BYTES;
		result = inflate(stream, Z_NO_FLUSH);
		if (write_all(fd, (struct span){ (const char *)output,
						 OUTPUT_BYTES -
							 stream->avail_out }) <
		    0)
			return err_errno(err, ERR_TEMP, "what was compressed");
	}
	if (result == Z_STREAM_END && stream->avail_in == 0)
		return 0;
	return err_set(err, ERR_INPUT, "damaged gzip data");
}

int gzip_expand(struct span gzipped, int fd, struct err *err)
{
	unsigned char output[OUTPUT_BYTES];
	z_stream stream = { .next_in = (const Bytef *)gzipped.p,
			    .avail_in = (uInt)gzipped.n };
	int result;

	if (gzipped.n > MAX_INPUT_BYTES)
		return err_set(err, ERR_INPUT, "gzip data too long");
	if (inflateInit2(&stream, MAX_WBITS + GZIP_WRAPPER) != Z_OK)
		return err_set(err, ERR_LIMIT, "gzip: out of memory");
	result = expand(&stream, output, fd, err);
	(void)inflateEnd(&stream);
	return result;
}
