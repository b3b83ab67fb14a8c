import { useId, useLayoutEffect, useRef } from "react";
import type { ReactNode } from "react";
import { IconButton } from "./Controls";
import { RingBanner } from "./RingBanner";

interface DialogProps {
  title: string;
  onClose: () => void;
  className?: string;
  testID?: string;
  children: ReactNode;
}

/**
 * A modal dialog: the browser keeps the focus inside, Esc closes it, and the focus goes back to where it was. The close
 * button is last, so that the focus begins at the first field.
 */
export function Dialog({ title, onClose, className = "", testID, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const titleID = useId();
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element} className={`dialog ${className}`} aria-labelledby={titleID} data-testid={testID}
      onCancel={(event) => { event.preventDefault(); onClose(); }}
      onMouseDown={(event) => { if (event.target === event.currentTarget) onClose(); }}
    >
      <RingBanner />
      <div className="dialog-content">
        <h2 id={titleID}>{title}</h2>
        {children}
        <IconButton icon="close" label="Close" onClick={onClose} />
      </div>
    </dialog>
  );
}
