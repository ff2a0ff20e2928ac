/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/temp.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int temp_open(struct err *err)
{
	const char *folder = secure_getenv("TMPDIR");
	char path[PATH_MAX];
	int fd;

	if (folder == NULL || folder[0] != '/')
		folder = "/tmp";
	snprintf(path, sizeof(path), "%s/edmarc.XXXXXX", folder);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_TEMP, "temporary file in %s", folder);
	unlink(path);
	return fd;
}
