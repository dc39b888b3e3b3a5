-- The operation of its request; what is older is of the only one that there was.
ALTER TABLE jobs ADD COLUMN operation TEXT NOT NULL DEFAULT 'multi-image2video';
