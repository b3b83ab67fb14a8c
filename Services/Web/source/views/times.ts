import { useEffect, useState } from "react";
import type { Timestamp } from "../core/contracts";

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const dayWithWeekday = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayWithYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

export const clockTime = (at: Timestamp): string => clock.format(new Date(at));
export const fullTime = (at: Timestamp): string => full.format(new Date(at));

/** The local day of a moment, as a name to compare by. */
export function dayOf(at: Timestamp): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

export function dayTitle(at: Timestamp): string {
  const now = new Date();
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (dayOf(at) === dayOf(now.toISOString())) return "Today";
  if (dayOf(at) === dayOf(yesterday.toISOString())) return "Yesterday";
  const date = new Date(at);
  return (date.getFullYear() === now.getFullYear() ? dayWithWeekday : dayWithYear).format(date);
}

/** Whole seconds until a moment, counted down while it lies ahead. */
export function useSecondsUntil(moment: number): number {
  const [now, setNow] = useState(Date.now());
  const isAhead = moment > now;
  useEffect(() => {
    if (!isAhead) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [isAhead, moment]);
  return Math.max(0, Math.ceil((moment - Math.max(now, Date.now())) / 1000));
}
