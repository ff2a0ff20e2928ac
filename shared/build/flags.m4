dnl SPDX-License-Identifier: GPL-2.0-or-later
dnl
dnl EDMARC_TRY_CFLAGS(VARIABLE, FLAGS)
dnl Put into VARIABLE those of FLAGS that the compiler takes.
AC_DEFUN([EDMARC_TRY_CFLAGS],
[for flag in m4_normalize([$2]); do
  edmarc_saved_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -Werror $flag"
  AC_MSG_CHECKING([whether $CC takes $flag])
  AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes])
     $1="$$1 $flag"],
    [AC_MSG_RESULT([no])])
  CFLAGS=$edmarc_saved_CFLAGS
done
AC_SUBST([$1])])

dnl EDMARC_PKG(VARIABLE, MODULE, DEBIAN-PACKAGE)
dnl A library that pkg-config knows; says which package to install when it is
dnl missing.
AC_DEFUN([EDMARC_PKG],
[PKG_CHECK_MODULES([$1], [$2], [],
  [AC_MSG_ERROR([$2 is missing: apt-get install $3])])])
