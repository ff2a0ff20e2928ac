/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * faults.h - what happens when the n-th allocation fails?
 *
 * A program that uses it is linked with FAULTS_LINK (--wrap=malloc and its
 * like), so that allocations of our own code pass through here.
 *
 *	for (n = 1; faults_begin(n); n++) {
 *		... run; must not crash, leak or claim success with half a result
 *		if (!faults_end())
 *			break;   // nothing failed: all allocations were tried
 *	}
 */
#ifndef EDMARC_TESTS_FAULTS_H
#define EDMARC_TESTS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* The n-th allocation from now (from 1) returns NULL. Always true. */
bool faults_begin(size_t n);

/* Allocations work again. Did one fail since faults_begin()? */
bool faults_end(void);

#endif
