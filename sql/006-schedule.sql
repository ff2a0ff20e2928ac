-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- Reports are planned once, with a time for each, and sent at that time.

ALTER TABLE sent_report
  MODIFY COLUMN state ENUM('planned', 'claimed', 'done', 'skipped', 'failed',
    'postponed') NOT NULL,
  ADD COLUMN IF NOT EXISTS submitter
    VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT ''
    COMMENT 'our domain in its names; empty before this step',
  ADD COLUMN IF NOT EXISTS due_at BIGINT NOT NULL DEFAULT 0
    COMMENT 'not claimed before',
  ADD COLUMN IF NOT EXISTS give_up_at BIGINT NOT NULL DEFAULT 0
    COMMENT 'not tried any more after',
  ADD COLUMN IF NOT EXISTS lease_no BIGINT NOT NULL DEFAULT 0
    COMMENT 'grows with each claim and each renewal',
  ADD KEY IF NOT EXISTS due (state, due_at);

UPDATE sent_report SET give_up_at = UNIX_TIMESTAMP(day) + 8 * 86400
  WHERE give_up_at = 0;

ALTER TABLE sent_destination
  MODIFY COLUMN state ENUM('planned', 'handed_over', 'refused', 'postponed',
    'failed', 'sending') NOT NULL COMMENT
    'sending: the mail server is getting it, or did when its sender died',
  ADD COLUMN IF NOT EXISTS attempts INT NOT NULL DEFAULT 0
    COMMENT 'that were postponed',
  ADD COLUMN IF NOT EXISTS due_at BIGINT NOT NULL DEFAULT 0
    COMMENT 'of one that was postponed';

-- Mails of all machines in one minute, to one host, and to all with host ''.
CREATE TABLE IF NOT EXISTS sent_minute (
  minute BIGINT NOT NULL COMMENT 'since 1970',
  host VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  mails INT NOT NULL,
  PRIMARY KEY (minute, host)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The first day that is reported: the one before the first run of edmarc send.
CREATE TABLE IF NOT EXISTS sent_since (
  id TINYINT NOT NULL,
  first_day DATE NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
