/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/mails.h"

int mail_dropped(struct database *db, struct span name, struct err *err)
{
	const struct db_value value = db_text(name);

	return database_run(db,
			    "UPDATE received_mail SET set_aside = 0 "
			    "WHERE name = ?",
			    &value, 1, NULL, err);
}
