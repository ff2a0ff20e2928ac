/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limit_scan.c - the least a local_scan module costs that judges by the DNS
 *
 * For tests/bench/inline: asks for the TXT record of the Author Domain, adds the
 * three fields, appends a line to a file and writes one to Exim's log. It judges
 * nothing, protects itself from nothing, and is linked with Exim's libraries only.
 */
#include <arpa/nameser.h>
#include <fcntl.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCAL_SCAN
#include <local_scan.h>

int local_scan_version_major(void)
{
	return LOCAL_SCAN_ABI_VERSION_MAJOR;
}

int local_scan_version_minor(void)
{
	return LOCAL_SCAN_ABI_VERSION_MINOR;
}

static void append(const char *line, size_t n)
{
	const char *path = getenv("EDMARC_CONFIG"); /* as the module's */
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0640);

	if (fd < 0 || write(fd, line, n) != (ssize_t)n)
		log_write(0, LOG_MAIN, "dmarc: %s", path);
	if (fd >= 0)
		close(fd);
}

int local_scan(int fd, uschar **return_text)
{
	uschar *name = expand_string(
		string_copy(US "_dmarc.${domain:${address:$h_from:}}"));
	uschar *results = expand_string(
		string_copy(US "${authresults {$primary_hostname}}"));
	unsigned char answer[1232];
	char line[600];
	int n;

	(void)fd;
	(void)return_text;
	if (name == NULL || results == NULL)
		return LOCAL_SCAN_ACCEPT;
	n = res_query((const char *)name, ns_c_in, ns_t_txt, answer,
		      sizeof(answer));
	header_add_at_position(FALSE, NULL, FALSE, ' ',
			       "%s\nX-DMARC-Score: 0.00\n"
			       "X-DMARC-Action: accept\n",
			       results);
	/* As long as a line of the journal. */
	n = snprintf(line, sizeof(line), "%-590s\n", n > 0 ? "found" : "none");
	append(line, (size_t)n);
	log_write(0, LOG_MAIN,
		  "dmarc: pass policy=reject applied=reject from=%s spf=pass "
		  "dkim=pass score=0.00 action=accept",
		  name);
	return LOCAL_SCAN_ACCEPT;
}
