/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/aggregate.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const dialects[] = {
	[DIALECT_RFC7489] = "rfc7489",
	[DIALECT_RFC9990] = "rfc9990",
};
static const char *const kinds[] = {
	[REPORT_AGGREGATE] = "aggregate",
	[REPORT_FAILURE] = "failure",
	[REPORT_TLS] = "tls",
	[REPORT_BOUNCE] = "bounce",
};
static const char *const statuses[] = {
	[REPORT_OK] = "ok",
	[REPORT_PARTIAL] = "partial",
	[REPORT_REJECTED] = "rejected",
};

const char *report_dialect_name(enum report_dialect dialect)
{
	return (size_t)dialect < COUNT(dialects) ? dialects[dialect] : "";
}

const char *report_kind_name(enum report_kind kind)
{
	return (size_t)kind < COUNT(kinds) ? kinds[kind] : "";
}

const char *report_status_name(enum report_status status)
{
	return (size_t)status < COUNT(statuses) ? statuses[status] : "";
}
