import type { ConnectionState } from "../core/state";
import { useAppState, useClient } from "./context";
import { useSecondsUntil } from "./times";

/** Says that events do not arrive and what is done about it. A short break passes before it shows. */
export function ConnectionBanner() {
  const { connection } = useAppState();
  const client = useClient();
  const seconds = useSecondsUntil(connection.phase === "waiting" ? connection.retryAt : 0);
  const isQuiet = connection.phase === "current" || connection.phase === "idle";
  return (
    <div className="connection" role="status" data-phase={connection.phase}>
      {!isQuiet && (
        <p className="connection-banner">
          <span className="connection-dot" />
          <span>
            {words(connection.phase)}
            {connection.phase === "waiting" && <span aria-hidden="true">{seconds > 1 ? ` in ${seconds} s` : "…"}</span>}
          </span>
          {connection.phase === "waiting" && (
            <button type="button" className="link" onClick={client.reconnect}>Try now</button>
          )}
          {connection.phase === "stopped" && (
            <button type="button" className="link" onClick={() => location.reload()}>Reload</button>
          )}
        </p>
      )}
    </div>
  );
}

function words(phase: ConnectionState["phase"]): string {
  switch (phase) {
    case "connecting": return "Connecting…";
    case "replaying": return "Catching up…";
    case "waiting": return navigator.onLine ? "Reconnecting" : "You are offline. Reconnecting";
    case "stopped": return "Roost has changed. Reload the page to go on.";
    default: return "";
  }
}
