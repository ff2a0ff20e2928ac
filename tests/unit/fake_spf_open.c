/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/fake_spf.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *fake_spf_path(void)
{
	static char path[1000];
	const char *top = getenv("top_builddir");

	snprintf(path, sizeof(path), "%s/.libs/fake_spf.so",
		 top == NULL ? "." : top);
	return path;
}

struct fake_spf *fake_spf_open(void)
{
	void *module = dlopen(fake_spf_path(), RTLD_NOW);
	struct fake_spf *fake =
		module == NULL ? NULL : dlsym(module, "fake_spf");

	if (fake == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		exit(99);
	}
	memset(fake, 0, sizeof(*fake));
	return fake;
}
