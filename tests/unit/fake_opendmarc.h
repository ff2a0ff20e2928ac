/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_opendmarc.h - a libopendmarc that errs as we like
 *
 * Built as libopendmarc.so.2: a program that is linked with it gets it where we
 * load the library.
 */
#ifndef EDMARC_UNIT_FAKE_OPENDMARC_H
#define EDMARC_UNIT_FAKE_OPENDMARC_H

enum fake_fault {
	FAKE_GOOD,      /* nothing is aligned, the policy is p=reject */
	FAKE_PASSES,    /* everything passes */
	FAKE_ALIGNS,    /* signatures are aligned, but the message fails */
	FAKE_FORGETS,   /* another policy */
	FAKE_SAMPLES,   /* another pct */
	FAKE_REFUSES,   /* takes no record */
	FAKE_NO_MEMORY, /* has no context */
	FAKE_SILENT,    /* says nothing that it should */
};

void fake_opendmarc(enum fake_fault fault);

#endif
