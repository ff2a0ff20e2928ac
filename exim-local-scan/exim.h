/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exim.h - Exim's side of the module; the only file that includes local_scan.h
 *
 * API 6.0 (Exim 4.96, 4.98) and 9.1 (4.100) differ in a few calls, and the
 * layout of what they share differs between releases of one API: the module is
 * built for the Exim it is installed with.
 */
#ifndef EDMARC_EXIM_EXIM_H
#define EDMARC_EXIM_EXIM_H

#include <stdio.h>

#define LOCAL_SCAN
#include <local_scan.h>

#if LOCAL_SCAN_ABI_VERSION_MAJOR < 9
#define exim_log(text) log_write(0, LOG_MAIN, "%s", text)
#else
#define exim_log(text) log_write(LOG_MAIN, "%s", text)
#endif

#endif
