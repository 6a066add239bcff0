-- From version 11 to 12: the sentences of a summary with what they are about (report/summary.h), and the answers that it is made
-- from, so that an interrupted summary continues.
ALTER TABLE job ADD COLUMN sentences TEXT NOT NULL DEFAULT '';
CREATE TABLE answer (
  job TEXT NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  request TEXT NOT NULL, -- SHA-256 of everything that the answer depends on
  text TEXT NOT NULL,
  PRIMARY KEY (job, request)
) STRICT, WITHOUT ROWID;
