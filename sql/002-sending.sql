-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- What all machines that send reports share.

-- Keys, made by the first program that needs one. verp: for the marks in envelope
-- senders, so that nobody else makes bounces of our reports.
CREATE TABLE IF NOT EXISTS secret (
  name VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  value VARBINARY(64) NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Hosts that do not want reports about a policy domain (RFC 9990 4), so that they
-- are not asked again at once by each machine and for each day.
CREATE TABLE IF NOT EXISTS refusing_host (
  policy_domain VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  host VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  why TEXT NOT NULL,
  until_at BIGINT NOT NULL,
  PRIMARY KEY (policy_domain, host),
  KEY until_at (until_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
