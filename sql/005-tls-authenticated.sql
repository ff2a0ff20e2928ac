-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- Did the mail of a TLS report pass DMARC as the reporter? Then it takes the place
-- of one with the same key that did not. What was there before is not known.
--
-- report_key of this table covers the domain of contact, and that of received_report
-- the domain of email, from now on.

ALTER TABLE tls_report
  ADD COLUMN IF NOT EXISTS
    authenticated VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    DEFAULT 'unknown' COMMENT 'as in received_report, by the domain of contact'
    AFTER end_at,
  ADD COLUMN IF NOT EXISTS
    auth_domain VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    DEFAULT '' COMMENT 'Author Domain of its mail; empty when unknown'
    AFTER authenticated;
