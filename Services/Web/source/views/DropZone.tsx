import { useRef, useState } from "react";
import type { DragEvent, ReactNode } from "react";
import type { Channel } from "../core/contracts";
import { useClient } from "./context";
import { Icon } from "./icons";

/** The column of a channel, onto which files may be dropped. */
export function DropZone({ channel, children }: { channel: Channel; children: ReactNode }) {
  const client = useClient();
  const [isOver, setOver] = useState(false);
  // Entering a child comes before leaving its parent.
  const depth = useRef(0);
  const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");
  const step = (event: DragEvent, change: number) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth.current += change;
    setOver(depth.current > 0);
  };
  const drop = (event: DragEvent) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth.current = 0;
    setOver(false);
    client.uploader.attach(channel.id, [...event.dataTransfer.files]);
    document.getElementById("composer")?.focus();
  };
  return (
    <main
      className="channel" id="channel" tabIndex={-1} aria-labelledby="channel-title"
      onDragEnter={(event) => step(event, 1)} onDragLeave={(event) => step(event, -1)}
      onDragOver={(event) => { if (hasFiles(event)) event.preventDefault(); }} onDrop={drop}
    >
      {children}
      {isOver && <p className="drop-hint" data-testid="drop-hint"><Icon name="attach" />Drop to attach</p>}
    </main>
  );
}
