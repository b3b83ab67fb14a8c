-- Accounts and their sessions. A session is the family of refresh tokens of one sign-in.
CREATE TABLE users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 254),
    username      text NOT NULL CHECK (username ~ '^[A-Za-z0-9_]{3,20}$'),
    display_name  text NOT NULL CHECK (char_length(display_name) BETWEEN 1 AND 64),
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE UNIQUE INDEX users_username_key ON users (lower(username));

CREATE TABLE sessions (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    user_agent   text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz
);
CREATE INDEX sessions_of_user ON sessions (user_id) WHERE revoked_at IS NULL;

-- Only digests are stored. A used token stays until it expires, so that its reuse is noticed.
CREATE TABLE refresh_tokens (
    digest     bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);

-- Spaces.
CREATE TABLE workspaces (
    id         uuid PRIMARY KEY,
    name       text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    created_by uuid NOT NULL REFERENCES users,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE workspace_members (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role         text NOT NULL CHECK (role IN ('owner', 'member')),
    joined_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX workspaces_of_user ON workspace_members (user_id);

CREATE TABLE invites (
    digest       bytea PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    created_by   uuid NOT NULL REFERENCES users,
    expires_at   timestamptz NOT NULL
);

CREATE TABLE channels (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('text', 'voice', 'direct')),
    visibility   text NOT NULL CHECK (visibility IN ('public', 'private')),
    name         text CHECK (char_length(name) BETWEEN 1 AND 64),
    topic        text NOT NULL DEFAULT '' CHECK (char_length(topic) <= 250),
    participants uuid[] NOT NULL DEFAULT '{}',
    version      bigint NOT NULL DEFAULT 1,
    created_by   uuid NOT NULL REFERENCES users,
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- A direct conversation is private, has no name, and knows its two people in ascending order.
    CHECK ((kind = 'direct') = (name IS NULL)),
    CHECK (kind <> 'direct' OR (visibility = 'private' AND cardinality(participants) = 2
                                AND participants[1] < participants[2])),
    CHECK (kind = 'direct' OR participants = '{}')
);
CREATE UNIQUE INDEX channels_name_key ON channels (workspace_id, lower(name)) WHERE kind <> 'direct';
CREATE UNIQUE INDEX channels_direct_key ON channels (workspace_id, participants) WHERE kind = 'direct';

CREATE TABLE channel_members (
    channel_id uuid NOT NULL REFERENCES channels ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    joined_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (channel_id, user_id)
);
CREATE INDEX channels_of_user ON channel_members (user_id);

-- A deleted message keeps its place and its key, so that a late retry does not send it again, but none of its text.
CREATE TABLE messages (
    id              uuid PRIMARY KEY,
    channel_id      uuid NOT NULL REFERENCES channels ON DELETE CASCADE,
    seq             bigint NOT NULL,
    author_id       uuid NOT NULL REFERENCES users,
    content         text NOT NULL CHECK (octet_length(content) <= 65536),
    idempotency_key text NOT NULL CHECK (idempotency_key ~ '^[A-Za-z0-9_-]{8,64}$'),
    version         bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    edited_at       timestamptz,
    deleted_at      timestamptz,
    CHECK (deleted_at IS NULL OR content = '')
);
CREATE UNIQUE INDEX messages_seq_key ON messages (channel_id, seq);
CREATE UNIQUE INDEX messages_idempotency_key ON messages (channel_id, author_id, idempotency_key);

-- Streams. Every durable change takes the next number of its stream in the transaction that makes the change.
CREATE TABLE streams (
    kind     text NOT NULL CHECK (kind IN ('channel', 'user', 'workspace')),
    id       uuid NOT NULL,
    last_seq bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, id)
);

-- What happened, without the state: a replay shows the object as it is now. `place` is the number in another stream
-- that a membership event points to.
CREATE TABLE events (
    kind       text NOT NULL,
    stream_id  uuid NOT NULL,
    seq        bigint NOT NULL,
    name       text NOT NULL,
    object_id  uuid NOT NULL,
    place      bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, stream_id, seq)
);

-- Events that were committed and are not known to be published. A row lives from the commit to the publication.
CREATE TABLE outbox (
    kind       text NOT NULL,
    stream_id  uuid NOT NULL,
    seq        bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, stream_id, seq)
);

-- Appends an event to a stream and answers its number. The stream's row stays locked until the transaction ends, so
-- numbers are committed in order and without gaps.
CREATE FUNCTION append_event(stream_kind text, stream uuid, event text, object uuid, event_place bigint DEFAULT NULL)
RETURNS bigint LANGUAGE sql VOLATILE AS $$
    WITH next AS (
        UPDATE streams SET last_seq = last_seq + 1 WHERE kind = stream_kind AND id = stream RETURNING last_seq
    ), logged AS (
        INSERT INTO events (kind, stream_id, seq, name, object_id, place)
        SELECT stream_kind, stream, last_seq, event, object, event_place FROM next
    ), pending AS (
        INSERT INTO outbox (kind, stream_id, seq) SELECT stream_kind, stream, last_seq FROM next
    )
    SELECT last_seq FROM next
$$;

-- Who may read which stream: the one place that says so.
CREATE VIEW readable_streams (user_id, kind, stream_id) AS
    SELECT id, 'user', id FROM users
    UNION ALL SELECT user_id, 'workspace', workspace_id FROM workspace_members
    UNION ALL SELECT user_id, 'channel', channel_id FROM channel_members;

-- Events with the present state of what they are about. Columns of what an event is not about are NULL.
CREATE VIEW event_states AS
    SELECT e.kind, e.stream_id, e.seq, e.name, e.object_id, e.place, e.created_at AS happened_at,
           m.channel_id AS message_channel_id, m.seq AS message_seq, m.author_id, m.content, m.idempotency_key,
           m.created_at AS sent_at, m.edited_at, m.deleted_at, m.version AS message_version,
           u.username, u.display_name, wm.role,
           c.workspace_id, c.kind AS channel_kind, c.visibility, c.name AS channel_name, c.topic, c.participants,
           c.created_at AS channel_created_at, c.version AS channel_version,
           w.name AS workspace_name, w.created_at AS workspace_created_at,
           cm.user_id IS NOT NULL AS is_member
    FROM events e
    LEFT JOIN messages m ON e.name IN ('message.created', 'message.edited', 'message.deleted') AND m.id = e.object_id
    LEFT JOIN users u ON e.name IN ('channel.member.joined', 'workspace.member.joined', 'user.updated')
                     AND u.id = e.object_id
    LEFT JOIN workspace_members wm ON e.name = 'workspace.member.joined'
                                  AND wm.workspace_id = e.stream_id AND wm.user_id = e.object_id
    LEFT JOIN channels c ON e.name IN ('channel.updated', 'channel.created', 'channel.joined') AND c.id = e.object_id
    LEFT JOIN workspaces w ON e.name = 'workspace.joined' AND w.id = e.object_id
    LEFT JOIN channel_members cm ON e.name = 'channel.joined'
                                AND cm.channel_id = e.object_id AND cm.user_id = e.stream_id;
