/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/record.h"

#include "base/buf.h"
#include "dmarc/uri.h"

#define MAX_FAULTS_BYTES 2048 /* all faults of all tags are less */

/* The tags that mean something to us; the order is that of faults. */
enum tag {
	TAG_P,
	TAG_SP,
	TAG_NP,
	TAG_ADKIM,
	TAG_ASPF,
	TAG_PSD,
	TAG_T,
	TAG_FO,
	TAG_PCT,
	TAG_RUA,
	TAG_RUF,
	N_TAGS,
};

static const struct {
	const char *name;
	bool rfc7489; /* known to it */
} tags[N_TAGS] = {
	[TAG_P] = { "p", true },       [TAG_SP] = { "sp", true },
	[TAG_NP] = { "np", false },    [TAG_ADKIM] = { "adkim", true },
	[TAG_ASPF] = { "aspf", true }, [TAG_PSD] = { "psd", false },
	[TAG_T] = { "t", false },      [TAG_FO] = { "fo", true },
	[TAG_PCT] = { "pct", true },   [TAG_RUA] = { "rua", true },
	[TAG_RUF] = { "ruf", true },
};

struct reader {
	enum record_dialect dialect;
	struct span value[N_TAGS]; /* the last one; p is NULL when absent */
	struct buf faults;
	bool no_memory;
};

static bool is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* CR and LF are no white space here: they spoil the tag (R1.10). */
static struct span trim_wsp(struct span span)
{
	while (span.n > 0 && is_wsp(span.p[0])) {
		span.p++;
		span.n--;
	}
	while (span.n > 0 && is_wsp(span.p[span.n - 1]))
		span.n--;
	return span;
}

/*
 * Take the segment before the next ";" from the left of *rest. Returns false
 * when nothing is left.
 */
static bool take_segment(struct span *rest, struct span *segment)
{
	if (rest->n == 0)
		return false;
	if (!span_take_until(rest, ';', segment)) {
		*segment = *rest;
		rest->p += rest->n;
		rest->n = 0;
	}
	*segment = trim_wsp(*segment);
	return true;
}

static bool
split_tag(struct span segment, struct span *name, struct span *value)
{
	if (!span_take_until(&segment, '=', name))
		return false;
	*name = trim_wsp(*name);
	*value = trim_wsp(segment);
	return true;
}

/* R1.3, R1.4: "v" in any case, DMARC1 only as it is. */
static bool take_version(struct span *rest)
{
	struct span segment, name, value;

	return take_segment(rest, &segment) &&
	       split_tag(segment, &name, &value) && span_is(name, "v") &&
	       span_equal(value, SPAN("DMARC1"));
}

static void add_fault(struct reader *reader, const char *tag, const char *what)
{
	buf_addf(&reader->faults, "%s%s%s", reader->faults.n > 0 ? "; " : "",
		 tag, what);
}

static enum tag find_tag(const struct reader *reader, struct span name)
{
	size_t i;

	for (i = 0; i < N_TAGS; i++)
		if (span_is(name, tags[i].name) &&
		    (tags[i].rfc7489 || reader->dialect == RECORD_RFC9989))
			return (enum tag)i;
	return N_TAGS;
}

/* Keep the last value of each tag that is known (R1.6, R1.9). */
static void read_tags(struct reader *reader, struct span rest)
{
	bool repeated[N_TAGS] = { false };
	bool stray = false;
	struct span segment, name, value;
	size_t i;

	while (take_segment(&rest, &segment)) {
		enum tag tag;

		if (segment.n == 0)
			continue;
		if (!split_tag(segment, &name, &value)) {
			stray = true;
			continue;
		}
		tag = find_tag(reader, name);
		if (tag == N_TAGS)
			continue;
		if (reader->value[tag].p != NULL)
			repeated[tag] = true;
		reader->value[tag] = value;
	}
	for (i = 0; i < N_TAGS; i++)
		if (repeated[i])
			add_fault(reader, tags[i].name,
				  " is repeated, the last one counts");
	if (stray)
		add_fault(reader, "", "text without \"=\"");
}

/* Returns false when the tag is there but is no policy (R1.11). */
static bool
read_policy(struct reader *reader, enum tag tag, enum dmarc_policy *policy)
{
	if (reader->value[tag].p == NULL ||
	    dmarc_policy_parse(reader->value[tag], policy))
		return true;
	add_fault(reader, tags[tag].name, " is not a policy");
	return false;
}

static bool parse_yes_no(struct span value, bool *yes)
{
	if (!span_is(value, "y") && !span_is(value, "n"))
		return false;
	*yes = span_is(value, "y");
	return true;
}

static bool parse_percent(struct span value, unsigned *percent)
{
	uint64_t number;

	if (value.n > 3 || !span_to_uint(value, 100, &number))
		return false;
	*percent = (unsigned)number;
	return true;
}

/*
 * R1.13: letters between colons, each at most once, "0" and "1" not together.
 * RFC 7489 allowed both, and any repetition.
 */
static bool
parse_fo(struct span value, enum record_dialect dialect, unsigned *fo)
{
	static const char letters[] = "01ds"; /* in the order of DMARC_FO_... */
	unsigned set = 0;
	bool more = true;

	while (more) {
		struct span item;
		unsigned bit;
		size_t i;

		more = span_take_until(&value, ':', &item);
		item = trim_wsp(more ? item : value);
		for (i = 0; i < sizeof(letters) - 1; i++)
			if (item.n == 1 && ascii_lower(item.p[0]) == letters[i])
				break;
		if (i == sizeof(letters) - 1)
			return false;
		bit = 1U << i;
		if (dialect == RECORD_RFC9989 && (set & bit) != 0)
			return false;
		set |= bit;
	}
	if (dialect == RECORD_RFC9989 && (set & DMARC_FO_ALL) != 0 &&
	    (set & DMARC_FO_ANY) != 0)
		return false;
	*fo = set;
	return true;
}

/* R1.7: a bad value is as good as none, and the default stays. */
static void read_options(struct reader *reader, struct dmarc_record *record)
{
	const struct span *value = reader->value;
	bool good[N_TAGS];
	size_t i;

	for (i = 0; i < N_TAGS; i++)
		good[i] = true;
	if (value[TAG_ADKIM].p != NULL)
		good[TAG_ADKIM] =
			alignment_mode_parse(value[TAG_ADKIM], &record->adkim);
	if (value[TAG_ASPF].p != NULL)
		good[TAG_ASPF] =
			alignment_mode_parse(value[TAG_ASPF], &record->aspf);
	if (value[TAG_PSD].p != NULL)
		good[TAG_PSD] = dmarc_psd_parse(value[TAG_PSD], &record->psd);
	if (value[TAG_T].p != NULL)
		good[TAG_T] = parse_yes_no(value[TAG_T], &record->testing);
	if (value[TAG_FO].p != NULL)
		good[TAG_FO] =
			parse_fo(value[TAG_FO], reader->dialect, &record->fo);
	if (value[TAG_PCT].p != NULL)
		good[TAG_PCT] = parse_percent(value[TAG_PCT], &record->pct);
	for (i = 0; i < N_TAGS; i++)
		if (!good[i])
			add_fault(reader, tags[i].name,
				  " is not valid, the default counts");
}

/* Returns whether a valid URI is in the list (R1.11). */
static bool read_uris(struct reader *reader, enum tag tag, struct span *list)
{
	struct span rest = reader->value[tag];
	bool any = false, all = true;
	struct span item;

	if (rest.p == NULL)
		return false;
	*list = rest;
	while (span_take_item(&rest, ',', &item)) {
		enum uri_result result = uri_check(uri_without_size(item));

		if (result == URI_NO_MEMORY)
			reader->no_memory = true;
		any |= result == URI_OK;
		all &= result == URI_OK;
	}
	if (!any)
		add_fault(reader, tags[tag].name, " holds no valid URI");
	else if (!all)
		add_fault(reader, tags[tag].name, " holds an invalid URI");
	return any;
}

static enum dmarc_record_result read_record(struct reader *reader,
					    struct span rest,
					    struct dmarc_record *record)
{
	bool usable_rua, p, sp, np;

	read_tags(reader, rest);
	p = read_policy(reader, TAG_P, &record->p);
	sp = read_policy(reader, TAG_SP, &record->sp);
	np = read_policy(reader, TAG_NP, &record->np);
	record->bad_policy = !p || !sp || !np;
	read_options(reader, record);
	usable_rua = read_uris(reader, TAG_RUA, &record->rua);
	(void)read_uris(reader, TAG_RUF, &record->ruf);

	if (reader->value[TAG_P].p == NULL)
		add_fault(reader, "p", " is missing");
	else if (!record->bad_policy)
		return DMARC_RECORD_OK;
	if (!usable_rua)
		return DMARC_RECORD_NO_POLICY;
	/*
	 * R1.11: as if a record that says p=none had been found. R1.12: where
	 * only p is missing, RFC 9989 4.7 reads p=none and leaves sp and np.
	 */
	record->p = DMARC_POLICY_NONE;
	if (record->bad_policy || reader->dialect == RECORD_RFC7489) {
		record->sp = DMARC_POLICY_UNSET;
		record->np = DMARC_POLICY_UNSET;
	}
	return DMARC_RECORD_OK;
}

enum dmarc_record_result
dmarc_record_parse_as(enum record_dialect dialect, struct span txt,
		      struct arena *arena, struct dmarc_record *record)
{
	struct dmarc_record r = { .fo = DMARC_FO_ALL, .pct = 100 };
	struct reader reader = { .dialect = dialect,
				 .faults = BUF_INIT(MAX_FAULTS_BYTES) };
	enum dmarc_record_result result;
	struct span rest = txt;

	if (!take_version(&rest))
		return DMARC_RECORD_NOT_DMARC;
	r.text = arena_copy(arena, txt);
	if (r.text.p == NULL)
		return DMARC_RECORD_NO_MEMORY;
	rest = (struct span){ r.text.p + (txt.n - rest.n), rest.n };
	result = read_record(&reader, rest, &r);
	r.faults = arena_copy(arena, buf_span(&reader.faults));
	if (reader.no_memory || !buf_ok(&reader.faults) || r.faults.p == NULL)
		result = DMARC_RECORD_NO_MEMORY;
	buf_release(&reader.faults);
	if (result != DMARC_RECORD_NO_MEMORY)
		*record = r;
	return result;
}

enum dmarc_record_result dmarc_record_parse(struct span txt,
					    struct arena *arena,
					    struct dmarc_record *record)
{
	return dmarc_record_parse_as(RECORD_RFC9989, txt, arena, record);
}

enum dmarc_policy
dmarc_record_word(const struct dmarc_record *record, enum policy_source *source)
{
	switch (*source) {
	case POLICY_SOURCE_NP:
		if (record->np != DMARC_POLICY_UNSET)
			return record->np;
		*source = POLICY_SOURCE_SP;
		FALLTHROUGH;
	case POLICY_SOURCE_SP:
		if (record->sp != DMARC_POLICY_UNSET)
			return record->sp;
		*source = POLICY_SOURCE_P;
		break;
	case POLICY_SOURCE_P:
	case POLICY_SOURCE_NONE:
		break;
	}
	return record->p;
}

int dmarc_uri_next(struct span *list, struct arena *arena, struct span *address)
{
	struct uri_address found;
	struct span item;

	while (span_take_item(list, ',', &item)) {
		switch (uri_mailto(uri_without_size(item), &found)) {
		case URI_INVALID:
			continue;
		case URI_NO_MEMORY:
			return -1;
		case URI_OK:
			break;
		}
		*address = arena_copy(arena, span_of(found.text));
		return address->p == NULL ? -1 : 1;
	}
	return 0;
}
