import type { ActiveCall, IdleCall } from "../core/call-model";
import { runningRecording } from "../core/recording";
import { titleOf } from "../core/selectors";
import { CallControls } from "./CallControls";
import { phaseWords } from "./CallPanel";
import { useAppState, useClient, useDialogs } from "./context";
import { IconButton } from "./Controls";
import { Icon } from "./icons";

/** Above whatever is in view: the call that goes on in another channel, or why the last one is over. */
export function CallBar() {
  const { call, view } = useAppState();
  if (call.phase === "idle") return <Ending call={call} />;
  return call.channelID === view.channelID ? null : <Elsewhere call={call} />;
}

function Elsewhere({ call }: { call: ActiveCall }) {
  const state = useAppState();
  const { dispatch } = useClient().store;
  const channel = state.channels[call.channelID];
  const title = channel ? titleOf(state, channel) : "another channel";
  return (
    <section className="call-bar" aria-label={`Call in ${title}`} data-testid="call-bar" data-state={call.phase}>
      <button
        type="button" className="call-back" onClick={() => dispatch({ type: "channelChosen", channelID: call.channelID })}
      >
        <Icon name="call" />
        <span><strong>{title}</strong><small role="status">{phaseWords(call)}{runningRecording(call) && ", recorded"}</small></span>
        <span className="visually-hidden">, back to the call</span>
      </button>
      <CallControls call={call} />
    </section>
  );
}

function Ending({ call: { ending } }: { call: IdleCall }) {
  const state = useAppState();
  const { caller } = useClient();
  const dialogs = useDialogs();
  const canJoin = ending !== undefined && ending.channelID in state.joined;
  return (
    <div role="status" className="call-ending-place">
      {ending && (
        <div className="call-ending">
          <p data-testid="call-ended">{ending.sentence}</p>
          {canJoin && (
            <button
              type="button" className="button small" data-testid="call-again"
              onClick={() => dialogs.open({ name: "joinCall", channelID: ending.channelID })}
            >
              Join again
            </button>
          )}
          <IconButton icon="close" label="Dismiss" onClick={caller.dismissEnding} />
        </div>
      )}
    </div>
  );
}
