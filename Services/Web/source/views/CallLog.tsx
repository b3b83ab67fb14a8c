import { useEffect, useState } from "react";
import { isMissed, lengthWords, pastCallWords } from "../core/callLog";
import type { ChannelID, PastCall } from "../core/contracts";
import { myID, titleOf } from "../core/selectors";
import { useAppState, useClient, useDialogs, useTask } from "./context";
import { Problem } from "./Controls";
import { Dialog } from "./Dialog";
import { Icon } from "./icons";
import { clockTime, dayTitle, fullTime } from "./times";

/** The past calls of a channel or a conversation, the latest first. */
export function CallLogDialog({ channelID }: { channelID: ChannelID }) {
  const state = useAppState();
  const { api } = useClient();
  const { close } = useDialogs();
  const { isBusy, failure, run } = useTask();
  const [calls, setCalls] = useState<readonly PastCall[]>();
  const [before, setBefore] = useState<string>();
  const load = async () => {
    const page = await api.listCalls(channelID, before);
    setCalls((known) => before === undefined ? page.calls : [...(known ?? []), ...page.calls]);
    setBefore(page.before);
  };
  useEffect(() => void run(load), []);
  const channel = state.channels[channelID];
  if (!channel) return null;
  return (
    <Dialog title={`Calls ${channel.kind === "direct" ? "with" : "in"} ${titleOf(state, channel)}`} onClose={close} testID="call-log-dialog">
      <Problem failure={failure} />
      {calls?.length === 0 && <p className="quiet" role="status">There has been no call yet.</p>}
      <ul className="picks call-log" aria-busy={isBusy} data-testid="call-log-list">
        {calls?.map((call) => <Row key={call.id} call={call} />)}
      </ul>
      {before !== undefined && (
        <button type="button" className="button" data-testid="call-log-earlier" disabled={isBusy} onClick={() => void run(load)}>
          Earlier calls
        </button>
      )}
    </Dialog>
  );
}

function Row({ call }: { call: PastCall }) {
  const state = useAppState();
  const missed = isMissed(call);
  const nameOf = (userID: string) => state.users[userID]?.displayName ?? "Somebody";
  return (
    <li data-testid="past-call" data-missed={missed} className={missed ? "missed" : undefined}>
      <Icon name={missed ? "missed" : "call"} />
      <p>
        <strong>{pastCallWords(call, myID(state), nameOf)}</strong>
        <span>
          <time dateTime={call.startedAt} title={fullTime(call.startedAt)}>{dayTitle(call.startedAt)}, {clockTime(call.startedAt)}</time>
          {!missed && <> · {lengthWords(call)}</>}
        </span>
      </p>
    </li>
  );
}
