import { badgeOf, waitingInAll } from "../core/selectors";
import { initialsOf, tintOf } from "./Avatar";
import { useAppState, useClient, useDialogs } from "./context";
import { Icon } from "./icons";

/** The workspaces as a row of bird houses. */
export function WorkspaceRail() {
  const state = useAppState();
  const { dispatch } = useClient().store;
  const dialogs = useDialogs();
  const workspaces = Object.values(state.workspaces).map(({ workspace }) => workspace)
    .sort((left, right) => left.id.localeCompare(right.id));
  return (
    <nav className="rail" aria-label="Workspaces">
      <ul>
        {workspaces.map(({ id, name }) => {
          const { unread, calls } = waitingInAll(state, id);
          const isInView = id === state.view.workspaceID;
          return (
            <li key={id}>
              <button
                type="button" className={`house tint-${tintOf(id)}`} title={name} data-workspace-id={id}
                aria-current={isInView ? "true" : undefined} data-unread={unread} data-mentions={calls}
                onClick={() => dispatch({ type: "workspaceChosen", workspaceID: id })}
              >
                <span aria-hidden="true">{initialsOf(name)}</span>
                <span className="visually-hidden">{name}</span>
                {calls > 0 && (
                  <span className="house-badge">{badgeOf(calls)}<span className="visually-hidden"> for you</span></span>
                )}
                {calls === 0 && unread > 0 && !isInView && (
                  <span className="dot"><span className="visually-hidden">, {badgeOf(unread)} unread</span></span>
                )}
              </button>
            </li>
          );
        })}
      </ul>
      <button
        type="button" className="house house-new" aria-label="New workspace" title="New workspace"
        data-testid="new-workspace" onClick={() => dialogs.open({ name: "createWorkspace" })}
      >
        <Icon name="add" />
      </button>
    </nav>
  );
}
