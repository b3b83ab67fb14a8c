import type { ActiveCall, FinishedRecording } from "./call-model";
import type { CallRecording } from "./contracts";

/** The recording of a call while it runs. */
export function runningRecording(call: ActiveCall): CallRecording | undefined {
  const recording = call.remote?.recording;
  return recording?.end === undefined ? recording : undefined;
}

/**
 * What the person is to be told of a recording that is over. Of one that ended before they came they are told nothing; one
 * that the state does not know any more was lost with its media node.
 */
export function lastRecordingOf(before: ActiveCall, now: ActiveCall): FinishedRecording | undefined {
  if (runningRecording(now)) return undefined;
  const recording = runningRecording(before);
  if (!recording) return now.lastRecording;
  const latest = now.remote?.recording;
  return { recording, end: latest?.id === recording.id ? latest.end ?? "lost" : "lost" };
}

/** What the end of a recording means for the people in the call. */
export const endWords: Readonly<Record<FinishedRecording["end"], string>> = {
  stopped: "The recording has ended. Its files will be posted to the channel.",
  limitReached: "The recording has ended: it is as long as one may be. Its files will be posted to the channel.",
  diskFull: "The recording has ended: the server's disk is full. What was recorded will be posted to the channel.",
  failed: "The recording has ended: the server could not write it. What was recorded will be posted to the channel.",
  lost: "The recording has ended, because the call goes on at another server. What was recorded will be posted to the channel.",
};
