-- From version 7 to 8: why a chunk is a hole, as a code (src/store/chunk-state.h), and the option whose limit was
-- reached. Codes of older holes are taken from the messages of those versions.
ALTER TABLE chunk ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE chunk ADD COLUMN option TEXT NOT NULL DEFAULT '';
UPDATE chunk SET option = CASE
    WHEN reason LIKE '%vision-timeout%' THEN 'vision-timeout'
    WHEN reason LIKE '%generation-timeout%' THEN 'generation-timeout'
    WHEN reason LIKE '%idle-timeout%' THEN 'idle-timeout'
    WHEN reason LIKE '%start-timeout%' THEN 'start-timeout'
    WHEN reason LIKE '%media-timeout%' THEN 'media-timeout'
    WHEN reason LIKE '%job.timeout%' THEN 'job-timeout'
    ELSE '' END
  WHERE state = 2;
UPDATE chunk SET code = CASE
    WHEN option <> '' THEN 'time-limit'
    WHEN reason LIKE '%cut off at its longest%' THEN 'cut-off'
    WHEN reason LIKE '%out of memory%' OR reason LIKE '%too large for the engine%' THEN 'no-room'
    WHEN reason LIKE 'the model''s answer could not be used%' THEN 'answer'
    WHEN reason LIKE 'none of its frames could be decoded%' THEN 'decode'
    ELSE '' END
  WHERE state = 2;
