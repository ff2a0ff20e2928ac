/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/trust.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "dmarc/psl.h"

#define NAMES_BYTES  ((size_t)256 * 1024 * 1024) /* of a million domains */
/* The longest headers have some ten kilobytes; few have more than this. */
#define HEADER_PIECE ((size_t)16 * 1024)

#define SCRATCH_BYTES ((size_t)4 * 1024 * 1024) /* all results of a field */

struct trust {
	struct hosted hosted;
	struct arena *names; /* of hosted */
	struct arena *scratch;
	struct psl *psl; /* NULL: there is none */
	const char *ids[2];
	size_t n_ids;
	char host[256];
	char full_host[256];
	char header[MAX_CARRIER_HEADER];
};

static int no_memory(struct err *err)
{
	return err_set(err, ERR_TEMP, "out of memory");
}

static void add_id(struct trust *trust, const char *id)
{
	trust->ids[trust->n_ids++] = id;
}

/* Asked once for each process, and only where the name has no domain. */
static void find_full_name(struct trust *trust)
{
	struct addrinfo hints = { .ai_flags = AI_CANONNAME };
	struct addrinfo *found = NULL;

	if (strchr(trust->host, '.') != NULL ||
	    getaddrinfo(trust->host, NULL, &hints, &found) != 0)
		return;
	if (found->ai_canonname != NULL &&
	    snprintf(trust->full_host, sizeof(trust->full_host), "%s",
		     found->ai_canonname) < (int)sizeof(trust->full_host))
		add_id(trust, trust->full_host);
	freeaddrinfo(found);
}

static struct trust *
new_trust(const struct settings *settings, const char *host)
{
	struct trust *new = calloc(1, sizeof(*new));
	struct err err = ERR_INIT;

	if (new == NULL)
		return NULL;
	new->names = arena_new(NAMES_BYTES);
	new->scratch = arena_new(SCRATCH_BYTES);
	if (new->names == NULL || new->scratch == NULL) {
		trust_free(&new);
		return NULL;
	}
	new->psl = psl_open(settings->public_suffix_list, &err);
	if (new->psl == NULL)
		log_debug("reporters are known by their exact domain only: %s",
			  err.text);
	(void)snprintf(new->host, sizeof(new->host), "%s", host);
	if (*settings->authserv_id != '\0') {
		add_id(new, settings->authserv_id);
	} else {
		add_id(new, new->host);
		find_full_name(new);
	}
	return new;
}

int trust_load(struct trust **trust, const struct settings *settings,
	       const char *host, struct database *db, int64_t now,
	       struct err *err)
{
	if (*trust == NULL)
		*trust = new_trust(settings, host);
	if (*trust == NULL)
		return no_memory(err);
	arena_reset((*trust)->names);
	if (hosted_read(settings, db, now, (*trust)->names, &(*trust)->hosted,
			err) < 0)
		return -1;
	if (!(*trust)->hosted.configured || (*trust)->hosted.n > 0)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "[domains]: no domain is in what hosted, hosted_query "
		       "and hosted_accepted name");
}

void trust_free(struct trust **trust)
{
	if (*trust == NULL)
		return;
	psl_free(&(*trust)->psl);
	arena_free(&(*trust)->scratch);
	arena_free(&(*trust)->names);
	free(*trust);
	*trust = NULL;
}

const struct hosted *trust_hosted(const struct trust *trust)
{
	return &trust->hosted;
}

/* Is the empty line there that ends a header? */
static bool has_end(struct span header)
{
	return memmem(header.p, header.n, "\n\n", 2) != NULL ||
	       memmem(header.p, header.n, "\n\r\n", 3) != NULL;
}

/* The beginning of a mail, up to the end of the header or a little further. */
static struct span read_header(struct trust *trust, int fd, off_t offset)
{
	struct span header = { trust->header, 0 };
	ssize_t got = 0;

	/* A short read, which a signal can cause, is read on. */
	do {
		size_t room = sizeof(trust->header) - header.n;

		got = pread(fd, trust->header + header.n,
			    room < HEADER_PIECE ? room : HEADER_PIECE,
			    offset + (off_t)header.n);
		if (got > 0)
			header.n += (size_t)got;
	} while ((got > 0 && !has_end(header)) || (got < 0 && errno == EINTR));
	return header;
}

void trust_read(struct trust *trust, int fd, off_t offset, struct arena *arena,
		struct carrier *carrier)
{
	struct span header = read_header(trust, fd, offset);

	arena_reset(trust->scratch);
	carrier_read(header, trust->ids, trust->n_ids, trust->scratch, carrier);
	carrier->domain = arena_copy(arena, span_of(carrier->domain)).p;
	if (carrier->domain == NULL)
		*carrier = (struct carrier){ .domain = "" };
	carrier->psl = trust->psl;
}
