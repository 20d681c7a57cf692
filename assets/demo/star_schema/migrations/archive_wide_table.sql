-- Renamed, not dropped. Its rows stay.

BEGIN;
SET LOCAL lock_timeout = '3s';
ALTER TABLE extracted_positions RENAME TO extracted_positions_archived;
DROP INDEX idx_extracted_positions_brand, idx_extracted_positions_result, idx_extracted_positions_topic, idx_extracted_positions_rival;
COMMIT;
