-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- Where mail went to, for reports that tell it (envelope_to = yes). row_hash
-- covers it only where it is not empty, so rows without it keep their key.

ALTER TABLE verdict_row
  ADD COLUMN IF NOT EXISTS
    envelope_to VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    DEFAULT '' COMMENT 'domain of all recipients; empty for several, or untold'
    AFTER envelope_from;
