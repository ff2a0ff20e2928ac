/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lex.h - what structured header fields have in common (RFC 5322 3.2): white
 * space with comments in it, and quoted strings
 *
 * Everything eats from the left of *rest, looks at each octet once, and does
 * not recurse.
 */
#ifndef EDMARC_MAIL_LEX_H
#define EDMARC_MAIL_LEX_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/span.h"

/*
 * RFC 5322 sets no limit. People nest two or three; readers that recurse give
 * up, or crash, somewhere in the hundreds.
 */
#define MAX_COMMENT_DEPTH 50

/*
 * Skip white space, line ends and comments. If comment is not NULL and a
 * comment was met, *comment is the inside of the first one. Returns false, with
 * *rest as it was, when a comment has no end or is nested too deep.
 */
MUST_CHECK bool lex_skip(struct span *rest, struct span *comment);

/*
 * *rest begins with a comment: take it, with those inside it; *inside is what is
 * between the brackets. False, with *rest as it was, when it does not, or when the
 * comment has no end or is nested too deep.
 */
MUST_CHECK bool lex_take_comment(struct span *rest, struct span *inside);

/* Skip white space and line ends only. */
void lex_skip_space(struct span *rest);

/*
 * *rest begins with a quote: take the quoted string; *inside is what is between
 * the quotes, still with its backslashes. False, with *rest as it was, when it
 * has no end.
 */
MUST_CHECK bool lex_take_quoted(struct span *rest, struct span *inside);

/*
 * What is meant by the inside of a quoted string: without the backslashes and
 * the line ends of folding. Points into inside, or into the arena if something
 * had to go; p is NULL when there is no memory.
 */
struct span lex_unquote(struct span inside, struct arena *arena);

#endif
