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

-- edmarc summary, the dashboard
CREATE USER IF NOT EXISTS 'edmarc-view'@'localhost' IDENTIFIED VIA unix_socket;
GRANT SELECT ON * TO 'edmarc-view'@'localhost';
