"""How large tiles are and pictures come, and cameras that send one stream of layers."""

from caller import Caller

# The height of the picture that a tile decodes now; 0 without one.
HEIGHT = """
user => document.querySelector(`[data-testid="call-tile"][data-user-id="${user}"][data-source="camera"]
    [data-testid="tile-video"]`)?.videoHeight ?? 0
"""

# Makes all pictures so high on the page, or 0: as they were.
RESIZE = """
height => {
    for (const video of document.querySelectorAll('[data-testid="tile-video"]')) {
        if (height) video.style.setProperty("height", `${height}px`, "important");
        else video.style.removeProperty("height");
    }
}
"""

# Counts, by height, how often a person's tile was seen to have it; it is looked at all the time.
NOTE_HEIGHTS = """
user => {
    const heights = window.heights = {};
    const look = () => {
        const height = document.querySelector(`[data-testid="call-tile"][data-user-id="${user}"][data-source="camera"]
            [data-testid="tile-video"]`)?.videoHeight ?? 0;
        heights[height] = (heights[height] ?? 0) + 1;
    };
    setInterval(look, 50);
}
"""


def height_of(watcher: Caller, actor: Caller) -> int:
    return watcher.tab.evaluate(HEIGHT, actor.user_id)


# The camera as one stream of spatial and temporal layers of CODEC, as MODE names them (W3C webrtc-svc); so small that a
# busy machine encodes all of them. AV1 says what its frames are in a header extension that Chromium offers on demand.
SCALABLE = """
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = wanted => open({ ...wanted,
        ...(wanted.video && { video: { width: 640, height: 360, frameRate: 15 } }) });
    window.RTCPeerConnection = class extends RTCPeerConnection {
        addTransceiver(kind, options) {
            if (kind !== "video" || !(options?.sendEncodings?.length > 1)) return super.addTransceiver(kind, options);
            const section = super.addTransceiver(kind, { ...options,
                sendEncodings: [{ scalabilityMode: "MODE", maxBitrate: 2500000 }] });
            section.setCodecPreferences(RTCRtpSender.getCapabilities("video").codecs.filter(codec =>
                codec.mimeType === "video/rtx"
                || codec.mimeType === "video/CODEC" && /profile(-id)?=0/.test(codec.sdpFmtpLine ?? "profile=0")));
            const isAsked = one => "CODEC" === "AV1" && one.uri.includes("dependency-descriptor");
            section.setHeaderExtensionsToNegotiate(section.getHeaderExtensionsToNegotiate().map(one =>
                isAsked(one) ? { ...one, direction: "sendrecv" } : one));
            return section;
        }
    };
"""


def scalable(codec: str, mode: str) -> str:
    """What a page is to run first, for its camera to be such a stream."""
    return SCALABLE.replace("MODE", mode).replace("CODEC", codec)
