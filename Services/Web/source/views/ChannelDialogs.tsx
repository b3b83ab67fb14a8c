import { useEffect, useState } from "react";
import { limits } from "../core/contracts";
import type { ChannelID, ChannelKind, ChannelVisibility } from "../core/contracts";
import { isOwner, joinableChannels, titleOf } from "../core/selectors";
import { Choice } from "./Choice";
import { useAppState, useClient, useDialogs, useTask } from "./context";
import { Empty, Field, Problem } from "./Controls";
import { Dialog } from "./Dialog";
import { Icon } from "./icons";
import { ChannelIcon } from "./Sidebar";

export function CreateChannelDialog() {
  const client = useClient();
  const { close } = useDialogs();
  const { isBusy, failure, run } = useTask();
  const [name, setName] = useState("");
  const [topic, setTopic] = useState("");
  const [kind, setKind] = useState<ChannelKind>("text");
  const [visibility, setVisibility] = useState<ChannelVisibility>("public");
  const create = () => run(async () => {
    await client.createChannel({ name: name.trim(), topic: topic.trim() || undefined, kind, visibility });
    close();
  });
  return (
    <Dialog title="New channel" onClose={close}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); void create(); }}>
        <Field
          label="Name" name="name" testID="channel-name" required maxLength={limits.channelNameCount.max} value={name}
          failure={failure} hint="What it is about, in a word or two" onText={setName}
        />
        <Field
          label="Topic (optional)" name="topic" testID="channel-topic" maxLength={limits.channelTopicCount.max}
          value={topic} failure={failure} onText={setTopic}
        />
        <Choice
          legend="Kind" name="kind" value={kind} onChoose={setKind}
          options={[
            { value: "text", title: "Text", hint: "For writing" },
            { value: "voice", title: "Voice", hint: "A room, with text beside it" },
            { value: "stage", title: "Stage", hint: "A few speak, everybody else listens" },
          ]}
        />
        <Choice
          legend="Who can find it" name="visibility" value={visibility} onChoose={setVisibility}
          options={[
            { value: "public", title: "Public", hint: "Everybody in the workspace" },
            { value: "private", title: "Private", hint: "Only people who are added" },
          ]}
        />
        <Problem failure={failure} fields={["name", "topic"]} />
        <div className="dialog-actions">
          <button type="button" className="button" onClick={close}>Cancel</button>
          <button className="button primary" data-testid="create-channel" disabled={isBusy || name.trim() === ""}>
            {isBusy ? "Making…" : "Make channel"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The public channels one is not in. The list is read anew, because topics of those channels come by no event. */
export function BrowseDialog() {
  const state = useAppState();
  const client = useClient();
  const dialogs = useDialogs();
  const { isBusy, failure, run } = useTask();
  const channels = joinableChannels(state, state.view.workspaceID);
  useEffect(() => void run(() => client.refreshChannels()), []);
  const join = (channelID: ChannelID) => run(async () => {
    await client.joinChannel(channelID);
    dialogs.close();
  });
  return (
    <Dialog title="Browse channels" onClose={dialogs.close}>
      <Problem failure={failure} />
      {channels.length === 0 && (
        <Empty icon="hash" title={isBusy ? "Looking…" : "You are in all of them"}>
          <p>{isBusy ? "" : "Every public channel of this workspace is in your list."}</p>
          <button type="button" className="button" onClick={() => dialogs.open({ name: "createChannel" })}>
            Make a channel
          </button>
        </Empty>
      )}
      <ul className="picks" data-testid="browse-list">
        {channels.map((channel) => (
          <li key={channel.id}>
            <ChannelIcon channel={channel} />
            <p><strong>{channel.name}</strong><span>{channel.topic}</span></p>
            <button
              type="button" className="button small" data-testid="join-channel" disabled={isBusy}
              aria-label={`Join ${channel.name ?? ""}`} onClick={() => void join(channel.id)}
            >
              Join
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

/** Name and topic of a channel, and the way out of it. */
export function ChannelDialog({ channelID }: { channelID: ChannelID }) {
  const state = useAppState();
  const client = useClient();
  const { open, close } = useDialogs();
  const { isBusy, failure, run } = useTask();
  const channel = state.channels[channelID];
  const [name, setName] = useState(channel?.name ?? "");
  const [topic, setTopic] = useState(channel?.topic ?? "");
  const [visibility, setVisibility] = useState<ChannelVisibility>(channel?.visibility ?? "public");
  if (!channel) return null;
  const mayHide = isOwner(state, channel.workspaceID);
  const save = () => run(async () => {
    await client.updateChannel(channelID, {
      name: name.trim() === channel.name ? undefined : name.trim(),
      topic: topic.trim() === channel.topic ? undefined : topic.trim(),
      visibility: visibility === channel.visibility ? undefined : visibility,
    });
    close();
  });
  const leave = () => run(async () => {
    await client.api.leaveChannel(channelID);
    close();
  });
  return (
    <Dialog title={`About ${titleOf(state, channel)}`} onClose={close}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); void save(); }}>
        <Field
          label="Name" name="name" testID="channel-name" required maxLength={limits.channelNameCount.max} value={name}
          failure={failure} onText={setName}
        />
        <Field
          label="Topic" name="topic" testID="channel-topic" maxLength={limits.channelTopicCount.max} value={topic}
          failure={failure} hint="Shown beside the name" onText={setTopic}
        />
        {mayHide && (
          <Choice
            legend="Who can find it" name="visibility" value={visibility} onChoose={setVisibility}
            options={[
              { value: "public", title: "Public", hint: "Everybody in the workspace" },
              { value: "private", title: "Private", hint: "Only who is in it, now and later by being added" },
            ]}
          />
        )}
        <button
          type="button" className="button call-log-button" data-testid="call-log"
          onClick={() => open({ name: "callLog", channelID })}
        >
          <Icon name="log" />Past calls
        </button>
        <Problem failure={failure} fields={["name", "topic"]} />
        <div className="dialog-actions">
          <button
            type="button" className="button danger" data-testid="leave-channel" disabled={isBusy}
            onClick={() => void leave()}
          >
            Leave channel
          </button>
          <span className="spring" />
          <button type="button" className="button" onClick={close}>Cancel</button>
          <button className="button primary" data-testid="save-channel" disabled={isBusy || name.trim() === ""}>Save</button>
        </div>
      </form>
    </Dialog>
  );
}
