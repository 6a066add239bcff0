-- From version 3 to 4: which files are known here. A file of a size that none of these has cannot have been here
-- before, whatever its hash will turn out to be.
CREATE TABLE source (
  sha256 TEXT PRIMARY KEY,
  size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX source_size ON source (size);
INSERT OR IGNORE INTO source SELECT json_extract(facts, '$.source.sha256'), json_extract(facts, '$.source.size')
  FROM job WHERE json_type(facts, '$.source.sha256') = 'text' AND json_type(facts, '$.source.size') = 'integer';
