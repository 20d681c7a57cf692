-- Adds the counters and keeps them right from then on: triggers count, whatever code writes. One
-- transaction; run twice, it says so and changes nothing.

\set QUIET on
SET client_min_messages = notice;
SET lock_timeout = '3s';
SELECT EXISTS (SELECT FROM schema_migrations WHERE version = '019') AS applied \gset
\if :applied
DO $$ BEGIN RAISE NOTICE 'migration 019 has been applied: nothing is changed'; END $$;
\else
BEGIN;
-- Nobody writes between the count and the triggers.
LOCK TABLE chat_threads, chat_messages, travel_itineraries IN ACCESS EXCLUSIVE MODE;

ALTER TABLE chat_threads ADD COLUMN thread_messages_count integer NOT NULL DEFAULT 0;
ALTER TABLE travel_itineraries ADD COLUMN destinations_count integer NOT NULL DEFAULT 0;

CREATE FUNCTION destinations_in(itinerary jsonb) RETURNS integer LANGUAGE sql IMMUTABLE
AS $$ SELECT coalesce(jsonb_array_length(itinerary -> 'waypoints'), 0) $$;

UPDATE chat_threads t SET thread_messages_count = m.messages
  FROM (SELECT thread_id, count(*) AS messages FROM chat_messages GROUP BY thread_id) AS m
 WHERE m.thread_id = t.id;
UPDATE travel_itineraries SET destinations_count = destinations_in(data);

CREATE FUNCTION count_messages() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE chat_threads SET thread_messages_count = thread_messages_count + 1 WHERE id = NEW.thread_id;
    ELSE
        UPDATE chat_threads SET thread_messages_count = thread_messages_count - 1 WHERE id = OLD.thread_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER count_messages AFTER INSERT OR DELETE ON chat_messages FOR EACH ROW EXECUTE FUNCTION count_messages();

CREATE FUNCTION count_destinations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.destinations_count := destinations_in(NEW.data);
    RETURN NEW;
END $$;
CREATE TRIGGER count_destinations BEFORE INSERT OR UPDATE OF data ON travel_itineraries
    FOR EACH ROW EXECUTE FUNCTION count_destinations();

CREATE INDEX idx_chat_threads_messages_count ON chat_threads (user_id, thread_messages_count);
CREATE INDEX idx_travel_itineraries_destinations_count ON travel_itineraries (user_id, destinations_count);

INSERT INTO schema_migrations (version, title) VALUES ('019', 'counters of messages and destinations');
COMMIT;
DO $$
DECLARE threads bigint; itineraries bigint;
BEGIN
    SELECT count(*) INTO threads FROM chat_threads;
    SELECT count(*) INTO itineraries FROM travel_itineraries;
    RAISE NOTICE 'counters are in place: % threads, % itineraries', threads, itineraries;
END $$;
\endif
\set QUIET off
