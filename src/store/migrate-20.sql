-- From version 19 to 20: passages, which are all texts that can be found; `told` moves in here. Triggers keep them in step with
-- the journal, also where rows go with their job, and the full-text indexes in step with them: `words` of whole words,
-- `pieces` of every three characters. The two spaces at the end of a text make every two characters the beginning of three.
-- A generation of a source is a number that grows with each change of what can be found of it.
DROP TRIGGER IF EXISTS event_told;
DROP TRIGGER IF EXISTS event_deleted;
DROP TRIGGER IF EXISTS summary_told;
DROP TRIGGER IF EXISTS chunk_deleted;
DROP TABLE IF EXISTS told;
DROP TABLE IF EXISTS words;

-- What a job is about, from its facts.
ALTER TABLE job ADD COLUMN source TEXT NOT NULL DEFAULT '';    -- SHA-256 of the file; '' = not known
ALTER TABLE job ADD COLUMN stream INTEGER NOT NULL DEFAULT -1; -- index in the file, -1 = the default one
UPDATE job SET source = coalesce(json_extract(facts, '$.source.sha256'), ''),
  stream = coalesce(CAST(json_extract(facts, '$.key.options."media.stream"') AS INTEGER), -1) WHERE json_valid(facts);
-- With all columns that a search reads, so that it does not read the facts.
CREATE INDEX job_source ON job (source, stream, created, state, id, source_name, output);

CREATE TABLE passage (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  stream INTEGER NOT NULL,
  job TEXT NOT NULL,           -- '' = of no run
  kind TEXT NOT NULL,          -- event, summary, speech, screen, note, answer
  chunk INTEGER NOT NULL,      -- -1: of no chunk
  event INTEGER NOT NULL,      -- -1: of no event
  start_us INTEGER NOT NULL,
  end_us INTEGER NOT NULL,
  text TEXT NOT NULL,
  lang TEXT NOT NULL DEFAULT '',
  frames TEXT NOT NULL DEFAULT '[]', -- JSON array of times, microseconds
  who TEXT NOT NULL DEFAULT '',      -- the subject, or who speaks
  conf REAL,
  made_by TEXT NOT NULL DEFAULT ''   -- '' = the model of its run
) STRICT;
CREATE INDEX passage_job ON passage (job, chunk, event);
CREATE VIEW piece AS SELECT id, who || ' ' || text || '  ' AS text FROM passage;
CREATE TABLE generation (
  source TEXT NOT NULL,
  stream INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (source, stream)
) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(text, who, job, content = 'passage', content_rowid = 'id',
  tokenize = "unicode61 remove_diacritics 2");
CREATE VIRTUAL TABLE pieces USING fts5(text, content = 'piece', content_rowid = 'id', tokenize = "trigram");

INSERT INTO passage (source, stream, job, kind, chunk, event, start_us, end_us, text, who, frames)
  SELECT source, stream, job, 'event', chunk, idx, coalesce(json_extract(frames, '$[0]'), start_us),
    coalesce(json_extract(frames, '$[#-1]'), start_us), what, subject, frames FROM
  (SELECT job.source, job.stream, event.job, event.chunk, event.idx, chunk.start_us, event.what, event.subject,
    (SELECT json_group_array(pts_us) FROM (SELECT pts_us FROM json_each(CASE WHEN json_valid(samples) THEN samples ELSE '[]' END) AS at
      JOIN sample ON sample.job = event.job AND sample.chunk = event.chunk AND sample.idx = at.value ORDER BY at.key)) AS frames
    FROM event JOIN job ON job.id = event.job JOIN chunk ON chunk.job = event.job AND chunk.idx = event.chunk);
INSERT INTO passage (source, stream, job, kind, chunk, event, start_us, end_us, text)
  SELECT source, stream, id, 'summary', idx, -1, start_us, end_us, chunk.summary FROM chunk JOIN job ON job.id = chunk.job
    WHERE chunk.state = 1 AND chunk.summary <> '';
INSERT INTO generation SELECT source, stream, 1 FROM passage GROUP BY source, stream;
INSERT INTO words (words) VALUES ('rebuild');
INSERT INTO pieces (pieces) VALUES ('rebuild');

-- From passages to the indexes.
CREATE TRIGGER passage_added AFTER INSERT ON passage BEGIN
  INSERT INTO words (rowid, text, who, job) VALUES (new.id, new.text, new.who, new.job);
  INSERT INTO pieces (rowid, text) VALUES (new.id, new.who || ' ' || new.text || '  ');
  INSERT INTO generation SELECT new.source, new.stream, 0
    WHERE NOT EXISTS (SELECT 1 FROM generation WHERE source = new.source AND stream = new.stream);
  UPDATE generation SET n = n + 1 WHERE source = new.source AND stream = new.stream;
END;
CREATE TRIGGER passage_deleted AFTER DELETE ON passage BEGIN
  INSERT INTO words (words, rowid, text, who, job) VALUES ('delete', old.id, old.text, old.who, old.job);
  INSERT INTO pieces (pieces, rowid, text) VALUES ('delete', old.id, old.who || ' ' || old.text || '  ');
  UPDATE generation SET n = n + 1 WHERE source = old.source AND stream = old.stream;
END;
CREATE TRIGGER passage_changed AFTER UPDATE ON passage BEGIN
  INSERT INTO words (words, rowid, text, who, job) VALUES ('delete', old.id, old.text, old.who, old.job);
  INSERT INTO pieces (pieces, rowid, text) VALUES ('delete', old.id, old.who || ' ' || old.text || '  ');
  INSERT INTO words (rowid, text, who, job) VALUES (new.id, new.text, new.who, new.job);
  INSERT INTO pieces (rowid, text) VALUES (new.id, new.who || ' ' || new.text || '  ');
  INSERT INTO generation SELECT new.source, new.stream, 0
    WHERE NOT EXISTS (SELECT 1 FROM generation WHERE source = new.source AND stream = new.stream);
  UPDATE generation SET n = n + 1 WHERE (source = new.source AND stream = new.stream)
    OR (source = old.source AND stream = old.stream);
END;

-- From the journal to passages.
CREATE TRIGGER event_added AFTER INSERT ON event BEGIN
  INSERT INTO passage (source, stream, job, kind, chunk, event, start_us, end_us, text, who, frames)
    SELECT source, stream, new.job, 'event', new.chunk, new.idx, coalesce(json_extract(frames, '$[0]'), start_us),
      coalesce(json_extract(frames, '$[#-1]'), start_us), new.what, new.subject, frames
    FROM job, chunk, (SELECT json_group_array(pts_us) AS frames FROM (SELECT pts_us
      FROM json_each(CASE WHEN json_valid(new.samples) THEN new.samples ELSE '[]' END) AS at
      JOIN sample ON sample.job = new.job AND sample.chunk = new.chunk AND sample.idx = at.value ORDER BY at.key))
    WHERE job.id = new.job AND chunk.job = new.job AND chunk.idx = new.chunk;
END;
CREATE TRIGGER event_deleted AFTER DELETE ON event BEGIN
  DELETE FROM passage WHERE job = old.job AND chunk = old.chunk AND event = old.idx AND kind = 'event';
END;
CREATE TRIGGER summary_changed AFTER UPDATE OF state, summary ON chunk BEGIN
  DELETE FROM passage WHERE job = new.job AND chunk = new.idx AND event = -1 AND kind = 'summary';
  INSERT INTO passage (source, stream, job, kind, chunk, event, start_us, end_us, text)
    SELECT source, stream, new.job, 'summary', new.idx, -1, new.start_us, new.end_us, new.summary FROM job
    WHERE id = new.job AND new.state = 1 AND new.summary <> '';
END;
CREATE TRIGGER chunk_deleted AFTER DELETE ON chunk BEGIN
  DELETE FROM passage WHERE job = old.job AND chunk = old.idx;
END;
-- A control stays, without the statement that it was made from.
CREATE TRIGGER job_deleted AFTER DELETE ON job BEGIN
  DELETE FROM passage WHERE job = old.id;
  UPDATE OR REPLACE control SET what = '' WHERE job = old.id;
END;
CREATE TRIGGER job_added AFTER INSERT ON job WHEN json_valid(new.facts) BEGIN
  UPDATE job SET source = coalesce(json_extract(facts, '$.source.sha256'), ''),
    stream = coalesce(CAST(json_extract(facts, '$.key.options."media.stream"') AS INTEGER), -1) WHERE id = new.id;
END;
CREATE TRIGGER job_changed AFTER UPDATE OF facts ON job WHEN json_valid(new.facts) AND new.facts <> old.facts BEGIN
  UPDATE job SET source = coalesce(json_extract(facts, '$.source.sha256'), ''),
    stream = coalesce(CAST(json_extract(facts, '$.key.options."media.stream"') AS INTEGER), -1) WHERE id = new.id;
END;
CREATE TRIGGER job_source_changed AFTER UPDATE OF source, stream ON job
  WHEN new.source <> old.source OR new.stream <> old.stream BEGIN
  UPDATE passage SET source = new.source, stream = new.stream WHERE job = new.id;
END;

-- What else decides what is found: checks, and the names that people give.
CREATE TRIGGER verdict_added AFTER INSERT ON verdict BEGIN
  UPDATE generation SET n = n + 1 WHERE (source, stream) = (SELECT source, stream FROM job WHERE id = new.job);
END;
CREATE TRIGGER subject_edit_added AFTER INSERT ON subject_edit BEGIN
  UPDATE generation SET n = n + 1 WHERE source = new.source AND stream = new.stream;
END;
CREATE TRIGGER subject_edit_changed AFTER UPDATE ON subject_edit BEGIN
  UPDATE generation SET n = n + 1 WHERE source = new.source AND stream = new.stream;
END;

-- With the last run of a source goes what was seen of it for questions. An answer stays, with its words.
CREATE TRIGGER source_forgotten AFTER DELETE ON job
  WHEN old.source <> '' AND NOT EXISTS (SELECT 1 FROM job WHERE source = old.source) BEGIN
  DELETE FROM look WHERE source = old.source;
  DELETE FROM place WHERE source = old.source;
  DELETE FROM ask_picture WHERE source = old.source;
  DELETE FROM ask_reply WHERE ask IN (SELECT id FROM ask WHERE answer <> '' AND instr(scope, old.source));
END;
