-- Calls. To the world a channel's call has the channel's id; a row here is one call, from the first person who came to
-- the last who left. Those that have ended are the call log.
CREATE TABLE calls (
    id         uuid PRIMARY KEY,
    channel_id uuid NOT NULL REFERENCES channels ON DELETE CASCADE,
    started_by uuid NOT NULL REFERENCES users,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE UNIQUE INDEX calls_open_key ON calls (channel_id) WHERE ended_at IS NULL;

-- Seats. One that is taken again in the same call is opened again; in a later call of the channel it has a row of its own.
CREATE TABLE call_participants (
    id        uuid NOT NULL,
    call_id   uuid NOT NULL REFERENCES calls ON DELETE CASCADE,
    user_id   uuid NOT NULL REFERENCES users,
    joined_at timestamptz NOT NULL,
    left_at   timestamptz,
    PRIMARY KEY (id, call_id)
);
CREATE INDEX call_participants_present ON call_participants (call_id) WHERE left_at IS NULL;

-- What outlives the calls of a channel: the last report of a media node that was accepted, and the version of the state
-- that clients see, which is the number of its last event.
CREATE TABLE channel_calls (
    channel_id uuid PRIMARY KEY REFERENCES channels ON DELETE CASCADE,
    epoch      bigint NOT NULL,
    revision   bigint NOT NULL,
    version    bigint NOT NULL
);

-- Who is in the call of a channel now, in the order in which they came, as JSON of the contract's CallParticipant.
CREATE VIEW call_states AS
    SELECT c.channel_id, c.version AS call_version, k.started_at AS call_started_at, present.call_participants
    FROM channel_calls c
    LEFT JOIN calls k ON k.channel_id = c.channel_id AND k.ended_at IS NULL
    CROSS JOIN LATERAL (
        SELECT coalesce(
                   json_agg(json_build_object('participantID', p.id, 'userID', p.user_id, 'joinedAt', p.joined_at)
                            ORDER BY p.joined_at, p.id), '[]') AS call_participants
        FROM call_participants p WHERE p.call_id = k.id AND p.left_at IS NULL
    ) present;

-- As before, and the state of a call behind it. OFFSET 0 keeps the state from being made for events of other kinds.
CREATE OR REPLACE VIEW event_states AS
    SELECT e.kind, e.stream_id, e.seq, e.name, e.object_id, e.place, e.created_at AS happened_at,
           m.channel_id AS message_channel_id, m.seq AS message_seq, m.author_id, m.content, m.idempotency_key,
           m.created_at AS sent_at, m.edited_at, m.deleted_at, m.version AS message_version,
           u.username, u.display_name, wm.role,
           c.workspace_id, c.kind AS channel_kind, c.visibility, c.name AS channel_name, c.topic, c.participants,
           c.created_at AS channel_created_at, c.version AS channel_version,
           w.name AS workspace_name, w.created_at AS workspace_created_at,
           cm.user_id IS NOT NULL AS is_member,
           k.call_version, k.call_started_at, k.call_participants
    FROM events e
    LEFT JOIN messages m ON e.name IN ('message.created', 'message.edited', 'message.deleted') AND m.id = e.object_id
    LEFT JOIN users u ON e.name IN ('channel.member.joined', 'workspace.member.joined', 'user.updated')
                     AND u.id = e.object_id
    LEFT JOIN workspace_members wm ON e.name = 'workspace.member.joined'
                                  AND wm.workspace_id = e.stream_id AND wm.user_id = e.object_id
    LEFT JOIN channels c ON e.name IN ('channel.updated', 'channel.created', 'channel.joined') AND c.id = e.object_id
    LEFT JOIN workspaces w ON e.name = 'workspace.joined' AND w.id = e.object_id
    LEFT JOIN channel_members cm ON e.name = 'channel.joined'
                                AND cm.channel_id = e.object_id AND cm.user_id = e.stream_id
    LEFT JOIN LATERAL (
        SELECT s.call_version, s.call_started_at, s.call_participants FROM call_states s
        WHERE e.name = 'call.updated' AND s.channel_id = e.object_id OFFSET 0
    ) k ON true;
