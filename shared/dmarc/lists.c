/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/lists.h"

#include <string.h>

#include "base/file.h"
#include "base/quote.h"
#include "dns/domain.h"

#define MAX_PATH_BYTES 4096

static bool is_file(struct span item)
{
	return item.p[0] == '/';
}

/* Digits only behind the last dot: an address with a mistake, not a domain. */
static bool ends_in_number(struct span name)
{
	size_t i = name.n;

	while (i > 0 && name.p[i - 1] != '.')
		if (!ascii_is_digit(name.p[--i]))
			return false;
	return true;
}

static bool is_good_item(struct span item, enum list_kind kind)
{
	struct network network;

	struct span local;

	if (kind == LIST_HOSTS && network_parse(item, &network))
		return true;
	if (kind == LIST_MAIL && span_take_until(&item, '@', &local))
		return local.n > 0 && domain_is_name(item) &&
		       !span_has(local, '*');
	if (span_starts(item, "*."))
		item = (struct span){ item.p + 2, item.n - 2 };
	return domain_is_name(item) && !ends_in_number(item);
}

static bool item_matches_name(struct span item, const char *name)
{
	struct span whole = span_of(name);

	if (!span_starts(item, "*."))
		return span_equal_nocase(item, whole);
	/* "*.a.b" and "x.a.b": all behind the star, and something before it. */
	item = (struct span){ item.p + 1, item.n - 1 };
	if (whole.n <= item.n)
		return false;
	whole.p += whole.n - item.n;
	whole.n = item.n;
	return span_equal_nocase(item, whole);
}

static enum list_match
match_item(struct span item, const struct list_subject *subject, size_t *which)
{
	struct network network;
	size_t i;

	for (i = 0; i < subject->n; i++) {
		if (!item_matches_name(item, subject->names[i]))
			continue;
		*which = i;
		return LIST_NAME;
	}
	if (subject->address != NULL && network_parse(item, &network) &&
	    network_holds(&network, subject->address))
		return LIST_ADDRESS;
	return LIST_NO;
}

static int read_list_file(struct span item, struct buf *text, struct err *err)
{
	char path[MAX_PATH_BYTES];
	int result;

	if (item.n >= sizeof(path))
		return err_set(err, ERR_CONFIG, "%s: name too long",
			       quote(item).text);
	memcpy(path, item.p, item.n);
	path[item.n] = '\0';
	result = file_read(path, text, err);
	if (result < 0)
		err->kind = ERR_CONFIG;
	return result;
}

/* The next line that is not empty, without its comment. */
static bool next_line(struct span *rest, struct span *item, int *number)
{
	struct span line;

	while (span_take_line(rest, &line)) {
		++*number;
		*item = line;
		(void)span_take_until(&line, '#', item);
		*item = span_trim(*item);
		if (item->n > 0)
			return true;
	}
	return false;
}

static enum list_match find_in_file(struct span path,
				    const struct list_subject *subject,
				    size_t *which, struct err *err)
{
	struct buf text = BUF_INIT(MAX_LIST_FILE_BYTES);
	enum list_match match = LIST_NO;
	struct err fault = ERR_INIT;
	struct span rest, item;
	int number = 0;

	if (read_list_file(path, &text, &fault) < 0) {
		if (err != NULL && err->kind == ERR_NONE)
			*err = fault;
		buf_release(&text);
		return LIST_NO;
	}
	rest = buf_span(&text);
	while (match == LIST_NO && next_line(&rest, &item, &number))
		match = match_item(item, subject, which);
	buf_release(&text);
	return match;
}

enum list_match list_find(struct span list, const struct list_subject *subject,
			  size_t *which, struct err *err)
{
	enum list_match match = LIST_NO;
	struct span item;

	if (subject->n == 0 && subject->address == NULL)
		return LIST_NO;
	while (match == LIST_NO && span_take_item(&list, ',', &item))
		match = is_file(item) ?
				find_in_file(item, subject, which, err) :
				match_item(item, subject, which);
	return match;
}

int list_check(struct span list, enum list_kind kind, struct err *err)
{
	struct span item;

	while (span_take_item(&list, ',', &item))
		if (span_has(item, '\0') ||
		    (!is_file(item) && !is_good_item(item, kind)))
			return err_set(
				err, ERR_CONFIG, "%s: not a domain%s or file",
				quote(item).text,
				kind == LIST_HOSTS ? ", address, network" :
				kind == LIST_MAIL  ? ", mail address" :
						     "");
	return 0;
}

static int check_file(struct span path, enum list_kind kind, struct buf *all,
		      struct err *err)
{
	struct buf text = BUF_INIT(MAX_LIST_FILE_BYTES);
	struct span rest, item;
	int number = 0, result = 0;

	if (read_list_file(path, &text, err) < 0) {
		buf_addf(all, "%s\n", err->text);
		buf_release(&text);
		return -1;
	}
	rest = buf_span(&text);
	while (next_line(&rest, &item, &number)) {
		struct err bad = ERR_INIT;

		if (is_good_item(item, kind))
			continue;
		err_set(&bad, ERR_CONFIG, "%s: line %d: no domain%s: %s",
			quote(path).text, number,
			kind == LIST_DOMAINS ? "" : " or address",
			quote(item).text);
		buf_addf(all, "%s\n", bad.text);
		if (result == 0)
			*err = bad;
		result = -1;
	}
	buf_release(&text);
	return result;
}

int list_check_files(struct span list, enum list_kind kind, struct buf *all,
		     struct err *err)
{
	struct span item;
	int result = 0;

	while (span_take_item(&list, ',', &item)) {
		struct err fault = ERR_INIT;

		if (!is_file(item) || check_file(item, kind, all, &fault) == 0)
			continue;
		if (result == 0)
			*err = fault;
		result = -1;
	}
	return result;
}
