/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/places.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "edmarc/hosted.h"

#define INGEST_USER "edmarc"
#define VIEW_USER   "edmarc-view"
#define FOR_OTHER   0007
#define NAMES_BYTES ((size_t)256 * 1024 * 1024) /* of a million domains */

/* With whose eyes we look. */
struct visitor {
	const struct settings *settings;
	const char *config_path;
	uid_t uid;
	gid_t gid;
	char name[64];
};

/* ---------------------------------------------------------------- one place */

/* "owner edmarc, group edmarc, mode 0700" */
static const char *described(const struct stat *st, char *text, size_t size)
{
	const struct passwd *user = getpwuid(st->st_uid);
	const struct group *group;
	char owner[64];

	if (user != NULL)
		(void)snprintf(owner, sizeof(owner), "%s", user->pw_name);
	else
		(void)snprintf(owner, sizeof(owner), "%lu",
			       (unsigned long)st->st_uid);
	group = getgrgid(st->st_gid);
	(void)snprintf(text, size, "owner %s, group %s, mode %04o", owner,
		       group == NULL ? "unknown" : group->gr_name,
		       (unsigned)st->st_mode & 07777);
	return text;
}

/* how: R_OK ... of access(2); what: "read it: what follows". */
static bool
may(const struct visitor *who, const char *path, int how, const char *what)
{
	struct stat st;
	char text[200];

	if (faccessat(AT_FDCWD, path, how, AT_EACCESS) == 0)
		return true;
	if (errno == ENOENT) {
		log_warning("%s is not there; %s has to %s", path, who->name,
			    what);
		return true;
	}
	if (stat(path, &st) < 0)
		log_error("%s: user %s cannot get there (%s), and has to %s",
			  path, who->name, strerror(errno), what);
	else
		log_error("%s (%s): user %s has to %s", path,
			  described(&st, text, sizeof(text)), who->name, what);
	return false;
}

static bool may_part(const struct visitor *who, const char *directory,
		     const char *part, const char *what)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", directory, part) >=
		       (int)sizeof(path) ||
	       may(who, path, R_OK | W_OK | X_OK, what);
}

/* Spools: others could plant or read what is in them. */
static bool is_closed(const char *path)
{
	struct stat st;
	char text[200];

	if (stat(path, &st) < 0 || (st.st_mode & FOR_OTHER) == 0)
		return true;
	log_error("%s (%s): must not be open to others: chmod o= %s", path,
		  described(&st, text, sizeof(text)), path);
	return false;
}

/* ------------------------------------------------------------------ visitors */

static bool look_as_exim(const struct visitor *who)
{
	bool good = may(who, who->config_path, R_OK,
			"read it, as Exim; no message is scored otherwise");

	return may(who, who->settings->verdict_spool, W_OK | X_OK,
		   "make files there, as Exim; no verdict is kept "
		   "otherwise") &&
	       good;
}

static bool may_make(const struct visitor *who, const char *file)
{
	const char *slash = strrchr(file, '/');
	char path[PATH_MAX];

	if (slash == NULL || snprintf(path, sizeof(path), "%.*s",
				      slash == file ? 1 : (int)(slash - file),
				      file) >= (int)sizeof(path))
		return true;
	return may(who, path, W_OK | X_OK,
		   "make files there, for [ingest] metrics");
}

static bool may_read_lists(const struct visitor *who)
{
	struct arena *arena = arena_new(NAMES_BYTES);
	struct err err = ERR_INIT;
	struct hosted hosted;
	int result;

	if (arena == NULL)
		return true;
	result = hosted_read(who->settings, NULL, 0, arena, &hosted, &err);
	arena_free(&arena);
	if (result < 0)
		log_error("user %s, for ingest: %s", who->name, err.text);
	return result == 0;
}

static bool look_as_ingest(const struct visitor *who)
{
	static const char *const parts[] = { "tmp", "new", "bad" };
	const struct settings *settings = who->settings;
	bool good = may(who, who->config_path, R_OK, "read it, for ingest");
	size_t i;

	good &= may(who, settings->verdict_spool, R_OK | W_OK | X_OK,
		    "read and remove files there, for ingest");
	good &= may(who, settings->report_spool, R_OK | W_OK | X_OK,
		    "work there, for ingest");
	for (i = 0; access(settings->report_spool, F_OK) == 0 &&
		    i < sizeof(parts) / sizeof(parts[0]);
	     i++)
		good &= may_part(who, settings->report_spool, parts[i],
				 "work there, for ingest");
	good &= may_make(who, settings->metrics);
	if (*settings->database_option_file != '\0')
		good &= may(who, settings->database_option_file, R_OK,
			    "read it, for MariaDB");
	return may_read_lists(who) && good;
}

static bool look_as_viewer(const struct visitor *who)
{
	return may(who, who->config_path, R_OK, "read it, for edmarc summary");
}

/* -------------------------------------------------------------------- users */

static void know(struct visitor *who, const struct passwd *user)
{
	who->uid = user->pw_uid;
	who->gid = user->pw_gid;
	(void)snprintf(who->name, sizeof(who->name), "%s", user->pw_name);
}

static bool know_owner(struct visitor *who, const char *path)
{
	const struct passwd *user;
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	user = getpwuid(st.st_uid);
	if (user != NULL) {
		know(who, user);
		return true;
	}
	who->uid = st.st_uid;
	who->gid = st.st_gid;
	(void)snprintf(who->name, sizeof(who->name), "%lu",
		       (unsigned long)st.st_uid);
	return true;
}

static bool know_name(struct visitor *who, const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (user != NULL)
		know(who, user);
	return user != NULL;
}

static bool become(const struct visitor *who)
{
	int grouped = getpwuid(who->uid) != NULL ?
			      initgroups(who->name, who->gid) :
			      setgroups(0, NULL);

	if (grouped == 0 && setgid(who->gid) == 0 && setuid(who->uid) == 0)
		return true;
	log_warning("cannot look as user %s: %s", who->name, strerror(errno));
	return false;
}

/* In a process of its own, since there is no way back. */
static bool
look(const struct visitor *who, bool (*looks)(const struct visitor *who))
{
	int status = 0;
	pid_t pid;

	if (geteuid() == who->uid)
		return looks(who);
	if (geteuid() != 0)
		return true;
	pid = fork();
	if (pid == 0)
		_exit(!become(who) || looks(who) ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		log_warning("cannot look as user %s: %s", who->name,
			    strerror(errno));
		return true;
	}
	return status == 0;
}

bool places_good(const struct settings *settings, const char *config_path)
{
	struct visitor who = { .settings = settings,
			       .config_path = config_path };
	bool good = is_closed(settings->verdict_spool);

	good &= is_closed(settings->report_spool);
	if (know_owner(&who, settings->verdict_spool))
		good &= look(&who, look_as_exim);
	else
		log_warning(
			"%s is not there: which user is Exim's, and what it "
			"may read, is not known",
			settings->verdict_spool);
	if (know_name(&who, INGEST_USER) ||
	    know_owner(&who, settings->report_spool))
		good &= look(&who, look_as_ingest);
	else
		log_warning("%s is not there, nor a user " INGEST_USER,
			    settings->report_spool);
	if (know_name(&who, VIEW_USER))
		good &= look(&who, look_as_viewer);
	return good;
}
