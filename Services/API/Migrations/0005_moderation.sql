-- A voice channel may be a stage: who joins its call listens, until a moderator invites them to speak.
ALTER TABLE channels DROP CONSTRAINT channels_kind_check,
    ADD CONSTRAINT channels_kind_check CHECK (kind IN ('text', 'voice', 'stage', 'direct'));

-- Whom a moderator removed from the call of a channel, and until when that keeps them out.
CREATE TABLE call_removals (
    channel_id uuid NOT NULL REFERENCES channels ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    removed_by uuid NOT NULL REFERENCES users,
    until      timestamptz NOT NULL,
    PRIMARY KEY (channel_id, user_id)
);

-- What moderators decided about a person for as long as one call lasts, on all devices and however often the person joins:
-- whether they speak on a stage, and which of their sources nobody gets. The version grows with the time of the decision, so
-- that of two that reach a media node in the wrong order the newer counts.
CREATE TABLE call_rulings (
    call_id    uuid NOT NULL REFERENCES calls ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    ruled_by   uuid NOT NULL REFERENCES users,
    is_speaker boolean NOT NULL,
    muted      text[] NOT NULL CHECK (muted <@ ARRAY['microphone', 'camera', 'screen', 'screenAudio']),
    version    bigint NOT NULL,
    PRIMARY KEY (call_id, user_id)
);

-- Whether a person may mute others in a call and remove them: who may manage its channel. In a conversation nobody may.
CREATE FUNCTION may_moderate_call(channel uuid, person uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT may_manage_channel(channel, person)
           AND EXISTS (SELECT FROM channels WHERE id = channel AND kind <> 'direct')
$$;

-- What a person may do in the call of a channel, as grants say it and media nodes enforce it.
CREATE FUNCTION call_rights(channel uuid, person uuid)
RETURNS TABLE (is_moderator boolean, is_audience boolean, muted text[], version bigint) LANGUAGE sql STABLE AS $$
    SELECT may.moderate, c.kind = 'stage' AND NOT may.moderate AND NOT coalesce(r.is_speaker, false),
           coalesce(r.muted, '{}'), coalesce(r.version, 0)
    FROM channels c
    CROSS JOIN LATERAL (SELECT may_moderate_call(channel, person) AS moderate) may
    LEFT JOIN calls k ON k.channel_id = c.id AND k.ended_at IS NULL
    LEFT JOIN call_rulings r ON r.call_id = k.id AND r.user_id = person
    WHERE c.id = channel
$$;
