-- What the API itself told of the task when the job came to a state: its word, and its date in milliseconds since 1970.
ALTER TABLE history ADD COLUMN status TEXT;
ALTER TABLE history ADD COLUMN status_at BIGINT;

-- The folder that its videos were asked into, where its report belongs.
ALTER TABLE batches ADD COLUMN folder TEXT;
