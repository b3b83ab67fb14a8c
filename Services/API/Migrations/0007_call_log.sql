-- The log of calls: the past ones of a channel, the latest first, and who was in each.
CREATE INDEX calls_ended ON calls (channel_id, started_at DESC, id DESC) WHERE ended_at IS NOT NULL;
CREATE INDEX call_participants_call ON call_participants (call_id, user_id);
