import type { ActiveCall } from "./call-model";
import type { CallRecording, RecordingEnd } from "./contracts";

/** The recording of a call while it runs. */
export function runningRecording(call: ActiveCall): CallRecording | undefined {
  const recording = call.remote?.recording;
  return recording?.end === undefined ? recording : undefined;
}

/** What the end of a recording means for the people in the call. */
export const endWords: Readonly<Record<RecordingEnd, string>> = {
  stopped: "The recording has ended. Its files will be posted here.",
  limitReached: "The recording has ended: it is as long as one may be. Its files will be posted here.",
  diskFull: "The recording has ended: the server's disk is full. What was recorded will be posted here.",
  failed: "The recording has ended: the server could not write it. What was recorded will be posted here.",
};
