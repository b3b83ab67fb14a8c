-- Calls that ring. One row a call of a direct conversation in which the other person was not there from the start; it rings
-- until there is an outcome, which never changes. What was not answered leaves a notice in the conversation.
CREATE TABLE rings (
    id         uuid PRIMARY KEY,
    call_id    uuid NOT NULL UNIQUE REFERENCES calls ON DELETE CASCADE,
    channel_id uuid NOT NULL REFERENCES channels ON DELETE CASCADE,
    caller_id  uuid NOT NULL REFERENCES users,
    callee_id  uuid NOT NULL REFERENCES users,
    started_at timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL,
    outcome    text CHECK (outcome IN ('answered', 'declined', 'cancelled', 'unanswered')),
    ended_at   timestamptz,
    CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX rings_open_key ON rings (channel_id) WHERE outcome IS NULL;
CREATE INDEX rings_due ON rings (ends_at) WHERE outcome IS NULL;

-- Whom a moderator removed from the call of a channel, and until when that keeps them out.
CREATE TABLE call_removals (
    channel_id uuid NOT NULL REFERENCES channels ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    removed_by uuid NOT NULL REFERENCES users,
    until      timestamptz NOT NULL,
    PRIMARY KEY (channel_id, user_id)
);

-- Whether a person may mute others in a call and remove them: who may manage its channel. In a conversation nobody may.
CREATE FUNCTION may_moderate_call(channel uuid, person uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT may_manage_channel(channel, person)
           AND EXISTS (SELECT FROM channels WHERE id = channel AND kind <> 'direct')
$$;

-- What the system wrote on behalf of a message's author; NULL for what a person wrote.
ALTER TABLE messages ADD COLUMN notice text CHECK (notice IN ('missedCall'));

-- As before, and what the new event and the new kind of message are about.
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
           r.ends_at AS ring_ends_at, r.outcome AS ring_outcome, rung.user_id IS NOT NULL AS is_ring_member
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
