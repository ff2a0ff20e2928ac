/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "fuzz.h"
#include "report/wire.h"
#include "unit/said.h"

/* The bytes behind a descriptor, from their start. */
static int descriptor(struct span bytes)
{
	int fd = memfd_create("frames", MFD_CLOEXEC);

	MUST_HOLD(fd >= 0);
	MUST_HOLD(write_all(fd, bytes) == 0);
	MUST_HOLD(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	struct err err = ERR_INIT;
	struct said said;
	int fd = descriptor(bytes);
	int result;

	said_start(&said);
	result = wire_read(fd, 10000, &said.sink, &err);
	/* Whatever the child says, the sink hears only what makes sense. */
	MUST_HOLD(said.broken == NULL);
	MUST_HOLD(result == 0 || err.kind == ERR_INPUT);
	MUST_HOLD(result < 0 || (said.depth == 0 && said.reports > 0));
	said_release(&said);
	close(fd);
	return 0;
}
