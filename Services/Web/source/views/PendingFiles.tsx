import type { PendingFile } from "../core/attachments";
import { sizeWords } from "../core/attachments";
import { useClient } from "./context";
import { IconButton } from "./Controls";
import { Icon } from "./icons";

/** What is attached to the message that is being written, each with its progress and a way to take it off. */
export function PendingFiles({ files }: { files: readonly PendingFile[] }) {
  if (files.length === 0) return null;
  return (
    <ul className="pending-files" aria-label="Attached files">
      {files.map((file) => <li key={file.key}><Pending file={file} /></li>)}
    </ul>
  );
}

function Pending({ file }: { file: PendingFile }) {
  const client = useClient();
  const { key, name, byteCount, state, progress, problem, isHopeless } = file;
  return (
    <div className="pending-file" data-testid="pending-file" data-state={state}>
      <Icon name="file" />
      <div className="pending-text">
        <p className="file-name" dir="auto" title={name}>{name}</p>
        {state === "failed"
          ? <p className="field-problem" role="alert">{problem}</p>
          : <p className="file-size">{progressWords(state === "ready" ? undefined : progress, byteCount)}</p>}
        {state === "uploading" && <progress value={progress} max={1} aria-label={`${name} is uploaded`} />}
      </div>
      {state === "failed" && !isHopeless && (
        <button
          type="button" className="button small" data-testid="retry-file"
          onClick={() => client.uploader.retry(file)}
        >
          Retry
        </button>
      )}
      <IconButton
        icon="close" label={`Take off ${name}`} testID="remove-file"
        onClick={() => client.store.dispatch({ type: "fileRemoved", key })}
      />
    </div>
  );
}

function progressWords(progress: number | undefined, byteCount: number): string {
  const size = sizeWords(byteCount);
  return progress === undefined ? size : `${Math.round(progress * 100)} % of ${size}`;
}
