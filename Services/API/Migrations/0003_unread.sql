-- How far each member has read a channel. What is unread is counted from this and from the messages, and stored nowhere.
-- `read_version` is the number of the position's last change in the member's own stream, 0 before the first.
ALTER TABLE channel_members
    ADD COLUMN read_seq     bigint NOT NULL DEFAULT 0 CHECK (read_seq >= 0),
    ADD COLUMN read_version bigint NOT NULL DEFAULT 0 CHECK (read_version >= 0);

-- Who is a member already has not seen a badge yet: nothing of the past becomes unread.
UPDATE channel_members m SET read_seq = s.last_seq FROM streams s WHERE s.kind = 'channel' AND s.id = m.channel_id;

-- Whom a message names, and whom it addresses beside them; the latter is resolved when it is read.
ALTER TABLE messages
    ADD COLUMN mentions uuid[] NOT NULL DEFAULT '{}' CHECK (cardinality(mentions) <= 50),
    ADD COLUMN audience text CHECK (audience IN ('all', 'here')),
    ADD CHECK (deleted_at IS NULL OR mentions = '{}' AND audience IS NULL);

-- Mentions are few among many messages: they are counted without reading the others.
CREATE INDEX messages_mentioning ON messages (channel_id, seq) WHERE mentions <> '{}' OR audience IS NOT NULL;

-- People who are still to be told that a message mentions them, or does so no more: written by the transaction that
-- changes the message, deleted by the one that appends the event to the person's stream. Which of the two it is, is
-- decided then, by what the message says.
CREATE TABLE pending_mentions (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL REFERENCES messages ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX pending_mentions_of_message ON pending_mentions (message_id);

-- The members of a channel who have these names, in ascending order: the first so many of the names. The names are in
-- lower case, each once.
CREATE FUNCTION mentioned_members(channel uuid, names text[], most bigint) RETURNS uuid[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY(
        SELECT found.id FROM (
            SELECT u.id FROM unnest(names) WITH ORDINALITY AS wanted (name, place)
            JOIN users u ON lower(u.username) = wanted.name
            JOIN channel_members m ON m.channel_id = channel AND m.user_id = u.id
            ORDER BY wanted.place LIMIT most
        ) found ORDER BY found.id)
$$;

-- What is unread for each member of each channel at this moment: live messages of others after the read position, and
-- those of them that mention the member. Both counts stop at `most`.
CREATE FUNCTION unread_messages(channel uuid, reader uuid, after bigint, most bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM (
        SELECT FROM messages
        WHERE channel_id = channel AND seq > after AND deleted_at IS NULL AND author_id <> reader LIMIT most
    ) unread
$$;

CREATE FUNCTION unread_mentions(channel uuid, reader uuid, after bigint, most bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM (
        SELECT FROM messages
        WHERE channel_id = channel AND seq > after AND author_id <> reader
          AND (mentions <> '{}' OR audience IS NOT NULL) AND (reader = ANY (mentions) OR audience IS NOT NULL) LIMIT most
    ) unread
$$;

-- Whether a person may change who is in a channel and who sees it: its creator, and the owners of its workspace.
CREATE FUNCTION may_manage_channel(channel uuid, person uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM channels c JOIN workspace_members w ON w.workspace_id = c.workspace_id AND w.user_id = person
        WHERE c.id = channel AND (c.created_by = person OR w.role = 'owner'))
$$;

-- As before, and what the new events are about: the mention of a person by a message, a read position, and whether a
-- workspace that was joined is still the person's.
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
           own.user_id IS NOT NULL AS is_workspace_member
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
    LEFT JOIN LATERAL (
        SELECT s.call_version, s.call_started_at, s.call_participants FROM call_states s
        WHERE e.name = 'call.updated' AND s.channel_id = e.object_id OFFSET 0
    ) k ON true;
