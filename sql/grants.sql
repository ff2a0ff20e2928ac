-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- The two users, for the database that is in use. Applied by
-- `edmarc setup --database --grants`, or by hand:
--   mariadb edmarc < grants.sql
--
-- unix_socket: who runs under this name on this machine needs no password.
-- Machines that reach MariaDB over the network need users of their own with
-- the same grants, and a [edmarc] group in an option file.

-- edmarc ingest, edmarc send
CREATE USER IF NOT EXISTS 'edmarc'@'localhost' IDENTIFIED VIA unix_socket;
GRANT SELECT, INSERT, UPDATE, DELETE ON * TO 'edmarc'@'localhost';

-- edmarc summary, the dashboard: tables of numbers, one by one. Left out are
-- failure_report (addresses and subjects of people), received_original (whole
-- mails), secret (keys), and journal_segment and refusing_host (nobody's business
-- but that of ingest and send).
CREATE USER IF NOT EXISTS 'edmarc-view'@'localhost' IDENTIFIED VIA unix_socket;

-- Earlier versions let it read the whole database. There must be a grant for
-- REVOKE to take it back: SHOW VIEW, of which there are none, shows nothing.
GRANT SHOW VIEW ON * TO 'edmarc-view'@'localhost';
REVOKE SELECT, SHOW VIEW ON * FROM 'edmarc-view'@'localhost';

GRANT SELECT ON schema_step TO 'edmarc-view'@'localhost';
GRANT SELECT ON recipient_domain TO 'edmarc-view'@'localhost';
GRANT SELECT ON verdict_policy TO 'edmarc-view'@'localhost';
GRANT SELECT ON verdict_row TO 'edmarc-view'@'localhost';
GRANT SELECT ON received_mail TO 'edmarc-view'@'localhost';
GRANT SELECT ON received_report TO 'edmarc-view'@'localhost';
GRANT SELECT ON received_row TO 'edmarc-view'@'localhost';
GRANT SELECT ON tls_report TO 'edmarc-view'@'localhost';
GRANT SELECT ON tls_policy TO 'edmarc-view'@'localhost';
GRANT SELECT ON tls_failure TO 'edmarc-view'@'localhost';
GRANT SELECT ON sent_report TO 'edmarc-view'@'localhost';
GRANT SELECT ON sent_destination TO 'edmarc-view'@'localhost';
GRANT SELECT ON suppression TO 'edmarc-view'@'localhost';
GRANT SELECT ON bounce TO 'edmarc-view'@'localhost';
GRANT SELECT ON sent_minute TO 'edmarc-view'@'localhost';
GRANT SELECT ON sent_since TO 'edmarc-view'@'localhost';
