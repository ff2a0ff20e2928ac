/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/conf.h"

#include <string.h>

#include "base/quote.h"

struct conf conf_start(struct span text, struct arena *arena)
{
	/* A byte order mark is no part of the first line. */
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) {
		text.p += 3;
		text.n -= 3;
	}
	return (struct conf){ .rest = text, .arena = arena };
}

static bool is_name(struct span name, bool section)
{
	size_t i;

	for (i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!ascii_is_alpha(c) && !ascii_is_digit(c) && c != '_' &&
		    c != '-' && c != '.' && !(section && c == ':'))
			return false;
	}
	return name.n > 0;
}

static bool is_comment(struct span trimmed)
{
	return trimmed.n == 0 || trimmed.p[0] == '#' || trimmed.p[0] == ';';
}

static bool is_continuation(struct span line)
{
	return line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t') &&
	       span_trim(line).n > 0;
}

/* Join the following lines that begin with white space onto value. */
static int
add_continuations(struct conf *conf, struct span *value, struct err *err)
{
	for (;;) {
		struct span rest = conf->rest;
		struct span line, more;
		char *joined;

		if (!span_take_line(&rest, &line) || !is_continuation(line))
			return 0;
		conf->rest = rest;
		conf->line++;
		more = span_trim(line);
		if (is_comment(more))
			continue;
		joined = arena_alloc(conf->arena, value->n + 1 + more.n);
		if (joined == NULL)
			return err_set(err, ERR_LIMIT,
				       "line %d: value too long", conf->line);
		if (value->n > 0)
			memcpy(joined, value->p, value->n);
		joined[value->n] = ' ';
		memcpy(joined + value->n + 1, more.p, more.n);
		*value = span_trim(
			(struct span){ joined, value->n + 1 + more.n });
	}
}

int conf_next(struct conf *conf, struct conf_entry *entry, struct err *err)
{
	struct span line, key;

	while (span_take_line(&conf->rest, &line)) {
		struct span text = span_trim(line);

		conf->line++;
		if (is_comment(text))
			continue;
		if (text.p[0] == '[') {
			struct span name = { text.p + 1, text.n - 1 };

			if (name.n > 0 && name.p[name.n - 1] == ']')
				name.n--;
			else
				return err_set(err, ERR_CONFIG,
					       "line %d: no ] behind %s",
					       conf->line, quote(text).text);
			name = span_trim(name);
			if (!is_name(name, true))
				return err_set(err, ERR_CONFIG,
					       "line %d: bad section name %s",
					       conf->line, quote(text).text);
			conf->section = name;
			continue;
		}
		if (!span_take_until(&text, '=', &key))
			return err_set(err, ERR_CONFIG,
				       "line %d: expected key = value, got %s",
				       conf->line, quote(text).text);
		key = span_trim(key);
		if (!is_name(key, false))
			return err_set(err, ERR_CONFIG, "line %d: bad key %s",
				       conf->line, quote(key).text);
		*entry = (struct conf_entry){ .section = conf->section,
					      .key = key,
					      .value = span_trim(text),
					      .line = conf->line };
		if (add_continuations(conf, &entry->value, err) < 0)
			return -1;
		return 1;
	}
	return 0;
}
