/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/hosted.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/quote.h"
#include "mail/idn.h"

#define MAX_HOSTED_BYTES ((size_t)64 * 1024 * 1024) /* a million domains */

/* The next file name of the list, as a C string; NULL at the end. */
static const char *next_file(struct span *list, struct arena *arena)
{
	size_t n = 0;
	struct span name;

	while (list->n > 0 && (ascii_is_space(*list->p) || *list->p == ',')) {
		list->p++;
		list->n--;
	}
	while (n < list->n && !ascii_is_space(list->p[n]) && list->p[n] != ',')
		n++;
	if (n == 0)
		return NULL;
	name = (struct span){ list->p, n };
	list->p += n;
	list->n -= n;
	return arena_copy(arena, name).p;
}

static struct span first_word(struct span line)
{
	size_t n = 0;

	line = span_trim(line);
	while (n < line.n && !ascii_is_space(line.p[n]) && line.p[n] != ':' &&
	       line.p[n] != '#')
		n++;
	return (struct span){ line.p, n };
}

static int
add_domain(struct hosted *hosted, const char *domain, struct arena *arena)
{
	/* Full at powers of two. */
	if ((hosted->n & (hosted->n - 1)) == 0) {
		size_t room = hosted->n == 0 ? 1 : 2 * hosted->n;
		const char **larger = arena_array(arena, room, sizeof(*larger));

		if (larger == NULL)
			return -1;
		if (hosted->n > 0)
			memcpy(larger, hosted->domain,
			       hosted->n * sizeof(*larger));
		hosted->domain = larger;
	}
	hosted->domain[hosted->n++] = domain;
	return 0;
}

static int add_lines(const char *path, struct span text, struct arena *arena,
		     struct hosted *hosted, struct err *err)
{
	struct span line;
	int number = 0;

	while (span_take_line(&text, &line)) {
		struct span word = first_word(line);
		const char *domain;

		number++;
		if (word.n == 0)
			continue;
		domain = idn_to_ascii(arena, word);
		if (domain == NULL)
			log_warning("%s: line %d: not a domain name: %s", path,
				    number, quote(word).text);
		else if (add_domain(hosted, domain, arena) < 0)
			return err_set(err, ERR_TEMP, "%s: out of memory",
				       path);
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void sort(struct hosted *hosted)
{
	size_t n = 0;
	size_t i;

	if (hosted->n == 0)
		return;
	qsort(hosted->domain, hosted->n, sizeof(*hosted->domain), compare);
	for (i = 1; i < hosted->n; i++)
		if (strcmp(hosted->domain[n], hosted->domain[i]) != 0)
			hosted->domain[++n] = hosted->domain[i];
	hosted->n = n + 1;
}

int hosted_read(const char *files, struct arena *arena, struct hosted *hosted,
		struct err *err)
{
	struct span list = span_of(files);
	const char *path;

	*hosted = (struct hosted){ 0 };
	while ((path = next_file(&list, arena)) != NULL) {
		struct buf text = BUF_INIT(MAX_HOSTED_BYTES);
		int result = file_read(path, &text, err);

		if (result < 0) {
			err->kind = ERR_CONFIG;
			err_while(err, "domains.hosted");
		} else {
			result = add_lines(path, buf_span(&text), arena, hosted,
					   err);
		}
		buf_release(&text);
		if (result < 0)
			return -1;
	}
	sort(hosted);
	return 0;
}
