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
  chat: <path d="M4 5h16v11H10l-4 4v-4H4z" />,
};

export type IconName = keyof typeof shapes;

/** A line drawing beside words, or alone in a button that says what it does. */
export function Icon({ name }: { name: IconName }): JSX.Element {
  const shape: ReactNode = shapes[name];
  return <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{shape}</svg>;
}
