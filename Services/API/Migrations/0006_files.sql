-- Files. A row is made before the bytes come; they lie on disk, in a folder by the row's id. Nothing of a ready file
-- changes but its message. A file that is to go becomes 'deleted' first: its row leaves after its bytes.
CREATE TABLE files (
    id           uuid PRIMARY KEY,
    -- NULL when the workspace or the channel is gone; its messages are then, too, and the file goes as one that has none.
    workspace_id uuid REFERENCES workspaces ON DELETE SET NULL,
    channel_id   uuid REFERENCES channels ON DELETE SET NULL,
    -- Of a recording: who started it.
    uploader_id  uuid NOT NULL REFERENCES users,
    message_id   uuid REFERENCES messages ON DELETE SET NULL,
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    media_type   text NOT NULL CHECK (char_length(media_type) BETWEEN 3 AND 127),
    byte_count   bigint NOT NULL CHECK (byte_count > 0),
    width        integer CHECK (width > 0),
    height       integer CHECK (height > 0),
    duration_ms  bigint CHECK (duration_ms >= 0),
    state        text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'ready', 'deleted')),
    sha256       bytea CHECK (octet_length(sha256) = 32),
    created_at   timestamptz NOT NULL DEFAULT now(),
    ready_at     timestamptz,
    CHECK (state <> 'ready' OR sha256 IS NOT NULL AND ready_at IS NOT NULL),
    CHECK (message_id IS NULL OR state <> 'pending')
);
-- The quota of a workspace is a sum over this index alone.
CREATE INDEX files_of_workspace ON files (workspace_id) INCLUDE (byte_count);
CREATE INDEX files_of_channel ON files (channel_id);
CREATE INDEX files_of_message ON files (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX files_unsent ON files (uploader_id, created_at) WHERE message_id IS NULL;
CREATE INDEX files_to_remove ON files (created_at) WHERE message_id IS NULL OR state = 'deleted';

-- What a message shows of its files, in their order, as JSON of the contract's Attachment: files do not change, so reading
-- a message needs no second table.
ALTER TABLE messages
    ADD COLUMN attachments jsonb CHECK (jsonb_typeof(attachments) = 'array'),
    ADD CHECK (deleted_at IS NULL OR attachments IS NULL);

-- The attachments that a person sends in a channel; NULL unless each of them is their own, ready and in no message.
CREATE FUNCTION unsent_attachments(channel uuid, person uuid, wanted uuid[]) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN count(*) = cardinality(wanted) THEN
        jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
            'id', f.id, 'name', f.name, 'mediaType', f.media_type, 'byteCount', f.byte_count, 'width', f.width,
            'height', f.height, 'durationMilliseconds', f.duration_ms)) ORDER BY w.place) END
    FROM unnest(wanted) WITH ORDINALITY AS w (id, place)
    JOIN files f ON f.id = w.id
    WHERE f.channel_id = channel AND f.uploader_id = person AND f.state = 'ready' AND f.message_id IS NULL
$$;

-- As before, and the files of a message.
CREATE OR REPLACE VIEW event_states AS
    SELECT e.kind, e.stream_id, e.seq, e.name, e.object_id, e.place, e.created_at AS happened_at,
           m.channel_id AS message_channel_id, m.seq AS message_seq, m.author_id, m.content, m.idempotency_key,
           m.created_at AS sent_at, m.edited_at, m.deleted_at, m.version AS message_version,
           u.username, u.display_name, wm.role,
           c.workspace_id, c.kind AS channel_kind, c.visibility, c.name AS channel_name, c.topic, c.participants,
           c.created_at AS channel_created_at, c.version AS channel_version,
           w.name AS workspace_name, w.created_at AS workspace_created_at,
           cm.user_id IS NOT NULL AS is_member,
           k.call_version, k.call_started_at, k.call_participants,
           m.mentions, m.audience,
           named.user_id IS NOT NULL AND e.stream_id = ANY (m.mentions) AS is_mentioned,
           cm.read_seq, cm.read_version,
           own.user_id IS NOT NULL AS is_workspace_member,
           m.notice,
           r.channel_id AS ring_channel_id, r.caller_id, r.callee_id, r.started_at AS ring_started_at,
           r.ends_at AS ring_ends_at, r.outcome AS ring_outcome, rung.user_id IS NOT NULL AS is_ring_member,
           m.attachments
    FROM events e
    LEFT JOIN messages m ON e.name IN ('message.created', 'message.edited', 'message.deleted',
                                       'mention.created', 'mention.removed') AND m.id = e.object_id
    LEFT JOIN channel_members named ON e.name IN ('mention.created', 'mention.removed')
                                   AND named.channel_id = m.channel_id AND named.user_id = e.stream_id
    LEFT JOIN users u ON e.name IN ('channel.member.joined', 'workspace.member.joined', 'user.updated')
                     AND u.id = e.object_id
    LEFT JOIN workspace_members wm ON e.name = 'workspace.member.joined'
                                  AND wm.workspace_id = e.stream_id AND wm.user_id = e.object_id
    LEFT JOIN channels c ON e.name IN ('channel.updated', 'channel.created', 'channel.joined') AND c.id = e.object_id
    LEFT JOIN workspaces w ON e.name = 'workspace.joined' AND w.id = e.object_id
    LEFT JOIN workspace_members own ON e.name = 'workspace.joined'
                                   AND own.workspace_id = e.object_id AND own.user_id = e.stream_id
    LEFT JOIN channel_members cm ON e.name IN ('channel.joined', 'channel.read')
                                AND cm.channel_id = e.object_id AND cm.user_id = e.stream_id
    LEFT JOIN rings r ON e.name = 'ring.updated' AND r.id = e.object_id
    LEFT JOIN channel_members rung ON e.name = 'ring.updated'
                                  AND rung.channel_id = r.channel_id AND rung.user_id = e.stream_id
    LEFT JOIN LATERAL (
        SELECT s.call_version, s.call_started_at, s.call_participants FROM call_states s
        WHERE e.name = 'call.updated' AND s.channel_id = e.object_id OFFSET 0
    ) k ON true;
