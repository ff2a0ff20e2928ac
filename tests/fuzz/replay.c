/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives a fuzz target all files of its corpus, or those named as arguments, so
 * that no crash comes back. Each is handed over in memory of exactly its size:
 * a sanitizer then sees the first octet read beyond.
 */
#include <dirent.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "fuzz.h"

#define MAX_INPUT_BYTES ((size_t)64 * 1024 * 1024)

static void give(struct span bytes)
{
	uint8_t *copy = NULL;

	if (bytes.n > 0) {
		copy = malloc(bytes.n);
		MUST_HOLD(copy != NULL);
		memcpy(copy, bytes.p, bytes.n);
	}
	LLVMFuzzerTestOneInput(copy, bytes.n);
	free(copy);
}

static int give_file(const char *path)
{
	struct buf bytes = BUF_INIT(MAX_INPUT_BYTES);
	struct err err = ERR_INIT;
	int result = file_read(path, &bytes, &err);

	printf("%s\n", path);
	fflush(stdout);
	if (result < 0)
		fprintf(stderr, "%s\n", err.text);
	else
		give(buf_span(&bytes));
	buf_release(&bytes);
	return result;
}

/* All files of a folder; how many, or -1. */
static int give_folder(const char *folder)
{
	struct buf path = BUF_INIT(4096);
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int n = 0;

	if (dir == NULL) {
		perror(folder);
		return -1;
	}
	while (n >= 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		buf_reset(&path);
		buf_addf(&path, "%s/%s", folder, entry->d_name);
		n = give_file(buf_string(&path)) < 0 ? -1 : n + 1;
	}
	buf_release(&path);
	closedir(dir);
	return n;
}

/* tests/fuzz/fuzz_NAME replays $srcdir/tests/fuzz/corpus/NAME. */
static int give_corpus(const char *program)
{
	const char *name = strstr(program, "/fuzz_");
	const char *srcdir = getenv("srcdir");
	struct buf folder = BUF_INIT(4096);
	int n;

	buf_addf(&folder, "%s/tests/fuzz/corpus/%s",
		 srcdir == NULL ? "." : srcdir, name == NULL ? "" : name + 6);
	n = give_folder(buf_string(&folder));
	if (n == 0)
		fprintf(stderr, "%s is empty\n", buf_string(&folder));
	buf_release(&folder);
	return n > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	int i;

	give((struct span){ .p = NULL, .n = 0 });
	if (argc < 2)
		return give_corpus(argv[0]);
	for (i = 1; i < argc; i++)
		if (give_file(argv[i]) < 0)
			return 1;
	return 0;
}
