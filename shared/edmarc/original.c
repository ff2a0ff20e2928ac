/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/original.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "report/gzip.h"

static int add_all(struct gzip *gzip, int fd, off_t offset, uint64_t *bytes,
		   struct err *err)
{
	char piece[64 * 1024];
	ssize_t n;

	*bytes = 0;
	while ((n = pread(fd, piece, sizeof(piece), offset)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_TEMP, "the mail");
		if (gzip_add(gzip, (struct span){ piece, (size_t)n }, err) < 0)
			return -1;
		*bytes += (uint64_t)n;
		offset += n;
	}
	return gzip_finish(gzip, err);
}

int original_compress(int fd, off_t offset, struct buf *compressed,
		      uint64_t *bytes, struct err *err)
{
	int memory = memfd_create("original", MFD_CLOEXEC);
	struct gzip *gzip;
	int result = -1;

	if (memory < 0)
		return err_errno(err, ERR_TEMP, "memory for a mail");
	buf_reset(compressed);
	gzip = gzip_new(memory, compressed->max, err);
	if (gzip != NULL)
		result = add_all(gzip, fd, offset, bytes, err);
	gzip_free(&gzip);
	if (result == 0 && lseek(memory, 0, SEEK_SET) < 0)
		result = err_errno(err, ERR_TEMP, "memory for a mail");
	if (result == 0)
		result = file_read_fd(memory, "the original", compressed, err);
	close(memory);
	return result;
}
