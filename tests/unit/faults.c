/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/faults.h"

#include <stdlib.h>

static struct {
	size_t left; /* 0: nothing to fail */
	bool failed;
} state;

bool faults_begin(size_t n)
{
	state.left = n;
	state.failed = false;
	return true;
}

bool faults_end(void)
{
	state.left = 0;
	return state.failed;
}

static bool fails(void)
{
	if (state.left == 0 || --state.left > 0)
		return false;
	state.failed = true;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}
