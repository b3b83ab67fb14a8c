import type { ReactNode } from "react";

/** The mark: a bird under its roof. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 64 64" aria-hidden="true" focusable="false">
      <path className="mark-roof" d="M8 28 32 9l24 19" />
      <path
        className="mark-bird"
        d="M18.500 37.500C18.500 30.600 23.600 25.500 30.500 25.500c6.300 0 10.400 4.100 11.300 9.400l5.400 2.200-5.300 2.500C40.900 46.500 36.100 50.700 30.200 50.700H15c-1 0-1.600-1.100-.9-1.900 2.900-3.400 4.400-6.900 4.400-11.300Z"
      />
      <circle className="mark-eye" cx="34" cy="34.500" r="2.200" />
      <path className="mark-perch" d="M12 56.500h40" />
    </svg>
  );
}

const shapes = {
  add: <path d="M12 5v14M5 12h14" />,
  hash: <path d="M5 9h15M4 15h15M10 4 8 20M16 4l-2 16" />,
  lock: <path d="M7 11V8a5 5 0 0 1 10 0v3M6 11h12v9H6z" />,
  voice: <path d="M4 10v4h3l5 4V6L7 10zM16 9a4 4 0 0 1 0 6M18.500 6.500a8 8 0 0 1 0 11" />,
  stage: <path d="M3 20.500h18M7 20.500v-5.500h10v5.500M8.500 15l1-5h5l1 5M12 7.500a2.250 2.250 0 1 0 0-4.500 2.250 2.250 0 0 0 0 4.500" />,
  people: <path d="M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7M2.500 20a6.500 6.500 0 0 1 13 0M16 4.300a3.500 3.500 0 0 1 0 6.400M18 14.500a6.500 6.500 0 0 1 3.500 5.500" />,
  details: <path d="M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 11v6M12 7.200v.1" />,
  menu: <path d="M4 7h16M4 12h16M4 17h16" />,
  close: <path d="m6 6 12 12M18 6 6 18" />,
  edit: <path d="m4 20 1-4L16.500 4.500l3 3L8 19zM14 7l3 3" />,
  trash: <path d="M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5" />,
  send: <path d="M4 12 20 4l-5 16-3.500-6.500zM11.500 13.500 20 4" />,
  search: <path d="M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14M20 20l-4-4" />,
  settings: <path d="M4 7h9M17 7h3M4 17h3M11 17h9M15 9.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5M9 19.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5" />,
  invite: <path d="M10 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7M3.500 20a6.500 6.500 0 0 1 13 0M19 8v6M16 11h6" />,
  compass: <path d="M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M15.500 8.500l-2 5-5 2 2-5z" />,
  down: <path d="M12 5v14M6 13l6 6 6-6" />,
  call: <path d="M5 4h4l1.500 4.500L8 10.500a12 12 0 0 0 5.500 5.500l2-2.500L20 15v4c0 .6-.4 1-1 1C11 19.500 4.500 13 4 5c0-.6.4-1 1-1" />,
  missed: <path d="M6 5h5M6 5v5M6 5l6 6 7-7M3 17.500c0-2.500 4-4.500 9-4.500s9 2 9 4.500v1c0 .4-.4.8-.9.700l-3-.6c-.4-.1-.7-.4-.7-.8v-1.300a13 13 0 0 0-8.800 0v1.300c0 .4-.3.700-.7.800l-3 .6c-.5.1-.9-.3-.9-.7z" />,
  more: <path d="M6 12h.01M12 12h.01M18 12h.01" strokeWidth="3" />,
  pin: <path d="M9 4h6l-.700 6 3.200 3.500h-11L9.700 10zM12 13.500V20" />,
  float: <path d="M4 5h16c.6 0 1 .4 1 1v5M3 6v12c0 .6.4 1 1 1h7M4 5c-.6 0-1 .4-1 1M14 14h6.500v5H14z" />,
  grid: <path d="M4 4.500h6.500V11H4zM13.500 4.500H20V11h-6.500zM4 13.500h6.500V20H4zM13.500 13.500H20V20h-6.500z" />,
  speaker: <path d="M4 5h16v9.500H4zM4 18h4M10 18h4M16 18h4" />,
  hand: <path d="M8 13V6.500a1.300 1.300 0 0 1 2.600 0V11V5a1.300 1.300 0 0 1 2.600 0v6V6a1.300 1.300 0 0 1 2.600 0v6.500V9a1.300 1.300 0 0 1 2.600 0v5.500c0 3.600-2.300 6-5.700 6-3 0-4.500-1.500-5.700-3.700L4.600 13.400c-.5-.9.700-1.800 1.500-1z" />,
  hangUp: <path d="M3 14.500c0-4 4-6.500 9-6.500s9 2.500 9 6.500v1.500c0 .6-.5 1-1.100.9l-3.500-.6c-.5-.1-.8-.5-.8-1v-2a11 11 0 0 0-7.200 0v2c0 .5-.3.9-.8 1l-3.500.6A1 1 0 0 1 3 16z" />,
  microphone: <path d="M12 15a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3M6 11.500a6 6 0 0 0 12 0M12 17.500V21M9 21h6" />,
  microphoneOff: <path d="M9 9v3a3 3 0 0 0 4.500 2.600M15 11V6a3 3 0 0 0-5.900-.8M6 11.500a6 6 0 0 0 9.500 4.900M17.700 13.500a6 6 0 0 0 .3-2M12 17.500V21M9 21h6M4 3.500l16 17" />,
  camera: <path d="M3.500 7h10.500c.8 0 1.500.7 1.500 1.500v7c0 .8-.7 1.500-1.500 1.500H4c-.8 0-1.500-.7-1.500-1.500v-7C2.500 7.700 3 7 3.500 7M15.500 11l6-3v8l-6-3" />,
  cameraOff: <path d="M9.500 7H14c.8 0 1.500.7 1.500 1.500V11l6-3v8l-4-2M14.500 16.700c-.2.200-.3.300-.500.300H4c-.8 0-1.500-.7-1.500-1.500v-7C2.500 7.700 3.200 7 4 7h.8M4 3.500l16 17" />,
  screen: <path d="M4 5h16c.6 0 1 .4 1 1v10c0 .6-.4 1-1 1H4c-.6 0-1-.4-1-1V6c0-.6.4-1 1-1M9 20.500h6M12 14V8.500M9.500 11 12 8.500l2.500 2.500" />,
  expand: <path d="M9 4H4v5M15 4h5v5M9 20H4v-5M15 20h5v-5" />,
  shrink: <path d="M4 9h5V4M20 9h-5V4M4 15h5v5M20 15h-5v5" />,
  unread: <path d="M4 6.500h9M4 6.500v11h16V12M4 7l8 6 3.500-2.600M18.500 8.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5" />,
  check: <path d="m5 12.500 4.500 4.500L19 7" />,
  remove: <path d="M10 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7M3.500 20a6.500 6.500 0 0 1 13 0M16 11h6" />,
  warning: <path d="M12 4 2.500 20h19zM12 10v5M12 17.500v.1" />,
  chat: <path d="M4 5h16v11H10l-4 4v-4H4z" />,
};

export type IconName = keyof typeof shapes;

/** A line drawing beside words, or alone in a button that says what it does. */
export function Icon({ name }: { name: IconName }): JSX.Element {
  const shape: ReactNode = shapes[name];
  return <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{shape}</svg>;
}
