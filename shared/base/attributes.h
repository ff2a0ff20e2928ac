/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attributes.h - what the compiler is told about a function
 */
#ifndef EDMARC_BASE_ATTRIBUTES_H
#define EDMARC_BASE_ATTRIBUTES_H

#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Stands where a case goes on into the next; clang reads no comments. */
#define FALLTHROUGH __attribute__((fallthrough))

/* Everything is hidden unless a host program asks for it by name. */
#define EXPORTED __attribute__((visibility("default")))

#endif
