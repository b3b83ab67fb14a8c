import type { ConnectionState } from "../core/state";
import { useAppState, useClient } from "./context";
import { useSecondsUntil } from "./times";

/** Says that events do not arrive and what is done about it. A short break passes before it shows. */
export function ConnectionBanner() {
  const { connection, outbox } = useAppState();
  const client = useClient();
  const seconds = useSecondsUntil(connection.phase === "waiting" ? connection.retryAt : 0);
  const isQuiet = connection.phase === "current" || connection.phase === "idle";
  const isBroken = connection.phase === "waiting";
  const waiting = outbox.filter((outgoing) => outgoing.state === "pending").length;
  return (
    <div className="connection" role="status" data-phase={connection.phase}>
      {!isQuiet && (
        <p className="connection-banner" data-testid="connection-banner">
          <span className="connection-dot" />
          <span>
            {bannerWords(connection)}
            {isBroken && <span aria-hidden="true">{seconds > 1 ? ` in ${seconds} s.` : " now."}</span>}
            {isBroken && <span className="connection-more"> {keptWords(waiting)}</span>}
          </span>
          {isBroken && <button type="button" className="link" onClick={client.reconnect}>Try now</button>}
          {connection.phase === "stopped" && (
            <button type="button" className="link" onClick={() => location.reload()}>Reload</button>
          )}
        </p>
      )}
    </div>
  );
}

/** Beside the name of the workspace: a small mark that says how things are when all is well, too. */
export function ConnectionMark() {
  const { connection } = useAppState();
  const words = markWords(connection);
  return (
    <span className={`connection-mark connection-${connection.phase}`} title={words} data-testid="connection-mark">
      <span className="visually-hidden">{words}</span>
    </span>
  );
}

function bannerWords(connection: ConnectionState): string {
  switch (connection.phase) {
    case "connecting": return "Connecting…";
    case "replaying": return "Catching up…";
    case "waiting": return navigator.onLine ? "Connection lost. Trying again" : "You are offline. Trying again";
    case "stopped": return "Roost has changed. Reload the page to go on.";
    default: return "";
  }
}

function keptWords(waiting: number): string {
  if (waiting === 0) return "What you write is kept and sent then.";
  return waiting === 1 ? "Your message is kept and sent then." : `Your ${waiting} messages are kept and sent then.`;
}

function markWords({ phase }: ConnectionState): string {
  switch (phase) {
    case "current": return "Live: what others write appears at once";
    case "replaying": return "Catching up with what happened meanwhile";
    case "waiting":
    case "stopped": return "Offline";
    default: return "Connecting";
  }
}
