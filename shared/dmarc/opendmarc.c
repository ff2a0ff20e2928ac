/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/opendmarc.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The library's header has macros of these names, with other values. */
static const enum dmarc_policy policy_none = DMARC_POLICY_NONE;
static const enum dmarc_policy policy_quarantine = DMARC_POLICY_QUARANTINE;
static const enum dmarc_policy policy_reject = DMARC_POLICY_REJECT;

#include <opendmarc/dmarc.h>

#include "dns/domain.h"

#define LIBRARY "libopendmarc.so.2"

/* For a context; the library copies it and only ever prints it. */
#define NO_ADDRESS ""

#define MAX_RECORD_TEXT 128 /* it stops reading at 8 kB */

/* In the library, but not in its header. */
int opendmarc_get_tld(u_char *domain, u_char *tld, size_t tld_size);

/* The functions, with the types of the header. */
struct opendmarc {
	void *handle;
#define FUNCTION(name) __typeof__(name) *name
	FUNCTION(opendmarc_tld_read_file);
	FUNCTION(opendmarc_tld_shutdown);
	FUNCTION(opendmarc_get_tld);
	FUNCTION(opendmarc_policy_check_alignment);
	FUNCTION(opendmarc_policy_connect_init);
	FUNCTION(opendmarc_policy_connect_shutdown);
	FUNCTION(opendmarc_policy_store_from_domain);
	FUNCTION(opendmarc_policy_store_spf);
	FUNCTION(opendmarc_policy_store_dkim);
	FUNCTION(opendmarc_policy_store_dmarc);
	FUNCTION(opendmarc_get_policy_to_enforce);
	FUNCTION(opendmarc_get_policy_token_used);
	FUNCTION(opendmarc_policy_fetch_alignment);
	FUNCTION(opendmarc_policy_fetch_p);
	FUNCTION(opendmarc_policy_fetch_sp);
	FUNCTION(opendmarc_policy_fetch_pct);
#undef FUNCTION
};

#define AT(name)                                         \
	{                                                \
#name, offsetof(struct opendmarc, name), \
	}

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
	AT(opendmarc_tld_read_file),
	AT(opendmarc_tld_shutdown),
	AT(opendmarc_get_tld),
	AT(opendmarc_policy_check_alignment),
	AT(opendmarc_policy_connect_init),
	AT(opendmarc_policy_connect_shutdown),
	AT(opendmarc_policy_store_from_domain),
	AT(opendmarc_policy_store_spf),
	AT(opendmarc_policy_store_dkim),
	AT(opendmarc_policy_store_dmarc),
	AT(opendmarc_get_policy_to_enforce),
	AT(opendmarc_get_policy_token_used),
	AT(opendmarc_policy_fetch_alignment),
	AT(opendmarc_policy_fetch_p),
	AT(opendmarc_policy_fetch_sp),
	AT(opendmarc_policy_fetch_pct),
};

/*
 * The library takes everything as u_char * and copies what it keeps; a name of
 * ours always fits, also with a letter in front (psl.c).
 */
struct writable {
	u_char text[DOMAIN_MAX_OCTETS + 2];
};

static struct writable writable(const char *name)
{
	struct writable copy;

	snprintf((char *)copy.text, sizeof(copy.text), "%s", name);
	return copy;
}

/* ---------------------------------------------------------------- loading */

static int load(struct opendmarc *library, struct err *err)
{
	size_t i;

	library->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (library->handle == NULL)
		return err_set(err, ERR_CONFIG,
			       "libopendmarc cannot be loaded: %s", dlerror());
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		/* ISO C knows no way from void * to a function; POSIX does. */
		void *function = dlsym(library->handle, functions[i].name);

		if (function == NULL)
			return err_set(err, ERR_CONFIG, "%s has no %s()",
				       LIBRARY, functions[i].name);
		memcpy((char *)library + functions[i].offset, &function,
		       sizeof(function));
	}
	return 0;
}

/* Without a list, every name is its own organization. */
static bool has_list(const struct opendmarc *library)
{
	u_char name[] = "edmarc.has-list.invalid", found[64] = "";

	return library->opendmarc_get_tld(name, found, sizeof(found)) != 0 ||
	       strcmp((const char *)found, (const char *)name) != 0;
}

static int
read_list(struct opendmarc *library, const char *path, struct err *err)
{
	char comment[] = "//", drop[] = "*.", except[] = "!";
	char *copy;
	int result;

	if (access(path, R_OK) < 0)
		return err_errno(err, ERR_CONFIG, "%s", path);
	if (has_list(library))
		return err_set(err, ERR_CONFIG,
			       "%s: another list is already in use", path);
	copy = strdup(path);
	if (copy == NULL)
		return err_set(err, ERR_CONFIG, "out of memory");
	result = library->opendmarc_tld_read_file(copy, comment, drop, except);
	free(copy);
	if (result != 0 || !has_list(library))
		return err_set(err, ERR_CONFIG, "%s: %s cannot read it", path,
			       LIBRARY);
	return 0;
}

/* Without touching a list that may be somebody else's. */
static void unload(struct opendmarc **library)
{
	if ((*library)->handle != NULL)
		dlclose((*library)->handle);
	free(*library);
	*library = NULL;
}

struct opendmarc *opendmarc_open(const char *path, struct err *err)
{
	struct opendmarc *library = calloc(1, sizeof(*library));

	if (library == NULL)
		err_set(err, ERR_CONFIG, "out of memory");
	else if (load(library, err) < 0 || read_list(library, path, err) < 0)
		unload(&library);
	return library;
}

void opendmarc_close(struct opendmarc **library)
{
	if (*library == NULL)
		return;
	(*library)->opendmarc_tld_shutdown();
	unload(library);
}

/* -------------------------------------------------------------- questions */

size_t opendmarc_labels(const struct opendmarc *library, const char *name)
{
	struct writable domain = writable(name);
	char found[sizeof(domain.text)] = "";

	if (library->opendmarc_get_tld(domain.text, (u_char *)found,
				       sizeof(found)) != 0 ||
	    !domain_is_within(name, found))
		return 0;
	return domain_labels(found);
}

static int mode_letter(enum alignment_mode mode)
{
	return mode == ALIGNMENT_STRICT ? DMARC_RECORD_A_STRICT :
					  DMARC_RECORD_A_RELAXED;
}

bool opendmarc_aligned(const struct opendmarc *library, const char *author,
		       const char *identifier, enum alignment_mode mode)
{
	struct writable from = writable(author);
	struct writable other = writable(identifier);

	return library->opendmarc_policy_check_alignment(
		       from.text, other.text, mode_letter(mode)) == 0;
}

static bool store(const struct opendmarc *library, DMARC_POLICY_T *context,
		  const struct opendmarc_question *question)
{
	struct writable from = writable(question->author), organization, name;
	u_char record[MAX_RECORD_TEXT], selector[] = "", human[] = "";
	bool good;

	snprintf((char *)record, sizeof(record), "%s", question->record);
	good = library->opendmarc_policy_store_from_domain(
		       context, from.text) == DMARC_PARSE_OKAY;
	if (good && question->spf != NULL) {
		name = writable(question->spf);
		good = library->opendmarc_policy_store_spf(
			       context, name.text,
			       DMARC_POLICY_SPF_OUTCOME_PASS,
			       question->spf_is_helo ?
				       DMARC_POLICY_SPF_ORIGIN_HELO :
				       DMARC_POLICY_SPF_ORIGIN_MAILFROM,
			       human) == DMARC_PARSE_OKAY;
	}
	if (good && question->dkim != NULL) {
		name = writable(question->dkim);
		good = library->opendmarc_policy_store_dkim(
			       context, name.text, selector,
			       DMARC_POLICY_DKIM_OUTCOME_PASS,
			       human) == DMARC_PARSE_OKAY;
	}
	if (question->organization != NULL)
		organization = writable(question->organization);
	return good && library->opendmarc_policy_store_dmarc(
			       context, record, from.text,
			       question->organization == NULL ?
				       NULL :
				       organization.text) == DMARC_PARSE_OKAY;
}

static enum dmarc_policy policy_of(int letter)
{
	switch (letter) {
	case DMARC_RECORD_P_NONE:
		return policy_none;
	case DMARC_RECORD_P_QUARANTINE:
		return policy_quarantine;
	case DMARC_RECORD_P_REJECT:
		return policy_reject;
	default:
		return DMARC_POLICY_UNSET;
	}
}

/* What to enforce; the policy is only told of messages that fail. */
static void read_result(int status, struct opendmarc_answer *answer)
{
	switch (status) {
	case DMARC_POLICY_PASS:
		answer->result = DMARC_PASS;
		return;
	case DMARC_POLICY_NONE:
		answer->policy = policy_none;
		break;
	case DMARC_POLICY_QUARANTINE:
		answer->policy = policy_quarantine;
		break;
	case DMARC_POLICY_REJECT:
		answer->policy = policy_reject;
		break;
	default:
		return;
	}
	answer->result = DMARC_FAIL;
}

static bool read_answer(const struct opendmarc *library,
			DMARC_POLICY_T *context,
			struct opendmarc_answer *answer)
{
	int p = 0, sp = 0, pct = 0, spf = 0, dkim = 0;
	bool used_sp;

	read_result(library->opendmarc_get_policy_to_enforce(context), answer);
	if (library->opendmarc_policy_fetch_p(context, &p) !=
		    DMARC_PARSE_OKAY ||
	    library->opendmarc_policy_fetch_sp(context, &sp) !=
		    DMARC_PARSE_OKAY ||
	    library->opendmarc_policy_fetch_pct(context, &pct) !=
		    DMARC_PARSE_OKAY ||
	    library->opendmarc_policy_fetch_alignment(context, &dkim, &spf) !=
		    DMARC_PARSE_OKAY ||
	    pct < 0)
		return false;
	used_sp = library->opendmarc_get_policy_token_used(context) ==
		  DMARC_USED_POLICY_IS_SP;
	answer->source = used_sp ? POLICY_SOURCE_SP : POLICY_SOURCE_P;
	if (answer->result == DMARC_PASS)
		answer->policy = policy_of(used_sp ? sp : p);
	answer->pct = (unsigned)pct;
	answer->spf_aligned = spf == DMARC_POLICY_SPF_ALIGNMENT_PASS;
	answer->dkim_aligned = dkim == DMARC_POLICY_DKIM_ALIGNMENT_PASS;
	return true;
}

int opendmarc_judge(const struct opendmarc *library,
		    const struct opendmarc_question *question,
		    struct opendmarc_answer *answer)
{
	struct opendmarc_answer read = { .result = DMARC_NONE };
	u_char address[] = NO_ADDRESS;
	DMARC_POLICY_T *context =
		library->opendmarc_policy_connect_init(address, 0);
	bool good;

	if (context == NULL)
		return -1;
	good = store(library, context, question) &&
	       read_answer(library, context, &read);
	(void)library->opendmarc_policy_connect_shutdown(context);
	if (!good)
		return -1;
	*answer = read;
	return 0;
}
