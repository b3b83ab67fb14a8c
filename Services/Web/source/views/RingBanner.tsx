import type { CallRing } from "../core/contracts";
import { incomingRings } from "../core/rings";
import { Avatar } from "./Avatar";
import { useAppState, useClient } from "./context";
import { Icon } from "./icons";

/**
 * Over whatever is in view: who calls, and yes or no. The focus stays where the person is. While a dialog is open the banner
 * is in it, because the browser lets nothing else be used.
 */
export function RingBanner() {
  const rings = incomingRings(useAppState());
  return (
    <div className="rings" role="alert">
      {rings.map((ring) => <Ring key={ring.id} ring={ring} />)}
    </div>
  );
}

function Ring({ ring }: { ring: CallRing }) {
  const state = useAppState();
  const client = useClient();
  const caller = state.users[ring.callerID];
  const name = caller?.displayName ?? "Somebody";
  const isInCall = state.call.phase !== "idle";
  return (
    <section
      className="ring" aria-label={`${name} calls`} data-testid="ring" data-ring-id={ring.id}
      data-channel-id={ring.channelID}
    >
      <span className="ring-face"><Avatar user={caller} /></span>
      <p>
        <strong>{name}</strong>
        <span>{isInCall ? "calls you. Answering leaves the call you are in." : "calls you"}</span>
      </p>
      <div className="ring-answers">
        <button
          type="button" className="button ring-decline" data-testid="ring-decline" aria-label={`Decline the call of ${name}`}
          onClick={() => void client.declineRing(ring)}
        >
          <Icon name="hangUp" />Decline
        </button>
        <button
          type="button" className="icon-button ring-video" data-testid="ring-accept-video" title="Answer with camera"
          aria-label={`Answer ${name} with camera`} onClick={() => void client.acceptRing(ring, true)}
        >
          <Icon name="camera" />
        </button>
        <button
          type="button" className="button ring-accept" data-testid="ring-accept" aria-label={`Answer the call of ${name}`}
          onClick={() => void client.acceptRing(ring, false)}
        >
          <Icon name="call" />Answer
        </button>
      </div>
    </section>
  );
}
