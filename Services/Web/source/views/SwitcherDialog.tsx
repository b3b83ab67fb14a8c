import { useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";
import { channelGroups, joinableChannels, matches, otherPeople, partnerOf, titleOf } from "../core/selectors";
import type { State } from "../core/state";
import type { Client } from "../shell/client";
import { Avatar } from "./Avatar";
import { useAppState, useClient, useDialogs, useTask } from "./context";
import { Problem } from "./Controls";
import { Dialog } from "./Dialog";
import { ChannelIcon } from "./Sidebar";

interface Place {
  key: string;
  title: string;
  note: string;
  icon: ReactNode;
  go: () => Promise<void>;
}

/** Ctrl K: type a few letters, go there. */
export function SwitcherDialog() {
  const state = useAppState();
  const client = useClient();
  const { close } = useDialogs();
  const { failure, run } = useTask();
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState(0);
  const places = placesOf(state, client).filter((place) => matches(`${place.title} ${place.note}`, query)).slice(0, 12);
  const go = (place: Place | undefined) => {
    if (place) void run(async () => {
      await place.go();
      close();
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "ArrowDown") setChosen((chosen + 1) % Math.max(1, places.length));
    else if (event.key === "ArrowUp") setChosen((chosen + places.length - 1) % Math.max(1, places.length));
    else if (event.key === "Enter") go(places[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Go to" onClose={close} className="switcher">
      <label htmlFor="switcher" className="visually-hidden">Channel or person</label>
      <input
        id="switcher" className="switcher-input" role="combobox" aria-expanded="true" aria-controls="switcher-list"
        aria-activedescendant={places[chosen] && `place-${chosen}`} autoComplete="off" autoFocus value={query}
        placeholder="Channel or person" data-testid="switcher-input"
        onChange={(event) => {
          setQuery(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <Problem failure={failure} />
      <ul id="switcher-list" className="places" role="listbox" aria-label="Places">
        {places.map((place, index) => (
          <li
            key={place.key} id={`place-${index}`} role="option" aria-selected={index === chosen}
            onClick={() => go(place)} onMouseMove={() => setChosen(index)}
          >
            {place.icon}
            <strong>{place.title}</strong>
            <span>{place.note}</span>
          </li>
        ))}
      </ul>
      {places.length === 0 && <p className="quiet" role="status">Nothing is called that.</p>}
    </Dialog>
  );
}

/** Joined channels first, then people without a conversation yet, then public channels to join. */
function placesOf(state: State, client: Client): Place[] {
  const { workspaceID } = state.view;
  const { text, voice, direct } = channelGroups(state, workspaceID);
  const partners = new Set(direct.map((channel) => partnerOf(state, channel)?.id));
  const joined = [...text, ...voice, ...direct].map((channel): Place => ({
    key: channel.id,
    title: titleOf(state, channel),
    note: channel.kind === "direct" ? `@${partnerOf(state, channel)?.username ?? ""}` : channel.topic,
    icon: channel.kind === "direct" ? <Avatar user={partnerOf(state, channel)} size="small" /> : <ChannelIcon channel={channel} />,
    go: async () => client.store.dispatch({ type: "channelChosen", channelID: channel.id }),
  }));
  const people = otherPeople(state, workspaceID).filter((user) => !partners.has(user.id)).map((user): Place => ({
    key: user.id,
    title: user.displayName,
    note: `@${user.username}`,
    icon: <Avatar user={user} size="small" />,
    go: () => client.openDirect(user.id),
  }));
  const joinable = joinableChannels(state, workspaceID).map((channel): Place => ({
    key: channel.id,
    title: channel.name ?? "",
    note: "Join this channel",
    icon: <ChannelIcon channel={channel} />,
    go: () => client.joinChannel(channel.id),
  }));
  return [...joined, ...people, ...joinable];
}
