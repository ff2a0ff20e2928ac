/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/header.h"

/* Without the end of its last line. */
static struct span without_line_end(struct span text)
{
	if (text.n > 0 && text.p[text.n - 1] == '\n')
		text.n--;
	if (text.n > 0 && text.p[text.n - 1] == '\r')
		text.n--;
	return text;
}

/*
 * RFC 5322 2.2: printable ASCII but for ":". White space before the colon is
 * the obsolete syntax of 4.5, and what forgers use; within the name it is not
 * allowed, which also keeps an mbox "From " line with its times from being one.
 */
static bool read_name(struct span name, struct span *read)
{
	size_t i;

	while (name.n > 0 &&
	       (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '\t'))
		name.n--;
	for (i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return false;
	*read = name;
	return name.n > 0;
}

/* Grow the field, which ends where *rest begins, by its continued lines. */
static void take_folded(struct span *rest, struct span *field)
{
	struct span line;

	while (rest->n > 0 && (rest->p[0] == ' ' || rest->p[0] == '\t') &&
	       span_take_line(rest, &line))
		field->n = (size_t)(rest->p - field->p);
}

int header_next(struct span *message, struct header_field *field)
{
	struct header_field found = { 0 };
	struct span start = *message;
	struct span line, name;

	if (!span_take_line(message, &line) || line.n == 0)
		return 0;
	if (!span_take_until(&line, ':', &name) ||
	    !read_name(name, &found.name))
		return -1;
	found.body.p = line.p;
	found.body.n = start.n - message->n - (size_t)(line.p - start.p);
	take_folded(message, &found.body);
	found.body = without_line_end(found.body);
	*field = found;
	return 1;
}

bool header_find(struct span message, const char *name, struct span *body)
{
	struct header_field field;
	int more;

	while ((more = header_next(&message, &field)) != 0) {
		if (more > 0 && span_is(field.name, name)) {
			*body = field.body;
			return true;
		}
	}
	return false;
}
