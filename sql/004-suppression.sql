-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- Addresses that get no reports, and the mails that came back.

-- pattern: an address, *@example.org, or @.example.org for the domain and all
-- below it; in lower case. A row by a bounce stays for a while when its time is
-- over, so that the next bounce makes a longer one.
CREATE TABLE IF NOT EXISTS suppression (
  pattern VARCHAR(320) NOT NULL,
  origin ENUM('bounce', 'manual') NOT NULL,
  reason VARCHAR(1000) NOT NULL,
  bounces INT NOT NULL COMMENT 'in a row; 0 when manual',
  added_at BIGINT NOT NULL COMMENT 'or made longer',
  until_at BIGINT NOT NULL COMMENT '0: until it is removed',
  tried_at BIGINT NOT NULL
    COMMENT 'first mail after until_at; 0: none yet',
  PRIMARY KEY (pattern),
  KEY until_at (until_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What came back of reports that we sent, one row for each mail of that kind.
CREATE TABLE IF NOT EXISTS bounce (
  mail_name VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  stored_at BIGINT NOT NULL,
  day DATE NOT NULL COMMENT 'of the report',
  address VARCHAR(320) NOT NULL
    COMMENT 'it was sent to; empty when we do not know that report any more',
  kind ENUM('none', 'soft', 'hard') NOT NULL,
  status VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  diagnostic VARCHAR(1000) NOT NULL,
  reporter VARCHAR(255) NOT NULL COMMENT 'host that says it',
  PRIMARY KEY (mail_name),
  KEY address (address, stored_at),
  KEY stored_at (stored_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
