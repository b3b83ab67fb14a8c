import { useEffect, useState } from "react";
import { kindOf, shownSize, sizeWords } from "../core/attachments";
import type { Attachment, ChannelID } from "../core/contracts";
import { useClient } from "./context";
import { Icon } from "./icons";

interface AttachmentsProps {
  channelID: ChannelID;
  files: readonly Attachment[];
}

/** The files of a message: what browsers show in place is shown, the rest is a card to download by. */
export function Attachments({ channelID, files }: AttachmentsProps) {
  return (
    <ul className="attachments" aria-label={files.length === 1 ? "File" : `${files.length} files`}>
      {files.map((file) => (
        <li key={file.id} data-testid="attachment" data-kind={kindOf(file)}><Shown channelID={channelID} file={file} /></li>
      ))}
    </ul>
  );
}

interface ShownProps {
  channelID: ChannelID;
  file: Attachment;
}

function Shown(props: ShownProps) {
  switch (kindOf(props.file)) {
    case "image": return <Picture {...props} />;
    case "video": return <Video {...props} />;
    case "audio": return <Sound {...props} />;
    case "other": return <Card {...props} />;
  }
}

/** Its place is as large as it will be, so that nothing moves when it comes. */
function Picture({ channelID, file }: ShownProps) {
  const { url, isBroken, onError } = useLink(channelID, file);
  const { width, height } = shownSize(file);
  if (isBroken) return <Card channelID={channelID} file={file} />;
  return (
    <a
      className="picture" href={url} target="_blank" rel="noopener" title={file.name}
      style={{ width, aspectRatio: `${width} / ${height}` }}
    >
      {url !== undefined && <img src={url} alt={file.name} loading="lazy" decoding="async" onError={onError} />}
    </a>
  );
}

function Video({ channelID, file }: ShownProps) {
  const { url, isBroken, onError } = useLink(channelID, file);
  const { width, height } = shownSize(file);
  if (isBroken) return <Card channelID={channelID} file={file} />;
  return (
    <figure className="player">
      <div className="picture" style={{ width, aspectRatio: `${width} / ${height}` }}>
        {url !== undefined && (
          <video src={url} controls preload="metadata" playsInline aria-label={file.name} onError={onError} />
        )}
      </div>
      <figcaption><FileName url={url} file={file} /></figcaption>
    </figure>
  );
}

function Sound({ channelID, file }: ShownProps) {
  const { url, isBroken, onError } = useLink(channelID, file);
  if (isBroken) return <Card channelID={channelID} file={file} />;
  return (
    <figure className="player sound">
      <audio src={url} controls preload="metadata" aria-label={file.name} onError={onError} />
      <figcaption><FileName url={url} file={file} /></figcaption>
    </figure>
  );
}

function Card({ channelID, file }: ShownProps) {
  const { url } = useLink(channelID, file);
  return (
    <p className="file-card">
      <Icon name="file" />
      <FileName url={url} file={file} />
    </p>
  );
}

function FileName({ url, file }: { url: string | undefined; file: Attachment }) {
  return (
    <>
      <a className="file-name" href={url} download={file.name} dir="auto">{file.name}</a>
      <span className="file-size">{sizeWords(file.byteCount)}</span>
    </>
  );
}

interface Link {
  url: string | undefined;
  /** Whether the file cannot be shown, though it has a link that is new. */
  isBroken: boolean;
  onError: () => void;
}

/** A link to a file. One that fails is replaced once: it may have ended while the page was open. */
function useLink(channelID: ChannelID, { id }: Attachment): Link {
  const { links } = useClient();
  const [url, setURL] = useState(() => links.peek(id));
  const [failures, setFailures] = useState(0);
  useEffect(() => {
    let isWanted = true;
    if (failures > 0) links.forget(id);
    void links.get(channelID, id).then((next) => { if (isWanted) setURL(next); });
    return () => { isWanted = false; };
  }, [channelID, id, failures]);
  return { url, isBroken: failures > 1, onError: () => setFailures((count) => count + 1) };
}
