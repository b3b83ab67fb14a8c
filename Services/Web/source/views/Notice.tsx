import { useAppState, useClient } from "./context";
import { IconButton } from "./Controls";

/** Something that went wrong out of sight, until it is dismissed. */
export function Notice() {
  const { notice } = useAppState().view;
  const { dispatch } = useClient().store;
  return (
    <div role="alert" className="notice-place">
      {notice !== undefined && (
        <p className="notice toast" data-testid="notice">
          {notice}
          <IconButton icon="close" label="Dismiss" onClick={() => dispatch({ type: "noticeDismissed" })} />
        </p>
      )}
    </div>
  );
}
