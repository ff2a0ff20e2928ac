-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- The first tables. `edmarc setup --database` runs each numbered file once, in
-- order, and notes it in schema_step. DDL commits by itself, so a step that was
-- interrupted runs again: every statement of every step can be repeated
-- (IF NOT EXISTS, IF EXISTS).
--
-- Rules for all tables: InnoDB, a primary key, no foreign keys (Galera checks
-- them on every node), nothing that needs GET_LOCK or LOCK TABLES.
--   times       BIGINT, seconds since 1970 UTC
--   days        DATE, UTC
--   domains     ascii_bin, A-labels in lower case
--   addresses   INET6, IPv4 as ::ffff:192.0.2.1
--   hashes      the first 16 bytes of SHA-256 over the text described there
--   strangers'  texts are utf8mb4_bin, cut to the column by the program
--   JSON        MEDIUMTEXT: read by programs only, never searched

-- ------------------------------------------------ what our own servers saw

-- How far each journal segment was loaded. position moves in the transaction
-- that adds the rows, so a crash repeats nothing.
CREATE TABLE IF NOT EXISTS journal_segment (
  name VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  position BIGINT NOT NULL DEFAULT 0,
  lines_loaded BIGINT NOT NULL DEFAULT 0,
  lines_bad BIGINT NOT NULL DEFAULT 0,
  done TINYINT NOT NULL DEFAULT 0,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Domains that our servers accepted mail for, and the last day they did.
CREATE TABLE IF NOT EXISTS recipient_domain (
  domain VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  last_day DATE NOT NULL,
  PRIMARY KEY (domain)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Each distinct policy a message was judged by. Messages without a record have
-- policy_domain ''. policy_hash covers all other columns.
CREATE TABLE IF NOT EXISTS verdict_policy (
  policy_hash BINARY(16) NOT NULL,
  policy_domain VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  method VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'treewalk or psl',
  p VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'none, quarantine, reject; empty when not published',
  sp VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  np VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  adkim VARCHAR(1) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'r or s',
  aspf VARCHAR(1) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  fo VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT '0, 1, d, s joined with colons',
  testing VARCHAR(1) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'y or n',
  pct TINYINT UNSIGNED NOT NULL,
  rua TEXT NOT NULL COMMENT 'as published; empty when absent',
  faults TEXT NOT NULL COMMENT 'what was dropped or repaired in the record',
  PRIMARY KEY (policy_hash),
  KEY policy_domain (policy_domain)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Messages, counted by everything a report row tells apart. row_hash covers
-- the columns from result to auth_results, so that what several machines saw
-- stands side by side and a report is one ordered scan. The machine is part of
-- the key: two machines never add to the same row.
CREATE TABLE IF NOT EXISTS verdict_row (
  day DATE NOT NULL,
  policy_hash BINARY(16) NOT NULL,
  row_hash BINARY(16) NOT NULL,
  mta VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  result VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'none, pass, fail, temperror, permerror',
  header_from VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  source_ip INET6 NOT NULL COMMENT ':: when unknown',
  envelope_from VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'domain of the reverse-path; empty for <>',
  disposition VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'none, pass, quarantine, reject',
  dkim_aligned TINYINT NOT NULL,
  spf_aligned TINYINT NOT NULL,
  reasons MEDIUMTEXT NOT NULL COMMENT 'JSON: [{"type","comment"}]',
  auth_results MEDIUMTEXT NOT NULL
    COMMENT 'JSON: {"dkim":[{"domain","selector","result","human"}],"spf":{"domain","scope","result"}}; spf null when unchecked',
  count BIGINT NOT NULL COMMENT 'messages',
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  PRIMARY KEY (day, policy_hash, row_hash, mta)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- --------------------------------------------- what other servers report to us

-- Each mail that was taken from the report spool, under the name of its file.
CREATE TABLE IF NOT EXISTS received_mail (
  name VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  received_at BIGINT NOT NULL,
  recipient VARCHAR(320) NOT NULL,
  sender VARCHAR(320) NOT NULL COMMENT 'empty for <>',
  status VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'ok; partial: some of it was refused; rejected: all of it',
  set_aside TINYINT NOT NULL
    COMMENT 'the file is kept in bad/, or where an import found it',
  reason TEXT NOT NULL COMMENT 'the first refusal; empty when ok',
  reports INT NOT NULL COMMENT 'stored, without duplicates',
  duplicates INT NOT NULL,
  authenticated VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'did it pass DMARC: yes, no, unknown',
  auth_domain VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'its Author Domain; empty when unknown',
  loaded_at BIGINT NOT NULL,
  PRIMARY KEY (name),
  KEY set_aside (set_aside, received_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- report_key covers reporter (org_name, or the domain of email; lower case),
-- policy_domain, report_id, begin_at and end_at: large reporters reuse ids.
-- The counters of the row sums stand here as well, so that a summary reads rows
-- for source addresses only. complete is 0 while a large report comes in by
-- several transactions; such a report does not count and is started anew.
--
-- overlaps is found by period_bucket: a period of up to two days has the number
-- of the 16 days in which it begins, so what overlaps it has this number or, near
-- their border, a neighbour's; the few longer ones have 0 all together.
CREATE TABLE IF NOT EXISTS received_report (
  id BIGINT NOT NULL AUTO_INCREMENT,
  report_key BINARY(16) NOT NULL,
  complete TINYINT NOT NULL,
  reporter VARCHAR(255) NOT NULL
    COMMENT 'org_name, or the domain of email when there is none',
  org_name VARCHAR(255) NOT NULL,
  email VARCHAR(320) NOT NULL,
  extra_contact VARCHAR(1000) NOT NULL,
  report_id VARCHAR(255) NOT NULL,
  begin_at BIGINT NOT NULL,
  end_at BIGINT NOT NULL,
  policy_domain VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  dialect VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'rfc7489 or rfc9990',
  method VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'treewalk, psl or empty',
  p VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sp VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  np VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  adkim VARCHAR(20) NOT NULL COMMENT 'this and the next four as sent',
  aspf VARCHAR(20) NOT NULL,
  pct VARCHAR(20) NOT NULL,
  fo VARCHAR(20) NOT NULL,
  testing VARCHAR(20) NOT NULL,
  generator VARCHAR(255) NOT NULL,
  errors MEDIUMTEXT NOT NULL COMMENT 'JSON: ["text"]',
  authenticated VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'did its mail pass DMARC: yes, other (not for the reporter), no, unknown',
  auth_domain VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Author Domain of its mail; empty when unknown',
  messages BIGINT NOT NULL,
  compliant BIGINT NOT NULL COMMENT 'dkim_aligned or spf_aligned',
  dkim_passed BIGINT NOT NULL,
  spf_passed BIGINT NOT NULL,
  quarantined BIGINT NOT NULL,
  rejected BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  skipped_rows BIGINT NOT NULL,
  warnings TEXT NOT NULL,
  status VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'ok or partial',
  duplicates INT NOT NULL COMMENT 'how often it came again',
  overlaps TINYINT NOT NULL DEFAULT 0
    COMMENT 'its period and that of one before, by the same reporter',
  period_bucket INT AS (IF(end_at - begin_at > 172800, 0, begin_at DIV 1382400))
    STORED,
  mail_name VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  stored_at BIGINT NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY report_key (report_key),
  KEY policy_domain (policy_domain, end_at),
  KEY end_at (end_at),
  KEY mail_name (mail_name),
  KEY overlap (policy_domain, reporter(64), period_bucket, begin_at, end_at),
  KEY incomplete (complete, stored_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS received_row (
  report BIGINT NOT NULL COMMENT 'received_report.id',
  row_no INT NOT NULL COMMENT 'from 1, in the order of the report',
  source_ip INET6 NOT NULL,
  count BIGINT NOT NULL COMMENT 'messages',
  disposition VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  dkim_aligned TINYINT NOT NULL,
  spf_aligned TINYINT NOT NULL,
  header_from VARCHAR(255) NOT NULL,
  envelope_from VARCHAR(255) NOT NULL,
  envelope_to VARCHAR(255) NOT NULL,
  reasons MEDIUMTEXT NOT NULL COMMENT 'JSON: [{"type","comment"}]',
  dkim MEDIUMTEXT NOT NULL
    COMMENT 'JSON: [{"domain","selector","result","human"}]',
  spf MEDIUMTEXT NOT NULL
    COMMENT 'JSON: [{"domain","scope","result","human"}]',
  PRIMARY KEY (report, row_no)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Reports about single messages that failed (RFC 9991), and other feedback of
-- their form. They hold personal data: rows are removed after failure_days, and
-- header is empty unless the settings ask for it. Texts are as sent.
CREATE TABLE IF NOT EXISTS failure_report (
  mail_name VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  item_no INT NOT NULL,
  received_at BIGINT NOT NULL,
  feedback_type VARCHAR(40) NOT NULL COMMENT 'auth-failure, abuse ...',
  auth_failure VARCHAR(40) NOT NULL COMMENT 'dmarc, bodyhash ...',
  reported_domain VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  source_ip INET6 NOT NULL COMMENT ':: when unknown',
  arrival_at BIGINT NOT NULL COMMENT '0 when unknown',
  incidents BIGINT NOT NULL,
  header_from VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Author Domain of the message',
  mail_from VARCHAR(320) NOT NULL,
  rcpt_to VARCHAR(320) NOT NULL,
  delivery_result VARCHAR(40) NOT NULL,
  identity_alignment VARCHAR(100) NOT NULL,
  authentication_results TEXT NOT NULL,
  dkim_domain VARCHAR(255) NOT NULL,
  dkim_identity VARCHAR(320) NOT NULL,
  dkim_selector VARCHAR(255) NOT NULL,
  spf_dns TEXT NOT NULL,
  subject TEXT NOT NULL,
  message_id VARCHAR(255) NOT NULL,
  user_agent VARCHAR(255) NOT NULL,
  header TEXT NOT NULL COMMENT 'of the message; never its body',
  PRIMARY KEY (mail_name, item_no),
  KEY reported_domain (reported_domain, received_at),
  KEY received_at (received_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- SMTP TLS reports (RFC 8460). report_key covers org_name (or contact),
-- report_id, begin_at and end_at.
CREATE TABLE IF NOT EXISTS tls_report (
  id BIGINT NOT NULL AUTO_INCREMENT,
  report_key BINARY(16) NOT NULL,
  org_name VARCHAR(255) NOT NULL,
  contact VARCHAR(320) NOT NULL,
  report_id VARCHAR(255) NOT NULL,
  begin_at BIGINT NOT NULL,
  end_at BIGINT NOT NULL,
  mail_name VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  stored_at BIGINT NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY report_key (report_key),
  KEY mail_name (mail_name),
  KEY end_at (end_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tls_policy (
  report BIGINT NOT NULL COMMENT 'tls_report.id',
  policy_no INT NOT NULL COMMENT 'from 1, in the order of the report',
  policy_type VARCHAR(40) NOT NULL COMMENT 'sts, tlsa, no-policy-found',
  policy_domain VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  mx_host TEXT NOT NULL,
  successes BIGINT NOT NULL COMMENT 'sessions',
  failures BIGINT NOT NULL,
  PRIMARY KEY (report, policy_no),
  KEY policy_domain (policy_domain)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tls_failure (
  report BIGINT NOT NULL COMMENT 'tls_report.id',
  failure_no INT NOT NULL COMMENT 'from 1, over all policies of the report',
  policy_no INT NOT NULL,
  result VARCHAR(60) NOT NULL COMMENT 'certificate-expired ...',
  sending_ip VARCHAR(60) NOT NULL,
  receiving_mx VARCHAR(255) NOT NULL,
  receiving_helo VARCHAR(255) NOT NULL,
  receiving_ip VARCHAR(60) NOT NULL,
  reason_code VARCHAR(255) NOT NULL,
  additional TEXT NOT NULL,
  sessions BIGINT NOT NULL,
  PRIMARY KEY (report, failure_no)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Mails of reports as they came, when keep_original asks for it. Those of failure
-- reports are not kept: they hold messages of people.
CREATE TABLE IF NOT EXISTS received_original (
  mail_name VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  stored_at BIGINT NOT NULL,
  bytes BIGINT NOT NULL COMMENT 'of the mail',
  compressed MEDIUMBLOB NOT NULL COMMENT 'gzip',
  PRIMARY KEY (mail_name),
  KEY stored_at (stored_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- ------------------------------------------------------ what we report to others

-- One row for each day and policy configuration. A machine claims a row for a
-- while (owner, lease_until); what was claimed by one that died is taken over.
CREATE TABLE IF NOT EXISTS sent_report (
  day DATE NOT NULL,
  policy_hash BINARY(16) NOT NULL,
  report_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state ENUM('planned', 'claimed', 'done', 'skipped', 'failed') NOT NULL,
  owner VARCHAR(200) NOT NULL,
  lease_until BIGINT NOT NULL,
  attempts INT NOT NULL,
  messages BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  detail TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (day, policy_hash),
  KEY state (state, lease_until)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS sent_destination (
  day DATE NOT NULL,
  policy_hash BINARY(16) NOT NULL,
  address VARCHAR(320) NOT NULL,
  state ENUM('planned', 'handed_over', 'refused', 'postponed', 'failed')
    NOT NULL,
  detail TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (day, policy_hash, address)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
